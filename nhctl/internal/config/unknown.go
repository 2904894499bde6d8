package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// unused are Nocalhost's fields about installing an application, by the type that they belong to. They are kept, and
// have no effect.
func unused(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[Service]():
		return []string{"priorityClass"}
	case reflect.TypeFor[Container]():
		return []string{"install"}
	case reflect.TypeFor[Dev]():
		return []string{"useDevContainer"}
	case reflect.TypeFor[application]():
		return []string{"manifestType", "resourcePath", "ignoredPath", "onPreInstall", "onPostInstall", "onPreUpgrade",
			"onPostUpgrade",
			"onPreDelete", "onPostDelete", "onPreUninstall", "onPostUninstall", "helmValues", "helmVals", "helmVersion",
			"env", "envFrom"}
	}
	return nil
}

// unknown handles a key that a type has no field for. Nocalhost overlooks all of them; here a typo is an error.
func (d *decoder) unknown(p node.Pair, t reflect.Type) {
	name := p.Key.Value
	switch places := placesOf(name); {
	case slices.Contains(unused(t), name):
		if !node.Blank(p.Value) {
			d.unused(p.Key)
		}
	case holder(p):
		if !node.Blank(p.Value) {
			d.ignored[name] = true
		}
	case len(places) > 0 && nearest(name, fieldNames(t)) == "":
		d.tell(source.Finding{Severity: source.Warning, Code: source.MisplacedField}, p.Key,
			"%q has no effect here; its place is %s", name, strings.Join(places, " or "))
	default:
		x := source.Finding{Severity: source.Error, Code: source.UnknownField,
			Suggestion: nearest(name, fieldNames(t))}
		d.tell(x, p.Key, "unknown field %q%s", name, didYouMean(x.Suggestion))
	}
}

// holder says whether a key is there to hold what the file names elsewhere: it is marked as an extension, or an anchor
// lies below it.
func holder(p node.Pair) bool {
	return strings.HasPrefix(p.Key.Value, "x-") || strings.HasPrefix(p.Key.Value, ".") || node.Anchored(p.Value)
}

// placesOf are mappings that have a field of a name, such as containers[].dev.
func placesOf(name string) []string {
	places := map[string]bool{}
	var look func(t reflect.Type, path string)
	look = func(t reflect.Type, path string) {
		for i := range t.NumField() {
			f := t.Field(i)
			key := f.Tag.Get("json")
			if key == name && path != "" {
				places[path] = true
			}
			inner, list := f.Type, ""
			if inner.Kind() == reflect.Slice && inner != reflect.TypeFor[Profiles]() {
				inner = inner.Elem()
				if f.Type != reflect.TypeFor[Syncs]() {
					list = "[]"
				}
			}
			if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[Command]() {
				look(inner, strings.TrimPrefix(path+"."+key+list, "."))
			}
		}
		if path != "" && slices.Contains(unused(t), name) {
			places[path] = true
		}
	}
	look(reflect.TypeFor[Service](), "")
	if slices.Contains(unused(reflect.TypeFor[application]()), name) {
		places["application"] = true
	}
	const most = 2
	sorted := slices.Sorted(maps.Keys(places))
	return sorted[:min(len(sorted), most)]
}
