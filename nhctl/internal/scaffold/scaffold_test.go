package scaffold

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func folder(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func TestLook(t *testing.T) {
	t.Parallel()
	type found struct{ Name, Language, Run string }
	for name, tt := range map[string]struct {
		files map[string]string
		want  found
	}{
		"go at the top":         {map[string]string{"go.mod": "module example.com/a/Web_App", "main.go": ""}, found{"web-app", "go", "go run ."}},
		"go below cmd":          {map[string]string{"go.mod": "module x/shop/v3", "cmd/zz/main.go": "", "cmd/shop/main.go": ""}, found{"shop", "go", "go run ./cmd/shop"}},
		"go with web tools":     {map[string]string{"go.mod": "module web", "package.json": "{}"}, found{"web", "go", "go run ."}},
		"node with a script":    {map[string]string{"package.json": `{"name":"@a/b","scripts":{"start":"x"}}`, "yarn.lock": ""}, found{"b", "node", "yarn run start"}},
		"node with a main file": {map[string]string{"package.json": `{"main":"./lib/app.js"}`, "lib/app.js": ""}, found{"my-folder", "node", "node ./lib/app.js"}},
		"node, broken":          {map[string]string{"package.json": `{`, "server.js": ""}, found{"my-folder", "node", "node server.js"}},
		"django":                {map[string]string{"requirements.txt": "", "manage.py": ""}, found{"my-folder", "python", "python3 manage.py runserver 0.0.0.0:8000"}},
		"python's own name":     {map[string]string{"pyproject.toml": "[project]\nname = \"Books\"\n", "main.py": ""}, found{"books", "python", "python3 main.py"}},
		"python without files":  {map[string]string{"tool.py": ""}, found{"my-folder", "python", ""}},
		"gradle":                {map[string]string{"build.gradle.kts": "id(\"org.springframework.boot\")", "gradlew": ""}, found{"my-folder", "java", "./gradlew bootRun"}},
		"maven":                 {map[string]string{"pom.xml": ""}, found{"my-folder", "java", "mvn compile exec:java"}},
		"rust":                  {map[string]string{"Cargo.toml": ""}, found{"my-folder", "rust", "cargo run"}},
		"rails":                 {map[string]string{"Gemfile": "", "bin/rails": ""}, found{"my-folder", "ruby", "bundle exec rails server -b 0.0.0.0"}},
		"php":                   {map[string]string{"composer.json": "{}"}, found{"my-folder", "php", "php -S 0.0.0.0:8080 -t public"}},
		"dotnet":                {map[string]string{"A.csproj": ""}, found{"my-folder", "csharp", "dotnet run"}},
		"nothing":               {map[string]string{"readme": ""}, found{"my-folder", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := Look(folder(tt.files), "My Folder")
			if diff := cmp.Diff(tt.want, found{g.Name, g.Language, g.Run}); diff != "" {
				t.Error(diff)
			}
			if (g.Language == "") != (g.Image == "") {
				t.Errorf("language %q, image %q", g.Language, g.Image)
			}
		})
	}
}

func TestLearn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before  Guess
		image   string
		command []string
		want    Guess
	}{
		"all":                   {Guess{}, "registry:5000/shop/python:3.12", []string{"python3", "-m", "shop server"}, Guess{Language: "python", Image: "ghcr.io/nhctl/dev-python:v0.1.0", Ours: true, Run: "python3 -m 'shop server'"}},
		"the folder knows":      {Guess{Language: "node", Run: "npm start"}, "python", []string{"x"}, Guess{Language: "node", Run: "npm start"}},
		"compiled":              {Guess{}, "golang", []string{"/server"}, Guess{Language: "go", Image: "ghcr.io/nhctl/dev-go:v0.1.0", Ours: true}},
		"an image of their own": {Guess{}, "shop/web:1", []string{"/web"}, Guess{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.before
			got.Learn(tt.image, tt.command)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExposedPorts(t *testing.T) {
	t.Parallel()
	g := Look(folder(map[string]string{"Dockerfile": "FROM x\n  expose 80 443\nEXPOSE 81\n"}), "a")
	if diff := cmp.Diff([]string{"80", "443"}, g.Ports); diff != "" {
		t.Error(diff)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, ".dev", "config.yaml")
	never := func(string) (bool, error) { return false, errors.New("asked for nothing") }
	for range 2 { // the second time it is there already
		if written, err := Place(file, "name: a\n", never); !written || err != nil {
			t.Fatal(written, err)
		}
	}
	var shown string
	no := func(diff string) (bool, error) { shown = diff; return false, nil }
	if written, err := Place(file, "name: b\n", no); written || err != nil || !strings.Contains(shown, "-name: a\n+name: b\n") {
		t.Errorf("%v %v %q", written, err, shown)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "name: a\n" {
		t.Errorf("%q %v", data, err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".dev", ".gitignore"), []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	yes := func(string) (bool, error) { return true, nil }
	if written, err := Place(file, "name: b\n", yes); !written || err != nil {
		t.Error(written, err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, ".dev", ".gitignore")); err != nil || string(data) != "mine\n" {
		t.Errorf("somebody's .gitignore became %q, %v", data, err)
	}
}

func TestDevcontainerMistakes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", `{"image": 1}`, "[]"} {
		if _, err := Devcontainer([]byte(text), "a", "s"); err == nil || !strings.Contains(err.Error(), "read devcontainer.json") {
			t.Errorf("%q: %v", text, err)
		}
	}
	made, err := Devcontainer([]byte(`{"build": {"dockerfile": "x"}}`), "a", "s")
	if err != nil || len(made.Unmapped) != 2 {
		t.Errorf("%v %v", made.Unmapped, err)
	}
}
