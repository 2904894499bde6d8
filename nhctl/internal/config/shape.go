package config

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config/outline"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Shape is what may stand at a place of a config.
type Shape struct {
	// Field describes the place; its Path is "" for the file itself, a service of a list, and a profile.
	Field
	// Fields are those of a mapping there, in the order of the types; nil where no mapping may stand.
	Fields []Field
	// List says that a list may stand there, Items what its items are; Text that a text, a number or a truth value may.
	List bool
	Text bool
	// Free says that the keys of a mapping are names of the user's own choice.
	Free bool
}

// Values are all that a text there may be, as far as they are known; the default comes first.
func (s Shape) Values() []string {
	var values []string
	switch {
	case len(s.Enum) > 0:
		values = s.Enum
	case s.Names == "kind":
		for _, k := range workload.Kinds() {
			values = append(values, string(k))
		}
	case s.Names == "dev image":
		values = []string{AutoImage}
	case s.Type == "true or false":
		values = []string{"true", "false"}
	case s.Default != "":
		values = []string{s.Default}
	}
	if i := slices.Index(values, s.Default); i > 0 {
		values = slices.Concat(values[i:i+1], values[:i], values[i+1:])
	}
	return values
}

// ShapeAt is what may stand at a place: path are the keys on the way from the top of the file, with outline.Item for
// each list. ok is false where nothing may.
func ShapeAt(path []string) (shape Shape, ok bool) {
	at := place{kind: reflect.TypeFor[document]()}
	for _, step := range path {
		if at, ok = at.step(step); !ok {
			return Shape{}, false
		}
	}
	return at.shape(), true
}

// document is a whole file: one service with settings of the file, or the outermost mapping.
type document struct {
	outermost
	Service
}

// place is a place of a config: the Go type of what stands there, and what its field says of it.
type place struct {
	kind  reflect.Type
	field Field
	// inner is the path of the fields of a mapping there, such as containers[].
	inner string
	// once says that a list stood here already: its items are no lists.
	once bool
}

// step goes to a key, or to the items of a list.
func (p place) step(key string) (place, bool) {
	t := p.kind
	if key == outline.Item {
		switch {
		case t == reflect.TypeFor[document]():
			return place{kind: reflect.TypeFor[Service](), once: true}, true
		case t == reflect.TypeFor[Command]():
			return place{kind: reflect.TypeFor[string](), field: p.field}, true
		case t == reflect.TypeFor[Profiles]() || t.Kind() != reflect.Slice || p.once:
			return place{}, false
		}
		inner := p.field
		inner.Type, inner.Default = typeName(t.Elem()), ""
		return place{kind: t.Elem(), field: inner, inner: strings.TrimSuffix(p.inner, "[]") + "[]", once: true}, true
	}
	switch {
	case t == reflect.TypeFor[Profiles]():
		return place{kind: reflect.TypeFor[Service](), once: true}, true
	case t == reflect.TypeFor[Command]():
		t = reflect.TypeFor[commandForm]()
	case mappingInstead(t):
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return place{}, false
	}
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous && f.Tag.Get("json") == key {
			x := described(f, p.prefix())
			x.Added, x.Unused = x.Added || p.field.Added, x.Unused || p.field.Unused
			kind := f.Type
			if kind.Kind() == reflect.Pointer {
				kind = kind.Elem()
			}
			return place{kind: kind, field: x, inner: x.Path}, true
		}
	}
	if slices.Contains(unusedOf(t), key) {
		return place{kind: reflect.TypeFor[any](), field: theirs(p.prefix(), key)}, true
	}
	return place{}, false
}

// mappingInstead says whether one mapping may stand for a list of them.
func mappingInstead(t reflect.Type) bool {
	return t == reflect.TypeFor[Syncs]() || t == reflect.TypeFor[[]Service]()
}

// unusedOf is unused, of a whole file too.
func unusedOf(t reflect.Type) []string {
	if t == reflect.TypeFor[document]() {
		return unused(reflect.TypeFor[Service]())
	}
	return unused(t)
}

// prefix is that of the paths of fields in a mapping here.
func (p place) prefix() string {
	if p.inner == "" || p.kind == reflect.TypeFor[Service]() {
		return ""
	}
	return p.inner + "."
}

func (p place) shape() Shape {
	s := Shape{Field: p.field}
	t := p.kind
	switch {
	case t == reflect.TypeFor[document]():
		s.List = true
	case t == reflect.TypeFor[Command]():
		s.List, s.Text = true, true
		t = reflect.TypeFor[commandForm]()
	case t == reflect.TypeFor[Profiles]():
		s.Free = true
		return s
	case mappingInstead(t):
		s.List = true
		t = t.Elem()
	case t.Kind() == reflect.Slice:
		// One text is a list of one.
		s.List, s.Text = true, t.Elem().Kind() == reflect.String
		return s
	}
	if t.Kind() != reflect.Struct {
		s.Text = true
		return s
	}
	s.Fields = []Field{}
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			s.Fields = append(s.Fields, described(f, p.prefix()))
		}
	}
	return s
}

// Without are the fields of a mapping that has some keys already. Nocalhost's fields without an effect are not among
// them; neither are, at the top of a file, those of a service next to a list of services, and the other way round.
func (s Shape) Without(keys map[string]bool) []Field {
	whole := s.Path == "" && slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Name() == "configProperties" })
	list, single := keys["services"] || keys["application"], false
	for _, name := range fieldNames(reflect.TypeFor[Service]()) {
		single = single || keys[name]
	}
	return slices.DeleteFunc(slices.Clone(s.Fields), func(f Field) bool {
		if keys[f.Name()] || f.Unused {
			return true
		}
		outer := f.Name() == "services" || f.Name() == "application"
		return whole && f.Name() != "configProperties" && (list || single && outer)
	})
}

// Role is what a file is to a config.
type Role int

// The roles: no file of a config, a config itself, a layer of it, and anything else in its folder.
const (
	NoFile Role = iota
	Main
	Layer
	Part
)

// RoleOf says by a file's name what it is, and which configs it may belong to: itself, or those of its folder.
func RoleOf(path string) (role Role, mains []string) {
	slashed := filepath.ToSlash(path)
	for _, name := range names {
		if strings.HasSuffix(slashed, "/"+name) {
			return Main, []string{path}
		}
	}
	folder, base := filepath.Dir(path), filepath.Base(path)
	for _, name := range names {
		if inner, file := filepath.Split(filepath.FromSlash(name)); filepath.Base(folder) == filepath.Clean(inner) {
			mains = append(mains, filepath.Join(folder, file))
		}
	}
	switch {
	case mains == nil:
		return NoFile, nil
	case base == defaultsFile || base == localFile:
		return Layer, mains
	default:
		return Part, mains
	}
}

// LayersOf are the files of the layers of a config, below and above it.
func LayersOf(main string) []string {
	folder := filepath.Dir(main)
	return []string{filepath.Join(folder, defaultsFile), filepath.Join(folder, localFile)}
}

// ServicesIn are the services of a file's outline: those of all its documents, without profiles.
func ServicesIn(tree *outline.Tree) (services []*outline.Entry) {
	for _, root := range tree.Roots {
		lists := []*outline.Entry{root, root.Child("services")}
		if app := root.Child("application"); app != nil {
			lists = append(lists, app.Child("services"))
		}
		for i, list := range lists {
			if list == nil {
				continue
			}
			items := 0
			for _, e := range list.Children {
				if e.List() {
					items++
					services = append(services, e)
				}
			}
			if items == 0 && (i > 0 && len(list.Children) > 0 || i == 0 && single(list)) {
				services = append(services, list)
			}
		}
	}
	return services
}

// single says whether the top of a file is a service.
func single(root *outline.Entry) bool {
	return slices.ContainsFunc(fieldNames(reflect.TypeFor[Service]()), func(name string) bool {
		return root.Child(name) != nil
	})
}
