package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayers(t *testing.T) {
	t.Parallel()
	f := files{
		"/w/.dev/defaults.yaml": "containers:\n" +
			"- dev: {shell: zsh, workDir: /src, env: [{name: A, value: default}, {name: B, value: default}]}\n",
		mainFile: `name: web
containers:
- name: app
  dev: {image: x, env: [{name: A, value: main}], command: {run: [a, b]}}
- name: side
profiles:
  prod:
    containers:
    - name: app
      dev: {image: prod, env: [{name: C, value: profile}], command: {run: [c]}}
`,
		"/w/.dev/local.yaml": "containers:\n- name: app\n  dev: {workDir: null, portForward: [\"1:2\"]}\n",
	}
	got := f.load(Options{Profile: "prod"})
	if got.Findings.Failed() {
		t.Fatalf("%s", got.Findings)
	}
	app, side := got.Services[0].Containers[0].Dev, got.Services[0].Containers[1].Dev
	want := Default("app").Dev
	want.Image, want.Shell, want.PortForward, want.Command.Run.Line = "prod", "zsh", []string{"1:2"}, []string{"c"}
	want.Env = []EnvVar{{"A", "main"}, {"B", "default"}, {"C", "profile"}}
	if diff := cmp.Diff(want, app); diff != "" {
		t.Error(diff)
	}
	if side.Shell != "zsh" || side.WorkDir != "/src" {
		t.Errorf("%+v", side)
	}
	if app := f.load(Options{}).Services[0].Containers[0].Dev; app.Image != "x" {
		t.Errorf("without a profile: %+v", app)
	}
	if bad := f.load(Options{Profile: "prd"}); !strings.Contains(bad.Findings.String(),
		`no service has a profile "prd"; there are: prod`) {
		t.Errorf("%s", bad.Findings)
	}
}

func TestMergeKeys(t *testing.T) {
	t.Parallel()
	f := load(t, "- name: a\n  containers:\n  - dev: &d {image: x, shell: zsh}\n- name: b\n  containers:\n"+
		"  - dev: {<<: *d, shell: bash}\n", Options{})
	if d := f.Services[1].Containers[0].Dev; d.Image != "x" || d.Shell != "bash" {
		t.Errorf("%+v", d)
	}
}
