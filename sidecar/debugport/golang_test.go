package debugport

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestBuildOf(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]*goBuild{
		"run .": {packages: []string{"."}},
		"run -tags e2e main.go more.go x -v": {
			flags: []string{"-tags", "e2e"}, packages: []string{"main.go", "more.go"}, args: []string{"x", "-v"},
		},
		"run ./cmd/web --port 80": {packages: []string{"./cmd/web"}, args: []string{"--port", "80"}},
		"build -C api -o ./tmp/main .": {flags: []string{"-C", "api", "-o", "./tmp/main"},
			packages: []string{"."}},
		"build -race --o=bin/web ./cmd/web": {flags: []string{"-race", "--o=bin/web"}, packages: []string{"./cmd/web"}},
		"build":                             {packages: []string{"."}},
		"install ./a ./b":                   {packages: []string{"./a", "./b"}},
		"test ./...":                        nil,
		"":                                  nil,
	} {
		got, ok := buildOf(strings.Fields(words))
		if ok != (want != nil) {
			t.Errorf("%s: %v", words, ok)
			continue
		}
		if want != nil {
			if diff := cmp.Diff(*want, got, cmp.AllowUnexported(goBuild{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: %s", words, diff)
			}
		}
	}
}

// Whatever the command has the linker do, it leaves in what a debugger needs.
func TestLinked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ flags, want []string }{
		"none": {nil, []string{"-ldflags=-s=false -w=false -compressdwarf=false"}},
		"words": {[]string{"-race", "-ldflags", "-s -w", "-v"},
			[]string{"-race", "-v", "-ldflags=-s -w -s=false -w=false -compressdwarf=false"}},
		"one": {[]string{"--ldflags=-X main.version=1"},
			[]string{"-ldflags=-X main.version=1 -s=false -w=false -compressdwarf=false"}},
	} {
		if diff := cmp.Diff(tt.want, (goBuild{flags: tt.flags}).linked()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// module makes a module with a program at its top and one below, and a library.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const program = "package main\n\nfunc main() { println(\"Hello\") }\n"
	for name, text := range map[string]string{
		"go.mod": "module example.com/shop\n", "main.go": program, "web/main.go": program,
		"lib/lib.go": "package lib\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// hooked is the go command in a module, with the hook that programs are compiled with.
func hooked(t *testing.T) goCommand {
	t.Helper()
	g := goCommand{path: goPath(t), sources: module(t), dir: t.TempDir()}
	hook, err := hooks.ReadFile("hooks/reexec.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, "reexec.go"), hook, 0o644); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	g := goCommand{path: goPath(t), sources: module(t)}
	for words, want := range map[string][]string{
		"build":                         {"."},
		"run -trimpath main.go":         {"."},
		"build -C web -o ../bin/web .":  {"web"},
		"build --o=/dev/null ./web":     {"web"},
		"install ./...":                 {".", "web"},
		"build ./lib":                   nil,
		"build ./no/package":            nil,
		"build -overlay overlay.json .": nil,
	} {
		b, _ := buildOf(strings.Fields(words))
		var got []string
		for _, folder := range g.programs(b) {
			rel, err := filepath.Rel(g.sources, folder)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", words, diff)
		}
	}
}

// What is built runs as ever where no debugger is wanted, and is built again and again; other commands stay as they
// are.
func TestDebuggable(t *testing.T) {
	t.Parallel()
	g := hooked(t)
	for _, words := range []string{"run .", "run main.go", "run ./web", "build -o bin/web ./web",
		"build -o bin/web ./web"} {
		args, err := g.debuggable(strings.Fields(words))
		if err != nil || !strings.Contains(strings.Join(args, " "), "-gcflags=all=-N -l") {
			t.Fatalf("%q, %v", args, err)
		}
		cmd := exec.Command(g.path, args...)
		cmd.Dir = g.sources
		if out, err := cmd.CombinedOutput(); err != nil || strings.HasPrefix(words, "run") && string(out) != "Hello\n" {
			t.Errorf("%s: %s %v", words, out, err)
		}
	}
	for _, words := range []string{"test ./...", "build ./lib", "version"} {
		if args, err := g.debuggable(strings.Fields(words)); err != nil || strings.Join(args, " ") != words {
			t.Errorf("%s: %q, %v", words, args, err)
		}
	}
}

// `go run` takes the packages that `go build` has compiled for delve, such as those of the dev image's cache: compiling
// the standard library takes a minute.
func TestRunTakesWhatBuildHasCompiled(t *testing.T) {
	t.Parallel()
	g := hooked(t)
	for _, words := range []string{"build -x -o bin/main .", "run -x .", "run -x main.go"} {
		args, err := g.debuggable(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(g.path, args...)
		cmd.Dir = g.sources
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %s %v", words, out, err)
		}
		if strings.HasPrefix(words, "run") && strings.Contains(string(out), " -p runtime ") {
			t.Errorf("%s compiles the runtime again", words)
		}
	}
}

// A reloader may kill a program's delve, or only the shell that delve runs in.
func TestLeft(t *testing.T) {
	t.Parallel()
	const program = "/src/tmp/main"
	proc := t.TempDir()
	for pid, p := range map[int]struct {
		exe            string
		parent, tracer int
	}{
		1:  {exe: "/.nhctl/bin/sidecar"},
		2:  {exe: "/.nhctl/bin/sidecar", parent: 1},
		10: {exe: program + " (deleted)", parent: 1},              // delve has ended
		20: {exe: "/usr/local/bin/dlv", parent: 1},                // its shell has
		21: {exe: program + " (deleted)", parent: 20, tracer: 22}, // 22 is a thread of 20
		30: {exe: "/usr/local/bin/dlv", parent: 2},
		31: {exe: program, parent: 30, tracer: 32}, // another one, whose delve lives
		33: {exe: program, parent: 31},             // and that one's child
		40: {exe: "/src/other", parent: 1},
		41: {exe: "", parent: 1}, // it is ending
	} {
		dir := filepath.Join(proc, strconv.Itoa(pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("Name:\tmain\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", pid, p.parent, p.tracer)
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if p.exe != "" {
			if err := os.Symlink(p.exe, filepath.Join(dir, "exe")); err != nil {
				t.Fatal(err)
			}
		}
	}
	pids := left(proc, program)
	slices.Sort(pids)
	if diff := cmp.Diff([]int{10, 20, 21}, pids); diff != "" {
		t.Error(diff)
	}
}
