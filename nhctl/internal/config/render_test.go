package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubstitution(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PORT": "80", "EMPTY": "", "BOTH": "environment"}
	for text, want := range map[string]string{
		"${PORT}":           "80",
		"$PORT":             "80",
		"$PORT/x":           "80/x",
		"a${PORT}b":         "a80b",
		"${NONE:-def}":      "def",
		"${NONE-def}":       "def",
		"${EMPTY:-def}":     "def",
		"x${EMPTY-def}":     "x",
		"${NONE:-}x":        "x",
		"${PORT:+set}":      "set",
		"x${NONE:+set}":     "x",
		"${PORT:?must}":     "80",
		"$$PORT":            "$PORT",
		"$${PORT}":          "${PORT}",
		"cost 5$":           "cost 5$",
		"a $(cmd)":          "a $(cmd)",
		"${BOTH}":           "environment",
		"${FILE}":           "from file",
		"${NONE:-a b c/$x}": "a b c/$x",
	} {
		f := files{mainFile: "configProperties: {envFile: dev.env}\nservices:\n- name: a\n" +
			"  containers: [{dev: {image: '" + text + "'}}]\n",
			"/w/.dev/dev.env": "# mine\nFILE='from file'\nBOTH=file\n"}.load(Options{Env: env})
		if f.Findings.Failed() {
			t.Errorf("%s: %s", text, f.Findings)
			continue
		}
		if got := f.Services[0].Containers[0].Dev.Image; got != want {
			t.Errorf("%s became %q, want %q", text, got, want)
		}
	}
}

// A value put in is typed like one that was written.
func TestSubstitutionIsTyped(t *testing.T) {
	t.Parallel()
	f := load(t, "name: a\ncontainers: [{dev: {hotReload: ${HOT}, debug: {remoteDebugPort: ${PORT:-9009}}}}]\n",
		Options{Env: map[string]string{"HOT": "true"}})
	if d := f.Services[0].Containers[0].Dev; !d.HotReload || d.Debug.RemoteDebugPort != 9009 {
		t.Errorf("%+v", d)
	}
}

func TestSubstitutionMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"name: ${NAME:?say who}\n": ":1:7: NAME: say who\n    name: ${NAME:?say who}\n          ^^^^^^^^^^^^^^^^",
		"name: a${NAME}\n":         ":1:8: warning: NAME is not set",
		"name: a\ncontainers: [{dev: {command: {run: [$HOME/x]}}}]\n": "write $$HOME for the container's shell",
		"name: ${a b}\n":                        ":1:7: want ${NAME}",
		"# ${X:?in a comment}\nname: a\nx: 1\n": ":3:1: unknown field \"x\"",
		// Places after something put in still point at what was written.
		"name: ${LONG} \nfoo: 1\n":                           ":2:1: unknown field \"foo\"",
		"{name: ${LONG}, containers: [{dev: {bar: 1}}]}\n":   ":1:37: unknown field \"bar\"",
		"configProperties: {envFile: x.env}\nservices: []\n": ":1:1: envFile: there is no file /w/.dev/x.env",
	} {
		f := files{mainFile: text}.load(Options{Env: map[string]string{"LONG": strings.Repeat("x", 100)}})
		if got := f.Findings.String(); !strings.Contains(got, want) {
			t.Errorf("%s\ngot:  %s\nwant: %s", text, got, want)
		}
	}
}

func TestIncludes(t *testing.T) {
	t.Parallel()
	f := files{
		mainFile: "application:\n  name: shop\n  ${_INCLUDE_:- ./kind.yaml}\n  services:\n" +
			"    ${_INCLUDE_:- ./services/web.yaml | nindent 4} ${_INCLUDE_:-./services/db.yaml| nindent 4}\n",
		"/w/.dev/kind.yaml": "manifestType: rawManifest",
		"/w/.dev/services/web.yaml": "- name: web\n  containers:\n  - name: app\n    dev:\n" +
			"      ${_INCLUDE_:- ../common.yaml | nindent 6}\n",
		"/w/.dev/services/db.yaml": "- name: db\n  containers:\n  - dev: {image: ${IMAGE}, imagee: y}\n",
		"/w/.dev/common.yaml":      "image: golang:1\n\nshell: bash\n",
	}.load(Options{Env: map[string]string{"IMAGE": "postgres"}})
	want := "/w/.dev/services/db.yaml:3:28: unknown field \"imagee\"; did you mean \"image\"?\n" +
		"      - dev: {image: ${IMAGE}, imagee: y}\n                               ^^^^^^"
	if got := f.Findings.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if len(f.Services) != 2 || f.Services[0].Containers[0].Dev.Shell != "bash" ||
		f.Services[1].Containers[0].Dev.Image != "postgres" {
		t.Errorf("%+v", f.Services)
	}
}

func TestIncludeMistakes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files files
		want  string
	}{
		"missing": {files{mainFile: "name: a\n${_INCLUDE_:- ./x.yaml}\n"},
			":2:1: include /w/.dev/config.yaml -> /w/.dev/x.yaml: there is no such file"},
		"circular": {files{mainFile: "${_INCLUDE_:- ./x.yaml}\n",
			"/w/.dev/x.yaml": "name: a\n${_INCLUDE_:- config.yaml}"}, "/w/.dev/x.yaml:2:1: the files include each " +
			"other: /w/.dev/config.yaml -> /w/.dev/x.yaml -> /w/.dev/config.yaml"},
		"large": {files{mainFile: strings.Repeat("${_INCLUDE_:- ./x.yaml}\n",
			100), "/w/.dev/x.yaml": strings.Repeat("# 456789\n", 10_000)}, "larger than"},
	} {
		f := tt.files.load(Options{})
		if got := f.Findings.String(); !f.Findings.Failed() || !strings.Contains(got, tt.want) {
			t.Errorf("%s:\ngot:  %s\nwant: %s", name, got, tt.want)
		}
	}
}

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
