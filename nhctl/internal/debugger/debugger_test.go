package debugger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
)

func text(line string) config.Command { return config.Command{Line: []string{line}} }

func TestCommand(t *testing.T) {
	t.Parallel()
	const dlv = "dlv exec --headless --listen=127.0.0.1:2345 --api-version=2 --accept-multiclient "
	const program = "/tmp/nhctl-debug"
	const agent = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:2345"
	const lldb = "/.nhctl/bin/sidecar adapter -listen 127.0.0.1:2345 --"
	for name, tt := range map[string]struct {
		language   string
		build, run config.Command
		wait       bool
		want       string
	}{
		"go run": {Go, config.Command{}, text("go run ./cmd/web --port 80"), false,
			dlv + "--continue " + program + " -- --port 80"},
		"go run with tags": {Go, config.Command{}, text("go run -tags e2e -race main.go more.go x"), false,
			dlv + "--continue " + program + " -- x"},
		"go build and run in one": {Go, config.Command{}, text("go build -o /tmp/web . && exec /tmp/web -v"), false,
			"exec " + dlv + "--continue " + program + " -- -v"},
		"what comes before stays": {Go, config.Command{}, text("make assets && go build -o web ./web && PORT=80 ./web"),
			false, "make assets && PORT=80 " + dlv + "--continue " + program},
		"a build of its own": {Go, text("CGO_ENABLED=0 go build -o /tmp/web ./cmd/web"), text("/tmp/web"), false,
			dlv + "--continue " + program},
		"variables by env": {Go, config.Command{}, text("exec env PORT=80 go run ."), false,
			"exec env PORT=80 " + dlv + "--continue " + program},
		"nothing known":  {Go, config.Command{}, text("/tmp/web"), false, dlv + "--continue " + program},
		"wait for delve": {Go, config.Command{}, text("go run ."), true, dlv + program},
		"go as argv": {Go, config.Command{}, config.Command{Argv: []string{"go", "run", "-tags", "a", ".", "b c"}},
			false, dlv + "--continue " + program + " -- b c"},
		"java": {Java, config.Command{}, text("exec java -cp /tmp/classes Main"), false,
			"exec java " + agent + " -cp /tmp/classes Main"},
		"java waits": {Java, config.Command{}, text("java -jar a.jar"), true,
			"java " + strings.Replace(agent, "suspend=n", "suspend=y", 1) + " -jar a.jar"},
		"ruby": {Ruby, config.Command{}, text("exec bundle exec puma -p 80"), false, "exec env " +
			"RUBYOPT=-rdebug/open_nonstop RUBY_DEBUG_HOST=127.0.0.1 RUBY_DEBUG_PORT=2345 bundle exec puma -p 80"},
		"ruby waits": {Ruby, config.Command{}, text("ruby app.rb"), true,
			"env RUBYOPT=-rdebug/open RUBY_DEBUG_HOST=127.0.0.1 RUBY_DEBUG_PORT=2345 ruby app.rb"},
		"c++": {CPP, config.Command{}, text("make && exec /tmp/web -v"), false,
			"make && exec " + lldb + " /tmp/web -v"},
		"rust waits": {Rust, config.Command{}, text("target/debug/web"), true, lldb},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dev := config.Dev{Command: config.Commands{Build: tt.build, Run: tt.run},
				Debug: config.Debug{Language: tt.language}}
			got, err := Command(dev, Options{Port: 2345, Wait: tt.wait})
			if err != nil {
				t.Fatal(err)
			}
			want := Start{Argv: []string{"sh", "-c", tt.want},
				Program: map[string]string{CPP: "/tmp/web", Rust: "target/debug/web"}[tt.language]}
			if len(tt.run.Argv) > 0 {
				want.Argv, got.Argv = []string{tt.want}, []string{strings.Join(got.Argv, " ")}
			}
			if tt.language == Go {
				got.Build = nil // see TestBuild
				if !tt.wait {
					held := strings.Replace(strings.Join(got.Argv, " "), "--continue ", "", 1)
					if text := strings.Join(got.Held, " "); text != held {
						t.Errorf("held by %s, want %s", text, held)
					}
				}
			}
			got.Held = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The program that delve runs is built first, for it; other debuggers come after the config's build.
func TestBuild(t *testing.T) {
	t.Parallel()
	const plain = "go build '-gcflags=all=-N -l' -o /tmp/nhctl-debug "
	const build = plain + "-ldflags=-compressdwarf=false "
	for name, tt := range map[string]struct {
		language   string
		build, run config.Command
		want       []string
	}{
		"go run": {Go, config.Command{}, text("go run -tags e2e ./cmd/web --port 80"),
			[]string{"sh", "-c", build + "-tags e2e ./cmd/web"}},
		"a build of its own": {Go, text("go build -race -o /tmp/web ./web"), text("exec /tmp/web"),
			[]string{"sh", "-c", "exec " + build + "-race ./web"}},
		"what comes before stays": {Go, config.Command{}, text("cd web && go build -o web . && ./web"),
			[]string{"sh", "-c", "cd web && " + build + "."}},
		"with linker flags": {Go, config.Command{}, text("go run -ldflags=-X=main.v=1 ."),
			[]string{"sh", "-c", plain + "-ldflags=-X=main.v=1 ."}},
		"with linker flags as a word": {Go, config.Command{},
			config.Command{Argv: []string{"go", "run", "-ldflags", "-X main.v=1", "."}},
			[]string{"go", "build", "-gcflags=all=-N -l", "-o", "/tmp/nhctl-debug", "-ldflags", "-X main.v=1", "."}},
		"as argv": {Go, config.Command{}, config.Command{Argv: []string{"go", "run", "."}},
			[]string{"go", "build", "-gcflags=all=-N -l", "-o", "/tmp/nhctl-debug",
				"-ldflags=-compressdwarf=false", "."}},
		"java":     {Java, text("mvn -q package"), text("java -jar a.jar"), []string{"sh", "-c", "mvn -q package"}},
		"no build": {Node, config.Command{}, text("node main.js"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Command(config.Dev{Command: config.Commands{Build: tt.build, Run: tt.run},
				Debug: config.Debug{Language: tt.language}}, Options{Port: 2345})
			if diff := cmp.Diff(tt.want, got.Build); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

func TestCommandOfTheConfig(t *testing.T) {
	t.Parallel()
	got, err := Command(config.Dev{Shell: "bash", Command: config.Commands{Debug: text("dlv exec /tmp/web"),
		Run: text("/tmp/web")}, Debug: config.Debug{Language: Go}}, Options{})
	if diff := cmp.Diff(Start{Argv: []string{"bash", "-c", "dlv exec /tmp/web"}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		dev  config.Dev
		want string
	}{
		"no language": {config.Dev{}, "neither command.debug nor debug.language"},
		"not yet":     {config.Dev{Debug: config.Debug{Language: "php"}}, "does not start debuggers for php"},
		"no path": {config.Dev{Debug: config.Debug{Language: Rust},
			Command: config.Commands{Run: text("cargo run")}}, "(cargo run) does not show how"},
		"no ruby": {config.Dev{Debug: config.Debug{Language: Ruby}, Command: config.Commands{Run: text("make")}},
			"does not show how"},
		"bun": {config.Dev{Debug: config.Debug{Language: Node}, Command: config.Commands{Run: text("bun run dev")}},
			"(bun run dev) does not run Node"},
		"deno": {config.Dev{Debug: config.Debug{Language: Node},
			Command: config.Commands{Run: text("deno task dev")}}, "(deno task dev) does not run Node"},
		"no run": {config.Dev{Debug: config.Debug{Language: Python}}, "does not show how"},
	} {
		if _, err := Command(tt.dev, Options{Port: 1}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPort(t *testing.T) {
	t.Parallel()
	for want, d := range map[int]config.Debug{2345: {Language: Go}, 5678: {Language: Python}, 9229: {Language: Node},
		5005: {Language: Java}, 12345: {Language: Ruby}, 4711: {Language: C}, 9003: {Language: "php"},
		7: {Language: Go, RemoteDebugPort: 7}} {
		if got, err := Port(d); got != want || err != nil {
			t.Errorf("%+v: %d, %v", d, got, err)
		}
	}
	if _, err := Port(config.Debug{}); err == nil {
		t.Error("a port of nothing")
	}
}

// nhctl brings debuggers for its own starts, and delve for a debug command that names it, but nothing for others.
func TestTool(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		dev  config.Dev
		want string
	}{
		"go":                       {config.Dev{Debug: config.Debug{Language: Go}}, Delve},
		"python":                   {config.Dev{Debug: config.Debug{Language: Python}}, Debugpy},
		"node":                     {config.Dev{Debug: config.Debug{Language: Node}}, ""},
		"no language":              {config.Dev{}, ""},
		"delve in a debug command": {debugBy(config.Command{Line: []string{"exec dlv debug", "--headless ."}}), Delve},
		"delve as a program":       {debugBy(config.Command{Argv: []string{"dlv", "debug"}}), Delve},
		"another debug command":    {debugBy(config.Command{Argv: []string{"/opt/dlv", "debug"}}), ""},
	} {
		if got := Tool(tt.dev); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func debugBy(c config.Command) config.Dev {
	return config.Dev{Debug: config.Debug{Language: Go}, Command: config.Commands{Debug: c}}
}
