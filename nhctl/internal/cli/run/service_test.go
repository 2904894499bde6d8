package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args    []string
		dash    int
		service string
		argv    []string
		bad     bool
	}{
		"nothing":   {dash: -1, argv: []string{}},
		"a service": {args: []string{"web"}, dash: -1, service: "web", argv: []string{}},
		"a command": {args: []string{"npm", "start"}, dash: 0, argv: []string{"npm", "start"}},
		"both": {
			args:    []string{"web", "npm", "start"},
			dash:    1,
			service: "web",
			argv:    []string{"npm", "start"},
		},
		"nothing behind it":    {args: []string{"web"}, dash: 1, service: "web", argv: []string{}},
		"a command without --": {args: []string{"npm", "start"}, dash: -1, bad: true},
		"two services":         {args: []string{"web", "api", "npm"}, dash: 2, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, argv, err := split(tt.args, tt.dash)
			if tt.bad {
				if problem.From(err).Code != problem.Usage {
					t.Error(err)
				}
				return
			}
			if diff := cmp.Diff(tt.argv, argv, cmp.Transformer("", func(s []string) string {
				return strings.Join(s, " ")
			})); diff != "" || service != tt.service || err != nil {
				t.Errorf("%q, %q, %v", service, argv, err)
			}
		})
	}
}

const localConfig = `
name: web
local:
  command: {argv: [npm, start]}
  dir: app
  container: app
  files: false
  env: [{name: PORT, value: "3000"}]
  traffic: mesh
  ports: ["3000:80"]
  conditions: {header: x-user=ada}
profiles:
  plain: {local: {traffic: none, command: null}}
`

// folder is a computer's with a config; state is where it keeps its own.
func folder(t *testing.T, text string) *factory.Factory {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "src", "app"), 0o700); err != nil {
		t.Fatal(err)
	}
	if text != "" {
		file := filepath.Join(root, "src", ".dev", "config.yaml")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &factory.Factory{
		Streams: ui.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}},
		Program: "nhctl",
		Dir:     filepath.Join(root, "src"),
		Output:  string(ui.Text),
		Environ: []string{"HOME=" + root, "XDG_STATE_HOME=" + filepath.Join(root, "state"),
			"XDG_RUNTIME_DIR=" + filepath.Join(root, "run")},
	}
}

// trusts has the user agree to what the config asks.
func trusts(t *testing.T, f *factory.Factory, o *Options) {
	t.Helper()
	s, err := o.configured(f)
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := f.Dirs()
	if err != nil {
		t.Fatal(err)
	}
	if err := (trust.Store{Dir: dirs.Trust()}).Trust(s.Asks); err != nil {
		t.Fatal(err)
	}
}

// The config says what the command line does not.
func TestComplete(t *testing.T) {
	t.Parallel()
	ada := []rpc.Match{{Of: "header", Name: "x-user", Value: "ada"}}
	for name, tt := range map[string]struct {
		flags Options
		want  func(o *Options)
	}{
		"all of it":   {Options{}, func(*Options) {}},
		"by its name": {Options{Service: "deploy/web"}, func(o *Options) { o.Service = "deploy/web" }},
		"another command": {Options{Service: "web", Argv: []string{"sh"}}, func(o *Options) {
			o.Service, o.Argv = "web", []string{"sh"}
		}},
		"another workload": {Options{Tunnel: factory.Tunnel{Workload: "api"}}, func(o *Options) {
			o.Tunnel = factory.Tunnel{Workload: "api"}
		}},
		"another container": {Options{Tunnel: factory.Tunnel{Container: "x"}}, func(o *Options) {
			o.Tunnel.Container = "x"
		}},
		"an exchange instead": {Options{Exchange: []string{"web"}}, func(o *Options) {
			o.Exchange, o.Mesh, o.Matches = []string{"web"}, nil, nil
		}},
		"another mesh": {Options{Mesh: []string{"api"}}, func(o *Options) {
			o.Mesh, o.Matches = []string{"api"}, nil
		}},
		"no routes": {Options{NoRoutes: true}, func(o *Options) {
			o.NoRoutes, o.Mesh, o.Matches = true, nil, nil
		}},
		"fewer files": {Options{NoFiles: []string{"/etc"}}, func(o *Options) { o.NoFiles = []string{"/etc"} }},
		"a profile, with a command": {Options{Service: "web", Profile: "plain", Argv: []string{"sh"}},
			func(o *Options) {
				o.Service, o.Profile, o.Argv, o.Mesh, o.Matches = "web", "plain", []string{"sh"}, nil, nil
			}},
		"printed variables": {Options{Service: "web", PrintEnv: "sh"}, func(o *Options) {
			o.Service, o.PrintEnv, o.Argv = "web", "sh", nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, o := folder(t, localConfig), tt.flags
			trusts(t, f, &o)
			if err := o.complete(f); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(f.Dir, "app")
			want := Options{
				Tunnel:  factory.Tunnel{Workload: "web", Container: "app"},
				NoFiles: []string{allFiles},
				Mesh:    []string{"web:80:3000"},
				Matches: ada,
				Env:     map[string]string{"PORT": "3000", "PWD": dir},
				Dir:     dir,
				Argv:    []string{"npm", "start"},
			}
			tt.want(&want)
			if diff := cmp.Diff(want, o); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A command alone asks no config, not even a broken one.
func TestCompleteCommandAlone(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"a command":         {Argv: []string{"true"}},
		"printed variables": {PrintEnv: "sh"},
		"a joined command":  {Enter: 1, Argv: []string{"true"}},
	} {
		f := folder(t, "{")
		if err := o.complete(f); err != nil || o.Dir != f.Dir || o.Mesh != nil || o.Env != nil {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
}

func TestCompleteRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		o    Options
		code problem.Code
		want string
	}{
		"no config":         {"", Options{}, problem.Usage, "nothing to run"},
		"no config of it":   {"", Options{Service: "web"}, problem.NotFound, "nothing to run"},
		"a broken one":      {"name: [", Options{}, problem.Usage, ""},
		"no word of it":     {"name: web\n", Options{}, problem.NotFound, "does not say how any service runs"},
		"no such profile":   {localConfig, Options{Profile: "x"}, problem.Usage, `no service has a profile "x"`},
		"no trust":          {localConfig, Options{}, problem.Untrusted, "runs a command on this computer: npm start"},
		"no trust, its own": {localConfig, Options{Service: "web", Argv: []string{"sh"}}, problem.Untrusted, "npm"},
		"a profile alone":   {localConfig, Options{Profile: "x", Argv: []string{"sh"}}, problem.Usage, "--profile"},
		"a service to join": {localConfig, Options{Enter: 1, Service: "web"}, problem.Usage, "--enter"},
		"nothing to join":   {localConfig, Options{Enter: 1}, problem.Usage, "--enter needs a command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.o.complete(folder(t, tt.text))
			if p := problem.From(err); p.Code != tt.code || !strings.Contains(p.Message, tt.want) {
				t.Errorf("%s: %s", p.Code, p.Message)
			}
		})
	}
	t.Run("no command", func(t *testing.T) {
		t.Parallel()
		f, o := folder(t, localConfig), Options{Profile: "plain"}
		trusts(t, f, &o)
		p := problem.From(o.complete(f))
		if p.Code != problem.Usage || !strings.Contains(p.Message, "no local.command of web") {
			t.Errorf("%s: %s", p.Code, p.Message)
		}
	})
}
