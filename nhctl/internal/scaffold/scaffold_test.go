package scaffold

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/scaffold/publicimage"
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
	type found struct{ Name, Language, Image, Build, Run string }
	type files map[string]string
	for name, tt := range map[string]struct {
		files files
		want  found
	}{
		"go at the top": {files{"go.mod": "module example.com/a/Web_App", "main.go": ""},
			found{"web-app", "go", "golang:1.26", "go build -o /tmp/web-app .", "exec /tmp/web-app"}},
		"go below cmd": {files{"go.mod": "module x/shop/v3", "cmd/zz/main.go": "", "cmd/shop/main.go": ""},
			found{"shop", "go", "golang:1.26", "go build -o /tmp/shop ./cmd/shop", "exec /tmp/shop"}},
		"go with web tools": {files{"go.mod": "module web", "package.json": "{}"},
			found{"web", "go", "golang:1.26", "go build -o /tmp/web .", "exec /tmp/web"}},
		"node with a script": {
			files{"package.json": `{"name":"@a/b","scripts":{"start":"x"},"dependencies":{"x":"1"}}`, "yarn.lock": ""},
			found{"b", "node", "node:24", "test -d node_modules || yarn install",
				"exec yarn run start"},
		},
		"node with pnpm and a version": {
			files{"package.json": `{"engines":{"node":"^22"},"scripts":{"dev":"x"},"dependencies":{"x":"1"}}`,
				"pnpm-lock.yaml": ""},
			found{"my-folder", "node", "node:22", "test -d node_modules || corepack pnpm install",
				"exec corepack pnpm run dev"},
		},
		"node with npm": {
			files{"package.json": `{"name":"b","scripts":{"start":"x"},"dependencies":{"x":"1"}}`},
			found{"b", "node", "node:24", "test -d node_modules || npm install", "exec npm run start"},
		},
		"node in a script": {files{"package.json": `{"scripts":{"start":"node --trace-warnings main.js"}}`},
			found{"my-folder", "node", "node:24", "", "exec node --trace-warnings main.js"}},
		"node with a main file": {files{"package.json": `{"main":"./lib/app.js"}`, "lib/app.js": ""},
			found{"my-folder", "node", "node:24", "", "exec node ./lib/app.js"}},
		"node, broken": {files{"package.json": `{`, "server.js": ""},
			found{"my-folder", "node", "node:24", "", "exec node server.js"}},
		"django": {files{"requirements.txt": "", "manage.py": ""},
			found{"my-folder", "python", "python:3.13", "pip install --quiet --requirement requirements.txt",
				"exec python3 manage.py runserver 0.0.0.0:8000"}},
		"python's own name": {files{"pyproject.toml": "[project]\nname = \"Books\"\n", "main.py": ""},
			found{"books", "python", "python:3.13", "", "exec python3 main.py"}},
		"python without files": {files{"tool.py": ""}, found{"my-folder", "python", "python:3.13", "", ""}},
		"gradle's wrapper": {files{"build.gradle.kts": "id(\"org.springframework.boot\")", "gradlew": ""},
			found{"my-folder", "java", "gradle:8-jdk21", "", "exec ./gradlew bootRun"}},
		"gradle": {files{"build.gradle": ""},
			found{"my-folder", "java", "gradle:8-jdk21", "", "exec gradle run"}},
		"maven": {files{"pom.xml": ""},
			found{"my-folder", "java", "maven:3-eclipse-temurin-21", "mvn -q compile",
				"exec mvn -q exec:java"}},
		"maven's wrapper": {files{"pom.xml": "spring-boot", "mvnw": ""},
			found{"my-folder", "java", "maven:3-eclipse-temurin-21", "./mvnw -q compile",
				"exec ./mvnw spring-boot:run"}},
		"java alone": {files{"A.java": "", "B.java": "public static void main(String[] a)"},
			found{"my-folder", "java", "eclipse-temurin:21-jdk",
				"javac -g -d /tmp/classes $(find . -name '*.java')", "exec java -cp /tmp/classes B"}},
		"rust": {files{"Cargo.toml": "[package]\nname = \"Web_app\""},
			found{"web-app", "rust", "rust:1", "cargo build", "exec target/debug/Web_app"}},
		"rust's workspace": {files{"Cargo.toml": ""},
			found{"my-folder", "rust", "rust:1", "", "cargo run"}},
		"rails": {files{"Gemfile": "", "bin/rails": ""}, found{"my-folder", "ruby", "ruby:3.4",
			"bundle check || bundle install", "exec bundle exec rails server -b 0.0.0.0"}},
		"rack": {files{"Gemfile": "", "config.ru": "", "app.rb": ""}, found{"my-folder", "ruby", "ruby:3.4",
			"bundle check || bundle install", "exec bundle exec rackup -o 0.0.0.0"}},
		"ruby alone": {files{"main.rb": ""}, found{"my-folder", "ruby", "ruby:3.4", "", "exec ruby main.rb"}},
		"php": {files{"composer.json": "{}"},
			found{"my-folder", "php", "php:8.4-cli", "", "exec php -S 0.0.0.0:8080 -t public"}},
		"dotnet": {files{"A.csproj": ""},
			found{"my-folder", "csharp", "mcr.microsoft.com/dotnet/sdk:8.0", "", "dotnet run"}},
		"cmake": {files{"CMakeLists.txt": "project(x)\nadd_executable( web main.cpp)"}, found{"my-folder", "cpp",
			"gcc:14", "cmake -S . -B /tmp/build -DCMAKE_BUILD_TYPE=Debug && cmake --build /tmp/build",
			"exec /tmp/build/web"}},
		"make": {files{"Makefile": "", "a.c": ""}, found{"my-folder", "c", "gcc:14", "make", ""}},
		"c alone": {files{"a.c": ""},
			found{"my-folder", "c", "gcc:14", "gcc -g -o /tmp/my-folder *.c", "exec /tmp/my-folder"}},
		"c++ alone": {files{"a.cc": "", "b.c": ""},
			found{"my-folder", "cpp", "gcc:14", "g++ -g -o /tmp/my-folder *.cc", "exec /tmp/my-folder"}},
		"nothing": {files{"readme": ""}, found{"my-folder", "", "", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := Look(folder(tt.files), "My Folder")
			image := strings.TrimPrefix(g.Image.Ref, "docker.io/library/")
			if diff := cmp.Diff(tt.want, found{g.Name, g.Language, image, g.Build, g.Run}); diff != "" {
				t.Error(diff)
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
		"all": {Guess{}, "registry:5000/shop/python:3.12", []string{"python3", "-m", "shop server"},
			Guess{
				Language: "python",
				Image:    publicimage.For(nil, "python"),
				Run:      "python3 -m 'shop server'",
			}},
		"the folder knows": {Guess{Language: "node", Run: "npm start"}, "python", []string{"x"},
			Guess{Language: "node", Run: "npm start"}},
		"compiled": {Guess{}, "golang", []string{"/server"},
			Guess{Language: "go", Image: publicimage.For(nil, "go")}},
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
	if written, err := Place(file, "name: b\n", no); written || err != nil ||
		!strings.Contains(shown, "-name: a\n+name: b\n") {
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
		if _, err := Devcontainer([]byte(text), "a", "s"); err == nil ||
			!strings.Contains(err.Error(), "read devcontainer.json") {
			t.Errorf("%q: %v", text, err)
		}
	}
	made, err := Devcontainer([]byte(`{"build": {"dockerfile": "x"}}`), "a", "s")
	if err != nil || len(made.Unmapped) != 2 {
		t.Errorf("%v %v", made.Unmapped, err)
	}
}
