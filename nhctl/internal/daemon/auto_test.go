package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

func TestPairGo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		local, remote string
		want          []event.PathData
	}{
		"one version":   {"/home/ada/go/pkg/mod\n/opt/go\ngo1.26.1\n", "/cache/mod\n/usr/local/go\ngo1.26.1\n", []event.PathData{{Local: "/home/ada/go/pkg/mod", Remote: "/cache/mod"}, {Local: "/opt/go", Remote: "/usr/local/go"}}},
		"two versions":  {"/a\n/b\ngo1.25\n", "/c\n/d\ngo1.26\n", []event.PathData{{Local: "/a", Remote: "/c"}}},
		"an old go":     {"/a\n/b\ngo1.25\n", "\n/d\ngo1.26\n", nil},
		"another thing": {"/a\n/b\ngo1.25\n", "sh: go: not found", nil},
	} {
		if diff := cmp.Diff(tt.want, pairGo(tt.local, tt.remote)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The dev image auto is chosen by the sources; without a config, so are the commands.
func TestChosen(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if dev, said, err := chosen(config.Dev{Image: "mine"}, root, false); dev.Image != "mine" || said != nil || err != nil {
		t.Error(dev.Image, said, err)
	}
	if _, _, err := chosen(config.Dev{Image: auto}, root, false); err == nil || !strings.Contains(problem.From(err).Hint, "dev-base") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "main.rb"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := config.Dev{Image: "ghcr.io/nhctl/dev-ruby:v0.1.0", Command: config.Commands{Run: config.Command{Line: []string{"exec ruby main.rb"}}}, Debug: config.Debug{Language: "ruby"}}
	for _, configured := range []bool{false, true} {
		dev, said, err := chosen(config.Dev{Image: auto}, root, configured)
		if diff := cmp.Diff(want, dev); diff != "" || err != nil || len(said) != 1 || !strings.Contains(said[0], "look like ruby") {
			t.Error(diff, said, err)
		}
		want.Command, want.Debug = config.Commands{}, config.Debug{} // a config has its own
	}
}

// Without a config, or with one that leaves them open, the commands come from the sources, and the debugger knows what to do with them.
func TestBySources(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files                map[string]string
		build, run, language string
	}{
		"go":         {map[string]string{"go.mod": "module example.com/web\n", "main.go": "package main\n"}, "go build -o /tmp/web .", "exec /tmp/web", "go"},
		"go, in cmd": {map[string]string{"go.mod": "module web\n", "cmd/web/main.go": ""}, "go build -o /tmp/web ./cmd/web", "exec /tmp/web", "go"},
		"node":       {map[string]string{"package.json": `{"scripts":{"start":"node main.js"}}`}, "", "exec node main.js", "node"},
		"python":     {map[string]string{"requirements.txt": "", "app.py": ""}, "pip install --quiet --requirement requirements.txt", "exec python3 app.py", "python"},
		"django":     {map[string]string{"pyproject.toml": "", "manage.py": ""}, "", "exec python3 manage.py runserver 0.0.0.0:8000", "python"},
		"maven":      {map[string]string{"pom.xml": "spring-boot", "mvnw": ""}, "./mvnw -q compile", "exec ./mvnw spring-boot:run", "java"},
		"gradle":     {map[string]string{"build.gradle": "org.springframework.boot", "gradlew": ""}, "", "exec ./gradlew bootRun", "java"},
		"java":       {map[string]string{"A.java": "static void main(String[] a)"}, "javac -g -d /tmp/classes $(find . -name '*.java')", "exec java -cp /tmp/classes A", "java"},
		"ruby":       {map[string]string{"main.rb": ""}, "", "exec ruby main.rb", "ruby"},
		"rust":       {map[string]string{"Cargo.toml": "[package]\nname = \"web\"\n"}, "cargo build", "exec target/debug/web", "rust"},
		"c++":        {map[string]string{"main.cpp": ""}, "g++ -g -o /tmp/src *.cpp", "exec /tmp/src", "cpp"},
		"cmake":      {map[string]string{"CMakeLists.txt": "add_executable(web main.cpp)\n"}, "cmake -S . -B /tmp/build -DCMAKE_BUILD_TYPE=Debug && cmake --build /tmp/build", "exec /tmp/build/web", "cpp"},
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
			dev, said := bySources(config.Dev{}, supervise.Run, root)
			if diff := cmp.Diff(config.Commands{Build: line(tt.build), Run: line(tt.run)}, dev.Command); diff != "" || dev.Debug.Language != "" {
				t.Errorf("to run: %s, language %q", diff, dev.Debug.Language)
			}
			if !strings.Contains(said, "the sources look like "+tt.language) || !strings.Contains(said, "started with: "+tt.run) || !strings.Contains(said, "nhctl config init") {
				t.Errorf("said %q", said)
			}
			dev, said = bySources(config.Dev{}, supervise.Debug, root)
			if dev.Debug.Language != tt.language || !strings.Contains(said, "debugged as "+tt.language) {
				t.Errorf("to debug: language %q, said %q", dev.Debug.Language, said)
			}
			port, err := debugger.Port(dev.Debug)
			if err != nil {
				t.Fatal(err)
			}
			if start, err := debugger.Command(dev, debugger.Options{Port: port}); name != "gradle" && (err != nil || len(start.Argv) == 0) {
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
		"run is there":        {config.Dev{Command: config.Commands{Run: own}}, supervise.Run, config.Dev{Command: config.Commands{Run: own}}, false},
		"build of nothing":    {config.Dev{}, supervise.Build, config.Dev{}, false},
		"run without a build": {config.Dev{Command: config.Commands{Build: own}}, supervise.Run, config.Dev{Command: config.Commands{Build: own, Run: ruby}}, true},
		"only the language": {config.Dev{Command: config.Commands{Run: own}}, supervise.Debug,
			config.Dev{Command: config.Commands{Run: own}, Debug: config.Debug{Language: "ruby"}}, true},
		"a debug command without its port": {config.Dev{Command: config.Commands{Debug: own}}, supervise.Debug,
			config.Dev{Command: config.Commands{Debug: own}, Debug: config.Debug{Language: "ruby"}}, true},
		"a debug command with its port": {config.Dev{Command: config.Commands{Debug: own}, Debug: config.Debug{RemoteDebugPort: 9}}, supervise.Debug,
			config.Dev{Command: config.Commands{Debug: own}, Debug: config.Debug{RemoteDebugPort: 9}}, false},
	} {
		got, said := bySources(tt.dev, tt.command, root)
		if diff := cmp.Diff(tt.want, got); diff != "" || (said != "") != tt.said {
			t.Errorf("%s: said %q %s", name, said, diff)
		}
	}
	if got, said := bySources(config.Dev{}, supervise.Run, t.TempDir()); said != "" || !got.Command.Run.Empty() {
		t.Errorf("an empty folder: %q", said)
	}
}
