package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// The dev image auto is chosen by the sources; without a config, so are the commands.
func TestChosen(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dev, said, err := chosen(config.Dev{Image: "mine"}, root, false)
	if dev.Image != "mine" || said != nil || err != nil {
		t.Error(dev.Image, said, err)
	}
	_, _, err = chosen(config.Dev{Image: config.AutoImage}, root, false)
	if err == nil || !strings.Contains(problem.From(err).Hint, "--image") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "main.rb"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, ".ruby-version"), []byte("3.2.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := config.Dev{
		Image:   "docker.io/library/ruby:3.2.2",
		Command: config.Commands{Run: config.Command{Line: []string{"exec ruby main.rb"}}},
		Debug:   config.Debug{Language: "ruby"},
	}
	for _, configured := range []bool{false, true} {
		dev, said, err := chosen(config.Dev{Image: config.AutoImage}, root, configured)
		diff := cmp.Diff(want, dev)
		const why = "look like ruby: the dev image is docker.io/library/ruby:3.2.2, as .ruby-version says 3.2.2"
		if diff != "" || err != nil || len(said) != 1 || !strings.Contains(said[0], why) {
			t.Error(diff, said, err)
		}
		want.Command, want.Debug = config.Commands{}, config.Debug{} // a config has its own
	}
}

// Without a config, or with one that leaves them open, the commands come from the sources, and the debugger knows what
// to do with them.
func TestBySources(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files                map[string]string
		build, run, language string
	}{
		"go": {
			files:    map[string]string{"go.mod": "module example.com/web\n", "main.go": "package main\n"},
			build:    "go build -o /tmp/web .",
			run:      "exec /tmp/web",
			language: "go",
		},
		"go, in cmd": {
			files:    map[string]string{"go.mod": "module web\n", "cmd/web/main.go": ""},
			build:    "go build -o /tmp/web ./cmd/web",
			run:      "exec /tmp/web",
			language: "go",
		},
		"node": {
			files:    map[string]string{"package.json": `{"scripts":{"start":"node main.js"}}`},
			run:      "exec node main.js",
			language: "node",
		},
		"python": {
			files:    map[string]string{"requirements.txt": "", "app.py": ""},
			build:    "pip install --quiet --requirement requirements.txt",
			run:      "exec python3 app.py",
			language: "python",
		},
		"django": {
			files:    map[string]string{"pyproject.toml": "", "manage.py": ""},
			run:      "exec python3 manage.py runserver 0.0.0.0:8000",
			language: "python",
		},
		"maven": {
			files:    map[string]string{"pom.xml": "spring-boot", "mvnw": ""},
			build:    "./mvnw -q compile",
			run:      "exec ./mvnw spring-boot:run",
			language: "java",
		},
		"gradle": {
			files:    map[string]string{"build.gradle": "org.springframework.boot", "gradlew": ""},
			run:      "exec ./gradlew bootRun",
			language: "java",
		},
		"java": {
			files:    map[string]string{"A.java": "static void main(String[] a)"},
			build:    "javac -g -d /tmp/classes $(find . -name '*.java')",
			run:      "exec java -cp /tmp/classes A",
			language: "java",
		},
		"ruby": {
			files:    map[string]string{"main.rb": ""},
			run:      "exec ruby main.rb",
			language: "ruby",
		},
		"rust": {
			files:    map[string]string{"Cargo.toml": "[package]\nname = \"web\"\n"},
			build:    "cargo build",
			run:      "exec target/debug/web",
			language: "rust",
		},
		"c++": {
			files:    map[string]string{"main.cpp": ""},
			build:    "g++ -g -o /tmp/src *.cpp",
			run:      "exec /tmp/src",
			language: "cpp",
		},
		"cmake": {
			files:    map[string]string{"CMakeLists.txt": "add_executable(web main.cpp)\n"},
			build:    "cmake -S . -B /tmp/build -DCMAKE_BUILD_TYPE=Debug && cmake --build /tmp/build",
			run:      "exec /tmp/build/web",
			language: "cpp",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "src")
			for file, text := range tt.files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			line := func(text string) config.Command {
				if text == "" {
					return config.Command{}
				}
				return config.Command{Line: []string{text}}
			}
			dev, said := BySources(config.Dev{}, supervise.Run, root)
			want := config.Commands{Build: line(tt.build), Run: line(tt.run)}
			if diff := cmp.Diff(want, dev.Command); diff != "" || dev.Debug.Language != "" {
				t.Errorf("to run: %s, language %q", diff, dev.Debug.Language)
			}
			if !strings.Contains(said, "the sources look like "+tt.language) ||
				!strings.Contains(said, "started with: "+tt.run) ||
				!strings.Contains(said, "nhctl config init") {
				t.Errorf("said %q", said)
			}
			dev, said = BySources(config.Dev{}, supervise.Debug, root)
			if dev.Debug.Language != tt.language || !strings.Contains(said, "debugged as "+tt.language) {
				t.Errorf("to debug: language %q, said %q", dev.Debug.Language, said)
			}
			port, err := debugger.Port(dev.Debug)
			if err != nil {
				t.Fatal(err)
			}
			if start, err := debugger.Command(dev, debugger.Options{Port: port}); err != nil || len(start.Argv) == 0 {
				t.Errorf("the debugger takes no %s: %v", dev.Command.Run, err)
			}
		})
	}
}

// What a config says stays, and where all is said the sources are not looked at.
func TestBySourcesFillsInOnlyWhatIsOpen(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "main.rb"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	own, ruby := config.Command{Line: []string{"./own"}}, config.Command{Line: []string{"exec ruby main.rb"}}
	for name, tt := range map[string]struct {
		dev     config.Dev
		command string
		want    config.Dev
		said    bool
	}{
		"run is there": {
			dev:     config.Dev{Command: config.Commands{Run: own}},
			command: supervise.Run,
			want:    config.Dev{Command: config.Commands{Run: own}},
			said:    false,
		},
		"build of nothing": {
			dev:     config.Dev{},
			command: supervise.Build,
			want:    config.Dev{},
			said:    false,
		},
		"run without a build": {
			dev:     config.Dev{Command: config.Commands{Build: own}},
			command: supervise.Run,
			want:    config.Dev{Command: config.Commands{Build: own, Run: ruby}},
			said:    true,
		},
		"only the language": {
			dev:     config.Dev{Command: config.Commands{Run: own}},
			command: supervise.Debug,
			want:    config.Dev{Command: config.Commands{Run: own}, Debug: config.Debug{Language: "ruby"}},
			said:    true,
		},
		"a debug command without its port": {
			dev:     config.Dev{Command: config.Commands{Debug: own}},
			command: supervise.Debug,
			want:    config.Dev{Command: config.Commands{Debug: own}, Debug: config.Debug{Language: "ruby"}},
			said:    true,
		},
		"a debug command with its port": {
			dev:     config.Dev{Command: config.Commands{Debug: own}, Debug: config.Debug{RemoteDebugPort: 9}},
			command: supervise.Debug,
			want:    config.Dev{Command: config.Commands{Debug: own}, Debug: config.Debug{RemoteDebugPort: 9}},
			said:    false,
		},
	} {
		got, said := BySources(tt.dev, tt.command, root)
		if diff := cmp.Diff(tt.want, got); diff != "" || (said != "") != tt.said {
			t.Errorf("%s: said %q %s", name, said, diff)
		}
	}
	if got, said := BySources(config.Dev{}, supervise.Run, t.TempDir()); said != "" || !got.Command.Run.Empty() {
		t.Errorf("an empty folder: %q", said)
	}
}
