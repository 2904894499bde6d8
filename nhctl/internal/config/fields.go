package config

import (
	"reflect"
	"strings"
)

// Field describes one field of the config, for the reference.
type Field struct {
	// Path is the field's place, such as containers[].dev.image.
	Path string
	// Type is text, number, true or false, command, mapping, or a list of one of these.
	Type, Doc, Default, Example string
	Enum                        []string
	// Names is what a text names: service, kind, container, image, dev image, port, file or folder; "" for nothing.
	Names string
	// Added says that Nocalhost's config has no such field, Unused that it has no effect here, Required that its
	// mapping means nothing without it.
	Added, Unused, Required bool
}

// Name is the field's key.
func (f Field) Name() string { return f.Path[strings.LastIndexByte(f.Path, '.')+1:] }

// Key is the field's short name, as scenarios have it: containers[].dev.image is dev.image.
func (f Field) Key() string {
	key := strings.ReplaceAll(f.Path, "[]", "")
	if inner := strings.TrimPrefix(key, "containers."); strings.Contains(inner, ".") {
		return inner
	}
	return key
}

// Fields are all fields of a service that hold a value, in the order of the types.
func Fields() []Field { return fieldsOf(reflect.TypeFor[Service](), "", false, false) }

func fieldsOf(t reflect.Type, prefix string, added, idle bool) []Field {
	var all []Field
	for i := range t.NumField() {
		f := t.Field(i)
		x := described(f, prefix)
		x.Added, x.Unused = x.Added || added, x.Unused || idle
		inner, list := f.Type, ""
		if inner.Kind() == reflect.Slice && inner != reflect.TypeFor[Profiles]() {
			inner, list = inner.Elem(), "[]"
			if f.Type == reflect.TypeFor[Syncs]() {
				list = "" // one is written without a list
			}
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[Command]() {
			all = append(all, fieldsOf(inner, x.Path+list+".", x.Added, x.Unused)...)
			continue
		}
		all = append(all, x)
	}
	for _, name := range unused(t) {
		all = append(all, theirs(prefix, name))
	}
	return all
}

// described is what a struct's field says of itself; prefix is the path to the struct.
func described(f reflect.StructField, prefix string) Field {
	tag := f.Tag.Get
	x := Field{
		Path:     prefix + tag("json"),
		Type:     typeName(f.Type),
		Doc:      tag("doc"),
		Default:  tag("default"),
		Example:  tag("example"),
		Names:    tag("names"),
		Added:    tag("added") != "",
		Unused:   tag("unused") != "",
		Required: tag("required") != "",
	}
	if enum := tag("enum"); enum != "" {
		x.Enum = strings.Split(enum, ",")
	}
	return x
}

// theirs is a field of Nocalhost's that has no effect here.
func theirs(prefix, name string) Field {
	return Field{Path: prefix + name, Type: "any", Doc: "Nocalhost's, about installing an application.", Unused: true}
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Command]():
		return "command"
	case t == reflect.TypeFor[Profiles]():
		return "overlays by name"
	case t == reflect.TypeFor[Syncs]():
		return "mapping, or a list of mappings"
	case t.Kind() == reflect.Slice:
		return "list of " + plural(typeName(t.Elem()))
	case t.Kind() == reflect.Struct:
		return "mapping"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Int:
		return "number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "text"
	}
}

func plural(name string) string {
	if name == "mapping" {
		return "mappings"
	}
	return name
}
