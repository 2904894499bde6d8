package config

import (
	"strings"
	"testing"
)

// The environment wins over the env file.
func TestEnvFile(t *testing.T) {
	t.Parallel()
	f := files{mainFile: "configProperties: {envFile: dev.env}\nservices:\n- name: a\n" +
		"  containers: [{dev: {image: '${FILE} ${BOTH} ${EMPTY}'}}]\n",
		"/w/.dev/dev.env": "# mine\nFILE='from file'\nBOTH=file\nEMPTY=file\n",
	}.load(Options{Env: map[string]string{"BOTH": "environment", "EMPTY": ""}})
	if f.Findings.Failed() {
		t.Fatalf("%s", f.Findings)
	}
	if got := f.Services[0].Containers[0].Dev.Image; got != "from file environment " {
		t.Errorf("%q", got)
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

// Places behind something put in still point at what was written.
func TestPlacesOfMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"# ${X:?in a comment}\nname: a\nx: 1\n":              ":3:1: unknown field \"x\"",
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
