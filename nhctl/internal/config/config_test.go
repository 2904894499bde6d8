package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestParse(t *testing.T) {
	t.Parallel()
	want := Service{Name: "web", ServiceType: "deployment", Containers: []Container{{Name: "app", Dev: Dev{
		Image: "golang:1", Shell: "bash", WorkDir: "/src",
		Resources: Resources{Limits: Quantities{CPU: "2", Memory: "1Gi"}}, Env: []EnvVar{{"A", "1"}},
		Command: Command{Run: []string{"go run", "./main.go"}}, Sync: Sync{Type: "sendReceive", Mode: "gitIgnore"}, PortForward: []string{"8080:80", ":81", "82"},
	}}}}
	one := `name: web
serviceType: Deployment
containers:
- name: app
  dev:
    image: golang:1
    shell: bash
    workDir: /src/
    gitUrl: https://example.com/x.git   # Nocalhost's, of no use here
    resources: {limits: {cpu: 2, memory: 1Gi}}
    env: [{name: A, value: 1}]
    command: {run: [go run, ./main.go], debug: [dlv]}
    sync: {type: sendreceive}
    portForward: ["8080:80", ":81", 82]
`
	indent := "  " + strings.ReplaceAll(strings.TrimSpace(one), "\n", "\n    ")
	for name, text := range map[string]string{
		"one service":               one,
		"a list":                    "- " + strings.ReplaceAll(strings.TrimSpace(one), "\n", "\n  "),
		"services":                  "configProperties: {version: v2}\nservices:\n  -" + indent[1:],
		"application with services": "application:\n  name: shop\n  services:\n    - " + strings.ReplaceAll(strings.TrimSpace(one), "\n", "\n      "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("config.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Service{want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"typo": {"name: web\ncontainers:\n- name: app\n  dev:\n    imagee: x\n",
			"c.yaml:5:5: unknown field \"imagee\"; did you mean \"image\"?\n        imagee: x\n        ^"},
		"wrong type":  {"name: web\ncontainers: app\n", "c.yaml:2:13: want a list, got the text \"app\""},
		"enum":        {"name: web\ncontainers:\n- dev: {sync: {type: sent}}\n", "c.yaml:3:22: type: want one of sendReceive, send, receive, got \"sent\"; did you mean \"send\"?"},
		"no name":     {"containers: []\n", "c.yaml:1:1: the service has no name"},
		"workDir":     {"name: a\ncontainers:\n- dev:\n    workDir: src\n", "c.yaml:4:14: workDir must be an absolute path"},
		"quantity":    {"name: a\ncontainers:\n- dev: {resources: {limits: {memory: 1 gig}}}\n", "c.yaml:3:38: memory: \"1 gig\" is no quantity"},
		"port":        {"name: a\ncontainers:\n- dev: {portForward: [\"80:99999\"]}\n", "c.yaml:3:23: \"80:99999\": want LOCAL:REMOTE"},
		"twice":       {"name: a\nname: b\n", "c.yaml:2"},
		"two at once": {"name: a\nfoo: 1\nbar: 2\n", "c.yaml:3:1: unknown field \"bar\""},
		"not YAML":    {"name: [\n", "c.yaml: line"},
		"empty":       {"", "c.yaml: the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("c.yaml", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got:\n%v\nwant in it:\n%s", err, tt.want)
			}
			if err != nil && problem.From(err).Code != problem.Usage {
				t.Errorf("code %s", problem.From(err).Code)
			}
		})
	}
}

func TestAliasBomb(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("name: a\nx0: &x0 [{name: A, value: b}]\n")
	text := b.String() + "containers: &c0\n- &k {name: a}\n"
	prev := "k"
	for i := range 9 {
		name := string(rune('l' + i))
		text += "- &" + name + " {name: a, dev: {env: [" + strings.Repeat("*"+prev+", ", 20) + "]}}\n"
		prev = name
	}
	if _, err := Parse("c.yaml", []byte(text)); err == nil {
		t.Error("an alias bomb was taken")
	}
}

func TestLoadFindsTheConfigAbove(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	for _, dir := range []string{filepath.Join(root, ".dev"), deep} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, ".dev", "config.yaml"), []byte("name: web\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Load(deep)
	if err != nil || f == nil || f.Folder != root {
		t.Fatalf("%+v, %v", f, err)
	}
	if s, err := f.Service(""); err != nil || s.Name != "web" {
		t.Errorf("%+v, %v", s, err)
	}
}

// The demo's own configs must be valid.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"catalog", "reviews", "storefront"} {
		if f, err := Load(filepath.Join("../../../examples/bookshop", service)); err != nil || f == nil || f.Services[0].Name != service {
			t.Errorf("%s: %+v, %v", service, f, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("name: web\ncontainers: [{name: app, dev: {image: x}}]\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = Parse("c.yaml", data) })
}
