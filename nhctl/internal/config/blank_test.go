package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// fieldPaths are the paths of all fields of a type, those of lists in brackets.
func fieldPaths(t reflect.Type, prefix string) []string {
	var all []string
	for i := range t.NumField() {
		f := t.Field(i)
		path := prefix + f.Tag.Get("json")
		all = append(all, path)
		inner := f.Type
		if inner.Kind() == reflect.Slice && inner != reflect.TypeFor[Profiles]() {
			inner, path = inner.Elem(), path+"[]"
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[Command]() {
			all = append(all, fieldPaths(inner, path+".")...)
		}
	}
	return all
}

// withField is a service as YAML with one field set to a text.
func withField(path, value string) string {
	text := value
	steps := strings.Split(path, ".")
	for i := len(steps) - 1; i >= 0; i-- {
		key, isList := strings.CutSuffix(steps[i], "[]")
		extra := ""
		if key == "containers" && isList && i == 0 {
			extra = "name: it, "
		}
		if isList {
			text = fmt.Sprintf("%s: [{%s}]", key, text)
		} else if i == len(steps)-1 {
			text = fmt.Sprintf("%s: %s", key, text)
		} else {
			text = fmt.Sprintf("%s: {%s}", key, text)
		}
		text = extra + text
	}
	if path == "name" {
		return text + "\n"
	}
	if !strings.HasPrefix(text, "name: it") {
		text = "name: it, " + text
	}
	return "{" + text + "}\n"
}

// A field whose value is null or an empty text is not set, whatever its type: decoder and schema take it, and it has
// its default.
func TestBlankFieldsAreNotSet(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	paths := fieldPaths(reflect.TypeFor[Service](), "")
	if len(paths) < 80 {
		t.Fatalf("only %d fields: %v", len(paths), paths)
	}
	for _, path := range paths {
		if path == "name" { // the one that must be set
			continue
		}
		container := strings.HasPrefix(path, "containers[].")
		base := "name: it\n"
		if container {
			base += "containers: [{}]\n"
		}
		want := load(t, base, Options{}).Services
		for _, value := range []string{`""`, "null", "~", "", "''"} {
			text := withField(path, value)
			f := files{mainFile: text}.load(Options{})
			if len(f.Findings) > 0 {
				t.Errorf("%s: %q: %s", path, value, f.Findings)
				continue
			}
			if diff := cmp.Diff(want, f.Services); diff != "" {
				t.Errorf("%s: %q: %s", path, value, diff)
			}
			if err := schema.Validate(parsed(t, text)); err != nil {
				t.Errorf("%s: %q: the schema refuses it: %v", path, value, err)
			}
		}
	}
}

// Blank items of a list are no items.
func TestBlankItems(t *testing.T) {
	t.Parallel()
	list := load(t, `name: it
dependLabelSelector: {pods: ["", a=b, null], jobs: [null], tcp: [""], http: [~]}
containers:
- ""
- null
- name: ""
  dev:
    portForward: ["", "8080:80", null, 81]
    env: [null, {name: "", value: ""}, {name: A, value: ""}]
    envFrom: {envFile: [{path: ""}, null]}
    persistentVolumeDirs: ["", {path: ""}, {path: /b}]
    patches: [{patch: ""}, {type: "", patch: null}, ""]
    command: {run: ["", go, "", run, .], debug: {argv: [a, "", b]}, build: [], hotReloadRun: {}, hotReloadDebug: [""]}
    sync: {filePattern: [""], ignoreFilePattern: ["", build]}
`, Options{})
	if len(list.Findings) > 0 {
		t.Errorf("%s", list.Findings)
	}
	s := list.Services[0]
	want := Default("")
	want.Dev.PortForward = []string{"8080:80", "81"}
	want.Dev.Env = []EnvVar{{Name: "A"}}
	want.Dev.PersistentVolumeDirs = []PersistentVolumeDir{{Path: "/b", Capacity: "10Gi"}}
	want.Dev.Command.Run = Command{Line: []string{"go", "run", "."}}
	want.Dev.Command.Debug = Command{Argv: []string{"a", "", "b"}}
	want.Dev.Sync[0].Mode = ModePattern
	want.Dev.Sync[0].IgnoreFilePattern = []string{"build"}
	equateEmpty := cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore())
	if diff := cmp.Diff([]Container{*want}, s.Containers, equateEmpty); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Depend{Pods: []string{"a=b"}}, s.DependLabelSelector, equateEmpty); diff != "" {
		t.Error(diff)
	}
	if !s.Containers[0].Dev.Command.HotReloadDebug.Empty() || !s.Containers[0].Dev.Command.Build.Empty() {
		t.Error("an empty command is something to run")
	}
}

// An item that lacks what makes it, but says something else, is left out and told of.
func TestItemsWithoutTheirField(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"env: 3": "env: [{value: x}]", "volume": "persistentVolumeDirs: [{capacity: 1Gi}]",
		"patch": "patches: [{type: json}]",
	} {
		f := load(t, "name: a\ncontainers:\n- dev: {"+text+"}\n", Options{})
		if len(f.Findings) != 1 || f.Findings[0].Line != 3 || !strings.Contains(f.Findings[0].Message, "is left out") {
			t.Errorf("%s: %s", name, f.Findings)
		}
	}
}

// parsed is YAML as the schema's validator takes it.
func parsed(t *testing.T, text string) any {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}
