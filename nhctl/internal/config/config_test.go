package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// files are a config and what lies around it, by name; /w/.dev/config.yaml is the config itself.
type files map[string]string

const mainFile = "/w/.dev/config.yaml"

func (f files) load(o Options) *File { return f.check(mainFile, o) }

func (f files) check(main string, o Options) *File {
	o.Read = func(path string) ([]byte, error) {
		text, ok := f[filepath.ToSlash(path)]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
	return Check(main, []byte(f[main]), o)
}

// load loads a config that must have no errors.
func load(t *testing.T, text string, o Options) *File {
	t.Helper()
	f := files{mainFile: text}.load(o)
	if f.Findings.Failed() {
		t.Fatalf("%s", f.Findings)
	}
	return f
}

// full is one service with the fields that are not their defaults.
const full = `name: web
serviceType: Deployment
dependLabelSelector: {pods: [app=db], jobs: [job=init], tcp: ["db:3306"], http: ["http://auth/healthz"]}
containers:
- name: app
  hub: {image: shop/web}
  install: {env: [{name: A, value: 0}, {name: C, value: c}], portForward: ["8080:80"]}
  dev:
    gitUrl: https://example.com/x.git
    image: golang:1
    imagePullPolicy: always
    shell: bash
    workDir: /src/
    storageClass: fast
    devContainerName: dev
    resources: {limits: {cpu: 2, memory: 1Gi}}
    persistentVolumeDirs: [{path: /cache, capacity: 5Gi}, {path: /go}]
    env: [{name: A, value: 1}]
    command: {build: go build ., run: [go run, ./main.go, --, --port 80], debug: {argv: [/dlv, exec]}}
    debug: {remoteDebugPort: 9009, language: Go}
    hotReload: true
    sync: {type: sendreceive, filePattern: [./src], deleteProtection: false}
    portForward: ["8080:80", ":81", 82]
    patches: [{patch: "{spec: {paused: true}}"}, {type: json, patch: "[]"}]
    mode: duplicate
    ordinal: 2
`

func wantFull() Service {
	two := 2
	c := Default("app")
	c.Hub.Image = "shop/web"
	d := &c.Dev
	d.GitURL, d.Image, d.ImagePullPolicy, d.Shell, d.WorkDir, d.StorageClass, d.DevContainerName = "https://example.com/x.git", "golang:1", "Always", "bash", "/src", "fast", "dev"
	d.Resources = Resources{Limits: Quantities{CPU: "2", Memory: "1Gi"}}
	d.PersistentVolumeDirs = []PersistentVolumeDir{{Path: "/cache", Capacity: "5Gi"}, {Path: "/go", Capacity: "10Gi"}}
	d.Env = []EnvVar{{"A", "1"}}
	d.Command = Commands{Build: Command{Line: []string{"go build ."}}, Run: Command{Line: []string{"go run",
		"./main.go", "--", "--port 80"}}, Debug: Command{Argv: []string{"/dlv", "exec"}}}
	d.Debug, d.HotReload = Debug{RemoteDebugPort: 9009, Language: "go"}, true
	d.Sync = Syncs{{Type: "sendReceive", Mode: "pattern", FilePattern: []string{"./src"}, Local: ".", Remote: "/src"}}
	d.PortForward = []string{"8080:80", ":81", "82"}
	d.Patches = []Patch{{Patch: "{spec: {paused: true}}", Type: "strategic"}, {Patch: "[]", Type: "json"}}
	d.Mode, d.Ordinal = "duplicate", &two
	return Service{Name: "web", ServiceType: "deployment", PodTemplate: "spec.template", Containers: []Container{*c},
		DependLabelSelector: Depend{Pods: []string{"app=db"}, Jobs: []string{"job=init"}, TCP: []string{"db:3306"}, HTTP: []string{"http://auth/healthz"}}}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	indent := func(by string) string { return strings.ReplaceAll(strings.TrimSpace(full), "\n", "\n"+by) }
	for name, text := range map[string]string{
		"one service": full,
		"a list":      "- " + indent("  "),
		"services":    "configProperties: {version: v2}\nservices:\n  - " + indent("    "),
		"application with services": "application:\n  name: shop\n  manifestType: rawManifest\n  services:\n    - " +
			indent("      "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := load(t, text, Options{})
			if diff := cmp.Diff([]Service{wantFull()}, f.Services); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	dev := load(t, "name: web\ncontainers: [{}]\n", Options{}).Services[0].Containers[0].Dev
	want := Dev{
		ImagePullPolicy:  "IfNotPresent",
		WorkDir:          "/home/nocalhost-dev",
		Probes:           "off",
		InitContainers:   "run",
		DuplicateVolumes: "empty",
		Restore:          "ready",
		AbandonAfter:     "10m",
		OnBuildFailure:   "keep",
		Sync: Syncs{
			{Type: "sendReceive", Mode: "gitIgnore", DeleteProtection: true, Local: ".", Remote: "/home/nocalhost-dev"},
		},
	}
	if diff := cmp.Diff(want, dev); diff != "" {
		t.Error(diff)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	dev := func(text string) string { return "name: a\ncontainers:\n- dev: {" + text + "}\n" }
	for name, tt := range map[string]struct{ text, want string }{
		"typo": {"name: web\ncontainers:\n- name: app\n  dev:\n    imagee: x\n",
			"config.yaml:5:5: unknown field \"imagee\"; did you mean \"image\"?\n        imagee: x\n        ^^^^^^"},
		"wrong type": {"name: web\ncontainers: app\n", "config.yaml:2:13: want a list, got the text \"app\""},
		"no number": {dev("debug: {remoteDebugPort: nine}"),
			":3:34: want a whole number, got the text \"nine\""},
		"no truth": {dev("hotReload: maybe"), ":3:20: want true or false, got the text \"maybe\""},
		"enum": {dev("sync: {type: sent}"),
			":3:22: type: want one of sendReceive, send, receive, got \"sent\"; did you mean \"send\"?"},
		"kind":     {"name: a\nserviceType: deploymint\n", ":2:14: serviceType: want one of deployment,"},
		"no name":  {"containers: []\n", ":1:1: the service has no name"},
		"workDir":  {dev("workDir: src"), ":3:18: workDir must be an absolute path"},
		"quantity": {dev("resources: {limits: {memory: 1 gig}}"), ":3:38: memory: \"1 gig\" is no quantity"},
		"port":     {dev("portForward: [\"80:99999\"]"), ":3:23: \"80:99999\": want LOCAL:REMOTE"},
		"port twice": {dev("portForward: [\"80:1\", \"80:2\"]"),
			":3:31: local port 80 is forwarded twice, see line 3"},
		"field twice":      {"name: a\nname: b\n", ":2:1: name is there twice"},
		"container twice":  {"name: a\ncontainers: [{name: x}, {name: x}]\n", "container \"x\" is there twice"},
		"service twice":    {"- name: a\n- name: a\n", ":2:9: deployment/a is described twice"},
		"two at once":      {"name: a\nfoo: 1\nbar: 2\n", ":3:1: unknown field \"bar\""},
		"not YAML":         {"name: a\nx: [\n", "this is not valid YAML"},
		"empty":            {"", "the file is empty"},
		"binary":           {"\x00\x01", "this is no text"},
		"tab":              {"name: a\ncontainers:\n\t- name: x\n", ":3:1: a tab in the indentation"},
		"cache is workDir": {dev("workDir: /src, persistentVolumeDirs: [{path: /}]"), "want an absolute path below /"},
		"cache is ours": {dev("persistentVolumeDirs: [{path: /.nhctl/bin}]"),
			"nhctl has files of its own in /.nhctl/bin"},
		"cache twice":       {dev("persistentVolumeDirs: [{path: /a}, {path: /a/}]"), "/a is there twice"},
		"syncs overlap":     {dev("sync: [{remote: a}, {remote: a/b}]"), "lie inside each other"},
		"patch":             {dev("patches: [{patch: '[a]'}]"), "a strategic patch is a mapping"},
		"json patch":        {dev("patches: [{type: json, patch: '{}'}]"), "a json patch is a list of operations"},
		"variable's name":   {dev("env: [{name: \"a b\", value: x}]"), "is no name of a variable"},
		"container's name":  {"name: a\ncontainers: [{name: A_B}]\n", "is no name of a container"},
		"env file":          {dev("envFrom: {envFile: [{path: none.env}]}"), "there is no file /w/.dev/none.env"},
		"argv":              {dev("command: {run: {args: [x]}}"), "unknown field \"args\""},
		"a profile's typo":  {"name: a\nprofiles: {x: {nam: b}}\n", ":2:16: unknown field \"nam\""},
		"nested profiles":   {"name: a\nprofiles: {x: {profiles: {}}}\n", "no profiles of its own"},
		"application field": {"application: {nam: x}\n", ":1:15: unknown field \"nam\"; did you mean \"name\"?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := files{mainFile: tt.text}.load(Options{})
			if got := f.Findings.String(); !f.Findings.Failed() || !strings.Contains(got, tt.want) {
				t.Errorf("got:\n%v\nwant in it:\n%s", got, tt.want)
			}
			if problem.From(f.Problem()).Code != problem.Usage {
				t.Error("not a problem of usage")
			}
		})
	}
}

func TestUnusedFieldsAreKept(t *testing.T) {
	t.Parallel()
	f := load(t, "application: {name: shop, manifestType: helmRepo, helmVals: {a: 1}, services: [{name: a, "+
		"priorityClass: x, containers: [{install: {envFrom: {envFile: []}}, dev: {useDevContainer: true}}]}]}\n",
		Options{})
	if diff := cmp.Diff([]string{"helmVals", "install", "manifestType", "priorityClass", "useDevContainer"},
		f.Ignored); diff != "" || len(f.Findings) != 0 {
		t.Errorf("%s %s", diff, f.Findings)
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	c := Command{Line: []string{"./main.go", "-- grpc"}}
	if diff := cmp.Diff([]string{"bash", "-c", "./main.go -- grpc"}, c.Args("bash")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"sh", "-c", "./main.go -- grpc"}, c.Args("")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/app", "x y"}, Command{Argv: []string{"/app", "x y"}}.Args("bash")); diff != "" {
		t.Error(diff)
	}
	if !(Command{}).Empty() || c.Empty() {
		t.Error("Empty")
	}
}

func TestAliasBomb(t *testing.T) {
	t.Parallel()
	text := "name: a\ncontainers: &c0\n- &k {name: a}\n"
	prev := "k"
	for i := range 9 {
		name := string(rune('l' + i))
		text += "- &" + name + " {name: a, dev: {env: [" + strings.Repeat("*"+prev+", ", 20) + "]}}\n"
		prev = name
	}
	for name, text := range map[string]string{
		"unfolds":         text,
		"names itself":    "name: a\ncontainers: &c [{dev: {env: *c}}]\n",
		"merges itself":   "name: a\ncontainers: [&c {<<: *c}]\n",
		"profile in self": "name: a\nprofiles: &p {a: {profiles: *p}}\n",
	} {
		if f := (files{mainFile: text}).load(Options{Profile: "a"}); !f.Findings.Failed() && name != "merges itself" {
			t.Errorf("%s was taken", name)
		}
	}
}

// No list of any length takes long.
func TestLongLists(t *testing.T) {
	t.Parallel()
	const n = 20_000
	many := func(format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"keys":       many("k%d: 1\n"),
		"containers": "name: a\ncontainers:\n" + many("- {name: c%d}\n"),
		"variables":  "name: a\ncontainers: [{dev: {env: [" + many("{name: V%d}, ") + "]}}]\n",
		"folders":    "name: a\ncontainers: [{dev: {sync: [" + many("{remote: r%d}, ") + "]}}]\n",
		"services":   many("- name: s%d\n"),
	} {
		f := files{mainFile: text, "/w/.dev/local.yaml": text, "/w/.dev/defaults.yaml": text}.load(Options{})
		if len(f.Findings) == 0 && len(f.Services) == 0 {
			t.Errorf("%s: nothing was read", name)
		}
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
	f, err := Load(deep, Options{})
	if err != nil || f == nil || f.Folder != root {
		t.Fatalf("%+v, %v", f, err)
	}
	if s, err := f.Service(workload.Ref{}); err != nil || s.Name != "web" {
		t.Errorf("%+v, %v", s, err)
	}
}

// The demo's own configs must be valid.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"catalog", "reviews", "storefront"} {
		if f, err := Load(filepath.Join("../../../examples/bookshop", service), Options{}); err != nil || f == nil ||
			f.Services[0].Name != service || len(f.Findings) > 0 {
			t.Errorf("%s: %+v, %v", service, f, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full), "prod")
	f.Add([]byte("a: &a [*a]\n"), "")
	f.Add([]byte("${_INCLUDE_:- ./config.yaml | nindent 2}\n${A:-b} $C ${"), "")
	f.Add([]byte("containers: &c [{<<: *c}]\nprofiles: {a: {containers: *c}}\n"), "a")
	f.Fuzz(func(_ *testing.T, data []byte, profile string) {
		x := files{mainFile: string(data), "/w/.dev/local.yaml": string(data)}.load(Options{Profile: profile})
		_ = x.Findings.String()
	})
}

// BenchmarkLoad loads a config of 1 MB.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	for i := 0; text.Len() < 1<<20; i++ {
		text.WriteString("- " + strings.ReplaceAll(strings.Replace(strings.TrimSpace(full), "name: web",
			"name: web"+strconv.Itoa(i), 1), "\n", "\n  ") + "\n")
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if f := (files{mainFile: text.String()}).load(Options{}); f.Findings.Failed() {
			b.Fatal(f.Findings[0])
		}
	}
}
