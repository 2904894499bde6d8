package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config/outline"
)

func TestShapeAt(t *testing.T) {
	t.Parallel()
	type said struct {
		Path, Type       string
		List, Text, Free bool
		Fields           string // the first ones
	}
	service := "name serviceType podTemplate"
	for path, want := range map[string]said{
		"":                             {List: true, Fields: "configProperties application services"},
		"[]":                           {Fields: service},
		"name":                         {Path: "name", Type: "text", Text: true},
		"services":                     {Path: "services", Type: "list of mappings", List: true, Fields: service},
		"services []":                  {Path: "services", Type: "mapping", Fields: service},
		"application services [] name": {Path: "name", Type: "text", Text: true},
		"application manifestType":     {Path: "application.manifestType", Type: "any", Text: true},
		"configProperties":             {Path: "configProperties", Type: "mapping", Fields: "kind version envFile"},
		"containers":                   {Path: "containers", Type: "list of mappings", List: true},
		"containers []":                {Path: "containers", Type: "mapping", Fields: "name hub dev"},
		"containers [] dev image":      {Path: "containers[].dev.image", Type: "text", Text: true},
		"containers [] dev ordinal":    {Path: "containers[].dev.ordinal", Type: "number", Text: true},
		"containers [] dev portForward": {
			Path: "containers[].dev.portForward",
			Type: "list of text",
			List: true,
			Text: true,
		},
		"containers [] dev portForward []": {Path: "containers[].dev.portForward", Type: "text",
			Text: true},
		"containers [] dev sync": {Path: "containers[].dev.sync", Type: "mapping, or a list of mappings", List: true,
			Fields: "type mode deleteProtection"},
		"containers [] dev sync type":    {Path: "containers[].dev.sync.type", Type: "text", Text: true},
		"containers [] dev sync [] type": {Path: "containers[].dev.sync[].type", Type: "text", Text: true},
		"containers [] dev command run": {Path: "containers[].dev.command.run", Type: "command", List: true, Text: true,
			Fields: "argv"},
		"containers [] dev command run []": {Path: "containers[].dev.command.run", Type: "command", Text: true},
		"containers [] dev command run argv": {
			Path: "containers[].dev.command.run.argv",
			Type: "list of text",
			List: true,
			Text: true,
		},
		"containers [] dev env [] name":         {Path: "containers[].dev.env[].name", Type: "text", Text: true},
		"profiles":                              {Path: "profiles", Type: "overlays by name", Free: true},
		"profiles slim":                         {Fields: service},
		"profiles slim containers [] dev shell": {Path: "containers[].dev.shell", Type: "text", Text: true},
		"[] containers [] name":                 {Path: "containers[].name", Type: "text", Text: true},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			shape, ok := ShapeAt(strings.Fields(path))
			if !ok {
				t.Fatal("nothing may stand there")
			}
			var names []string
			for _, f := range shape.Fields {
				names = append(names, f.Name())
			}
			got := said{shape.Path, shape.Type, shape.List, shape.Text, shape.Free,
				strings.Join(names[:min(len(names), 3)], " ")}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for _, path := range []string{"nme", "containers name", "[] []", "containers [] []", "name x", "name []",
		"containers [] dev sync [] []", "containers [] dev image x", "profiles []"} {
		if shape, ok := ShapeAt(strings.Fields(path)); ok {
			t.Errorf("%s: %+v", path, shape)
		}
	}
}

// Each field of the reference is found by its path, and says the same.
func TestShapesOfFields(t *testing.T) {
	t.Parallel()
	for _, f := range Fields() {
		var path []string
		for key := range strings.SplitSeq(f.Path, ".") {
			name, list := strings.CutSuffix(key, "[]")
			if path = append(path, name); list {
				path = append(path, outline.Item)
			}
		}
		shape, ok := ShapeAt(path)
		if !ok {
			t.Errorf("%s has no shape", f.Path)
			continue
		}
		if diff := cmp.Diff(f, shape.Field); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestShapeWithout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path, keys string
		has, lacks []string
	}{
		"an empty file": {"", "", []string{"configProperties", "application", "services", "local"}, nil},
		"one service":   {"", "name", []string{"configProperties", "containers"}, []string{"name", "services"}},
		"services":      {"", "services", []string{"configProperties"}, []string{"services", "application", "name"}},
		"a container":   {"containers []", "dev", []string{"name", "hub"}, []string{"dev", "install"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shape, _ := ShapeAt(strings.Fields(tt.path))
			keys := map[string]bool{}
			for _, key := range strings.Fields(tt.keys) {
				keys[key] = true
			}
			var got []string
			for _, f := range shape.Without(keys) {
				got = append(got, f.Name())
			}
			for _, want := range tt.has {
				if !slices.Contains(got, want) {
					t.Errorf("%q is not among %q", want, got)
				}
			}
			for _, no := range tt.lacks {
				if slices.Contains(got, no) {
					t.Errorf("%q is among %q", no, got)
				}
			}
		})
	}
}

func TestShapeValues(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"containers [] dev mode":                       {"replace", "duplicate"},
		"containers [] dev imagePullPolicy":            {"IfNotPresent", "Always", "Never"},
		"containers [] dev hotReload":                  {"false", "true"},
		"containers [] dev sync deleteProtection":      {"true", "false"},
		"containers [] dev workDir":                    {DefaultWorkDir},
		"containers [] dev image":                      {AutoImage},
		"containers [] dev shell":                      nil,
		"profiles x containers [] dev patches [] type": {"strategic", "merge", "json"},
	} {
		shape, ok := ShapeAt(strings.Fields(path))
		if diff := cmp.Diff(want, shape.Values()); diff != "" || !ok {
			t.Errorf("%s: -want +got:\n%s", path, diff)
		}
	}
}

func TestRoleOf(t *testing.T) {
	t.Parallel()
	type said struct {
		Role  Role
		Mains []string
	}
	dev := []string{"/w/.dev/config.yaml", "/w/.dev/config.yml"}
	for path, want := range map[string]said{
		"/w/.dev/config.yaml":         {Main, []string{"/w/.dev/config.yaml"}},
		"/w/.nocalhost/config.yaml":   {Main, []string{"/w/.nocalhost/config.yaml"}},
		"/w/.dev/local.yaml":          {Layer, dev},
		"/w/.nocalhost/defaults.yaml": {Layer, []string{"/w/.nocalhost/config.yaml"}},
		"/w/.dev/other.yaml":          {Part, dev},
		"/w/config.yaml":              {NoFile, nil},
		"/w/local.yaml":               {NoFile, nil},
		"/w/x.dev/config.yaml":        {NoFile, nil},
		"/w/.dev/sub/config.yaml":     {NoFile, nil},
	} {
		role, mains := RoleOf(filepath.FromSlash(path))
		for i := range mains {
			mains[i] = filepath.ToSlash(mains[i])
		}
		if diff := cmp.Diff(want, said{role, mains}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", path, diff)
		}
	}
}

func TestServicesIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"one":            {"name: a\nprofiles:\n  x:\n    name: no\n", "a"},
		"a list":         {"- name: a\n- name: b\n", "a b"},
		"services":       {"services:\n- name: a\n", "a"},
		"a service":      {"services:\n  name: a\n", "a"},
		"an application": {"application:\n  name: no\n  services:\n  - name: a\n  - name: b\n", "a b"},
		"documents":      {"name: a\n---\nname: b\n", "a b"},
		"in brackets":    {"[{name: a}, {name: b}]\n", "a b"},
		"none":           {"# nothing\n", ""},
		"half a file":    {"name: a\ncont", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := outline.Parse(tt.text)
			var got []string
			for _, s := range ServicesIn(tree) {
				got = append(got, tree.Scalar(s.Child("name")))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
