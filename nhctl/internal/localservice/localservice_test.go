package localservice

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/route"
)

// load loads a config of a folder that has the folder api.
func load(t *testing.T, text string, o config.Options) *config.File {
	t.Helper()
	folder := t.TempDir()
	for _, dir := range []string{".dev", "api"} {
		if err := os.Mkdir(filepath.Join(folder, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, ".dev", "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(folder, o)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOf(t *testing.T) {
	t.Parallel()
	profile := config.Options{Profile: "quiet"}
	for name, tt := range map[string]struct {
		text    string
		options config.Options
		service string
		want    Service
		dir     string
	}{
		"the least": {text: "name: web\nlocal: {command: npm start}\n",
			want: Service{Workload: "web", Argv: []string{"sh", "-c", "npm start"}, Files: true}},
		"without a command": {text: "name: web\nlocal: {files: false}\n", want: Service{Workload: "web"}},
		"all of it": {text: `
name: web
serviceType: statefulset
local:
  command: {argv: [node, "a b.js"]}
  dir: api
  container: app
  files: off
  env: [{name: PORT, value: "3000"}, {name: EMPTY}]
  traffic: mesh
  service: web-http
  ports: ["3000:80", 8080, ":443"]
  conditions: {header: [x-user=ada], baggage: a=^b, path: ^/books, method: GET}
`, service: "sts/web", dir: "api", want: Service{
			Workload:  "statefulset/web",
			Container: "app",
			Argv:      []string{"node", "a b.js"},
			Env:       map[string]string{"PORT": "3000", "EMPTY": ""},
			Routes:    []string{"web-http:80:3000", "web-http:8080:8080", "web-http:443"},
			Mesh:      true,
			Matches: []route.Match{
				{Of: "header", Name: "x-user", Value: "ada"},
				{Of: "baggage", Name: "a", Value: "^b"},
				{Of: "path", Value: "^/books"},
				{Of: "method", Value: "GET"},
			},
		}},
		"all ports": {text: "name: web\nlocal: {command: x, traffic: Exchange}\n",
			want: Service{Workload: "web", Argv: []string{"sh", "-c", "x"}, Files: true, Routes: []string{"web"}}},
		"a profile": {text: "name: web\nlocal: {command: x, traffic: exchange}\n" +
			"profiles: {quiet: {local: {traffic: none}}}\n", options: profile,
			want: Service{Workload: "web", Argv: []string{"sh", "-c", "x"}, Files: true}},
		"the only one that says so": {text: "- name: db\n- name: web\n  local: {command: x}\n",
			want: Service{Workload: "web", Argv: []string{"sh", "-c", "x"}, Files: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := load(t, tt.text, tt.options)
			got, err := Of(file, tt.service)
			if err != nil {
				t.Fatal(err)
			}
			if argv := tt.want.Argv; len(argv) > 0 && len(got.Asks.Claims) == 0 {
				t.Error("the command asks for no trust")
			}
			got.Asks.Claims, got.Asks.Origin = nil, ""
			tt.want.Dir = filepath.Join(file.Folder, tt.dir)
			if tt.want.Env == nil {
				tt.want.Env = map[string]string{}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutOne(t *testing.T) {
	t.Parallel()
	const two = "- name: api\n  local: {command: x}\n- name: web\n  local: {command: x}\n- name: db\n"
	for name, tt := range map[string]struct {
		text, service string
		code          problem.Code
		want          string
	}{
		"no word of it":      {"name: web\n", "", problem.NotFound, "does not say how any service runs"},
		"none of this one":   {two, "db", problem.NotFound, "does not say how db runs"},
		"several":            {two, "", problem.Usage, "several services how they run on this computer: api, web"},
		"another service":    {two, "cart", problem.NotFound, `describes no service "cart"`},
		"another kind":       {two, "sts/web", problem.NotFound, `describes no service "sts/web"`},
		"no name":            {two, "a/b/c/d", problem.Usage, ""},
		"a folder that isnt": {"name: web\nlocal: {dir: nowhere}\n", "", problem.NotFound, "there is no folder"},
		"a file": {
			"name: web\nlocal: {dir: .dev/config.yaml}\n",
			"",
			problem.NotFound,
			"there is no folder",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Of(load(t, tt.text, config.Options{}), tt.service)
			if p := problem.From(err); p.Code != tt.code || !strings.Contains(p.Message, tt.want) {
				t.Errorf("%s: %s", p.Code, p.Message)
			}
		})
	}
}
