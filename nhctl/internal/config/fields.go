package config

import (
	"reflect"
	"strings"
)

// Field describes one field of the config, for the reference.
type Field struct {
	// Path is the field's place, such as containers[].dev.image.
	Path string
	// Type is text, number, true or false, command, or a list of one of these.
	Type, Doc, Default, Example string
	Enum                        []string
	// Added says that Nocalhost's config has no such field, Unused that it has no effect here.
	Added, Unused bool
}

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
		tag := func(name string) string { return f.Tag.Get(name) }
		x := Field{Path: prefix + tag("json"), Doc: tag("doc"), Default: tag("default"), Example: tag("example"),
			Added: added || tag("added") != "", Unused: idle || tag("unused") != ""}
		if enum := tag("enum"); enum != "" {
			x.Enum = strings.Split(enum, ",")
		}
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
		x.Type = typeName(inner)
		if list != "" {
			x.Type = "list of " + x.Type
		}
		all = append(all, x)
	}
	for _, name := range unused(t) {
		all = append(all, Field{
			Path:   prefix + name,
			Type:   "any",
			Doc:    "Nocalhost's, about installing an application.",
			Unused: true,
		})
	}
	return all
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Command]():
		return "command"
	case t == reflect.TypeFor[Profiles]():
		return "overlays by name"
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
