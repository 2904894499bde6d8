//go:build e2e

package e2e

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

const (
	extension = repository + "/ide-plugins/vscode"
	// walkLimit is for one walk through VS Code: the slowest step may compile in a container.
	walkLimit = 8 * time.Minute
)

// walk is a way through the extension in a real VS Code, in TypeScript: ide-plugins/vscode/test/ui has it. The fields
// are those of its Plan.
type walk struct {
	Walk      string   `json:"walk"`
	VSCode    string   `json:"vscode"`
	VSIX      string   `json:"vsix"`
	NHCTL     string   `json:"nhctl"`
	Home      string   `json:"home"`
	Workspace string   `json:"workspace"`
	Pictures  string   `json:"pictures"`
	Namespace string   `json:"namespace"`
	Program   *program `json:"program,omitempty"`
	// Settings are those of VS Code.
	Settings map[string]any `json:"settings"`

	dev *developer
	// does has what the walk may ask for, by name.
	does map[string]func(args ...string) (string, error)
}

// program is a service that a walk develops: the fields are those of its Program.
type program struct {
	Workload string      `json:"workload"`
	File     string      `json:"file"`
	Line     int         `json:"line"`
	Variable string      `json:"variable"`
	Value    string      `json:"value"`
	Edit     lineText    `json:"edit"`
	Answers  answers     `json:"answers"`
	Debugger string      `json:"debugger,omitempty"`
	Joined   string      `json:"joined,omitempty"`
	Test     *editorTest `json:"test,omitempty"`
}

type lineText struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

type answers struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

type editorTest struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// TestVSCode has a person use the packed extension in VS Code, with the published Role and nothing else. In the end
// the namespace is as it was.
func TestVSCode(t *testing.T) {
	t.Parallel()
	t.Run("Colleague", func(t *testing.T) {
		w, src := walk{Walk: "colleague"}.atSmall(t)
		bob, copied := w.dev.colleague(w.Namespace, src)
		w.does["name"] = func(...string) (string, error) { return bob.name, nil }
		w.does["colleague"] = func(args ...string) (string, error) {
			r := bob.nhctl(copied, args...)
			return r.stdout, r.err()
		}
		w.run(t)
	})
	t.Run("BadProgram", func(t *testing.T) {
		w, _ := walk{Walk: "badProgram"}.atSmall(t)
		w.Settings = map[string]any{"nhctl.path": filepath.Join(w.dev.home, "bin", "nhctl")}
		w.run(t)
	})
	t.Run("BadCluster", func(t *testing.T) { badCluster(t) })
	t.Run("Traffic", func(t *testing.T) { walksTraffic(t) })
	t.Run("DebugHere", func(t *testing.T) { debugsHere(t) })
	t.Run("Conflict", func(t *testing.T) {
		w, src := walk{Walk: "conflict"}.atSmall(t)
		file := filepath.Join(src, "hello.txt")
		w.does["conflict"] = func(...string) (string, error) { return "", w.dev.conflict(src, file) }
		w.does["contents"] = func(...string) (string, error) {
			there, err := w.dev.inPod(src, "cat", filepath.Base(file))
			here, readErr := os.ReadFile(file)
			return fmt.Sprintf("here %s, there %s", here, there), errors.Join(err, readErr)
		}
		w.run(t)
	})
	for _, walk := range []string{"develop", "keyboard"} {
		t.Run("Go/"+walk, func(t *testing.T) { developsGo(t, walk) })
	}
	t.Run("Python", func(t *testing.T) {
		developed{
			service: "reviews", path: "/reviews",
			file: "main.py", line: `self.answer(200, {"reviews"`, variable: "self", value: "Handler",
			edit: [2]string{"Read it twice.", "Read it once more."},
		}.run(t, "develop")
	})
	t.Run("Node", func(t *testing.T) {
		developed{
			service: "storefront", path: "/", needs: []string{"catalog", "reviews"},
			file: "main.js", line: "return {", variable: "reviews", value: "tone",
			edit:     [2]string{"catalog.greeting", "'Edited in VS Code'"},
			before:   "Welcome to the bookshop",
			debugger: "nhctl: Debug in the Cluster",
		}.run(t, "develop")
	})
}

// walksTraffic is a walk through a mesh whose requests come to a process of this computer.
func walksTraffic(t *testing.T) {
	t.Helper()
	e := newExchanging(t)
	before := shared.mustSnapshot(t, e.ns)
	local, stop := localServer(t, "mine")
	_, port, err := net.SplitHostPort(local)
	if err != nil {
		t.Fatal(err)
	}
	own := func() []string {
		for _, s := range query[[]rpc.Session](e.developer, "", "status") {
			if s.Route != nil && len(s.Route.Matches) == 1 {
				return []string{s.Route.Matches[0].Name, s.Route.Matches[0].Value}
			}
		}
		return nil
	}
	asks := func(want string, headers ...string) (string, error) {
		text, _, err := e.asks("/books", headers...)
		if err == nil && !strings.Contains(text, want) {
			err = fmt.Errorf("the answer is %q, without %q", text, want)
		}
		return text, err
	}
	w := &walk{Walk: "traffic", Namespace: e.ns, Workspace: t.TempDir(), dev: e.developer}
	w.does = map[string]func(...string) (string, error){
		"port":                func(...string) (string, error) { return port, nil },
		"own":                 func(...string) (string, error) { return asks("mine", own()...) },
		"others":              func(...string) (string, error) { return asks(original) },
		"stop":                func(...string) (string, error) { stop(); return "", nil },
		"answeredByOriginals": func(...string) (string, error) { return asks(original, own()...) },
	}
	w.perform(t)
	e.restored(t, before)
	e.must("", "disconnect")
}

// debugsHere is a walk that debugs a service on this computer, as its workload and with its traffic.
func debugsHere(t *testing.T) {
	t.Helper()
	ns := shopOf(t, "storefront", "catalog", "reviews")
	dev := shared.developer(t, ns)
	before := shared.mustSnapshot(t, ns)
	src := dev.sources("examples/bookshop/storefront")
	local, free := localServer(t, "")
	free()
	_, port, err := net.SplitHostPort(local)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(src, "main.js")
	edit(t, file, "listen(8080", "listen(process.env.PORT")
	write(t, filepath.Join(src, ".vscode", "launch.json"), `{"version": "0.2.0", "configurations": [{
  "type": "node", "request": "launch", "name": "storefront", "program": "${workspaceFolder}/main.js",
  "env": {"PORT": "`+port+`"}
}]}`)
	w := &walk{Walk: "here", Namespace: ns, Workspace: src, dev: dev, Program: &program{
		Workload: "storefront",
		File:     "main.js",
		Line:     lineOf(t, file, "return {"),
		Variable: "reviews",
		Value:    "tone",
		Answers:  answers{Before: "Welcome to the bookshop"},
	}}
	w.does = map[string]func(...string) (string, error){
		"port": func(...string) (string, error) { return port, nil },
		"get":  func(...string) (string, error) { return <-ask(t, ns, "storefront", "/"), nil },
		"routes": func(...string) (string, error) {
			for _, s := range query[[]rpc.Session](dev, "", "status") {
				if s.Route != nil {
					return "exchanged", nil
				}
			}
			return "none", nil
		},
	}
	w.perform(t)
	dev.must("", "disconnect", "--all")
	shared.restored(t, ns, before)
}

// badCluster is a walk through days on which the API server is away, and on which credentials expire.
func badCluster(t *testing.T) {
	t.Helper()
	ns, name := small(t), randomName("dev-")
	p, c := newProxy(t), &cutter{conns: map[net.Conn]bool{}}
	dev := shared.developerWith(t, name, c.through(t, p.kubeconfig(t, shared.user(t, ns, name))))
	src := dev.smallSources()
	w := &walk{Walk: "badCluster", Namespace: ns, Workspace: src, dev: dev}
	expires := func(yes bool) func(...string) (string, error) {
		return func(...string) (string, error) {
			p.expired.Store(yes)
			c.cut() // what is open was let in before
			return "", nil
		}
	}
	w.does = map[string]func(...string) (string, error){
		"away":    func(...string) (string, error) { c.goes(true); return "", nil },
		"back":    func(...string) (string, error) { c.goes(false); return "", nil },
		"expired": expires(true),
		"renewed": expires(false),
		"save": func(args ...string) (string, error) {
			return "", os.WriteFile(filepath.Join(src, "hello.txt"), []byte(args[0]), 0o600)
		},
		"saved": func(...string) (string, error) { return dev.inPod(src, "cat", "hello.txt") },
	}
	w.run(t)
}

// conflict has both sides write a file while sync is paused; this computer's content is the newer one.
func (d *developer) conflict(src, file string) error {
	for _, do := range []func() error{
		func() error { return d.nhctl(src, "dev", "sync", "pause").err() },
		func() error { return os.WriteFile(file, []byte("mine"), 0o600) },
		func() error {
			_, err := d.inPod(src, "sh", "-c", "printf theirs > hello.txt; touch -d '1 hour ago' hello.txt")
			return err
		},
		func() error { return d.nhctl(src, "dev", "sync", "resume").err() },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// developed is a service of the bookshop that a walk develops.
type developed struct {
	service, path   string
	needs           []string // other services that it calls
	file, line      string   // the program stops in file, at the line with a text
	variable, value string
	edit            [2]string // of the file; the Service's answer has the same words
	before          string    // what the answer has before, where that is not in the file
	debugger        string    // is chosen where the editor asks which: it has one of its own for the language
	test, testText  string    // a file with a test
	testLine        string    // the line of the test where it is debugged
}

func developsGo(t *testing.T, walk string) {
	t.Helper()
	developed{
		service: "catalog", path: "/books",
		file: "main.go", line: `hostname, _ := os.Hostname()`, variable: "books", value: "len: ",
		edit: [2]string{"Welcome to the bookshop", "Edited in VS Code"},
		test: "main_test.go", testLine: "if len(greeting)", testText: `package main

import "testing"

func TestGreeting(t *testing.T) {
	greeting := Greeting
	if len(greeting) == 0 {
		t.Error("no greeting")
	}
}
`,
	}.run(t, walk)
}

func (d developed) run(t *testing.T, name string) {
	t.Helper()
	ns := shopOf(t, append([]string{d.service}, d.needs...)...)
	dev := shared.developer(t, ns)
	src := dev.sources("examples/bookshop/" + d.service)
	config := filepath.Join(src, ".dev", "config.yaml")
	if !strings.Contains(read(t, config), "hotReload: true") {
		edit(t, config, "    workDir:", "    hotReload: true\n    workDir:")
	}
	file := filepath.Join(src, d.file)
	line := func(text string) int { return lineOf(t, file, text) }
	changed := line(d.edit[0])
	p := &program{
		Workload: d.service,
		File:     d.file,
		Line:     line(d.line),
		Variable: d.variable,
		Value:    d.value,
		Edit:     lineText{changed, strings.TrimSpace(strings.Split(read(t, file), "\n")[changed-1])},
		Answers:  answers{cmp.Or(d.before, inQuotes(d.edit[0])), inQuotes(d.edit[1])},
		Debugger: d.debugger,
	}
	if d.debugger == "" {
		p.Joined = "joined the program that was built again"
	}
	p.Edit.Text = strings.Replace(p.Edit.Text, d.edit[0], d.edit[1], 1)
	if d.test != "" {
		write(t, filepath.Join(src, d.test), d.testText)
		p.Test = &editorTest{d.test, lineOf(t, filepath.Join(src, d.test), d.testLine)}
	}
	w := &walk{Walk: name, Namespace: ns, Workspace: src, Program: p, dev: dev}
	w.does = map[string]func(...string) (string, error){
		"get": func(...string) (string, error) { return <-ask(t, ns, d.service, d.path), nil },
		"reloads": func(...string) (string, error) {
			sum := 0
			for _, c := range query[rpc.Session](dev, src, "dev", "status").Commands {
				sum += c.Reloads
			}
			return fmt.Sprint(sum), nil
		},
	}
	w.run(t)
}

// inQuotes is what stands in single quotes, or the whole text without any.
func inQuotes(text string) string {
	if _, rest, ok := strings.Cut(text, "'"); ok {
		text, _, _ = strings.Cut(rest, "'")
	}
	return text
}

// atSmall is a walk with the small workload, which comes and goes more quickly.
func (w walk) atSmall(t *testing.T) (prepared *walk, src string) {
	t.Helper()
	w.Namespace, w.dev, w.Workspace = atSmall(t)
	w.does = map[string]func(args ...string) (string, error){}
	return &w, w.Workspace
}

// run runs the walk, fails the test where it fails, and compares the namespace with what it was.
func (w *walk) run(t *testing.T) {
	t.Helper()
	before := shared.mustSnapshot(t, w.Namespace)
	w.perform(t)
	shared.restored(t, w.Namespace, before)
}

func (w *walk) perform(t *testing.T) {
	t.Helper()
	bin := os.Getenv("NHCTL_TEST_BIN")
	w.VSCode, w.VSIX, w.NHCTL = preparedVSCode(t), filepath.Join(bin, "nhctl.vsix"), filepath.Join(bin, "nhctl")
	w.Home = w.dev.home
	w.Pictures = cmp.Or(os.Getenv("NHCTL_TEST_PICTURES"), t.TempDir())
	plan, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), walkLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "out/ui/main.js", string(plan))
	cmd.Dir = extension
	cmd.Env = w.dev.env
	if w.Settings["nhctl.path"] == nil {
		// VS Code takes the environment of a login shell.
		write(t, filepath.Join(w.Home, ".profile"), "export PATH="+bin+":$PATH\n")
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.serve(t, stdout, stdin)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the walk: %v\n%s", cmp.Or(ctx.Err(), err), stderr.String())
	}
}

// line is what a walk says: a step that it has done, or what it asks for.
type line struct {
	Step    string   `json:"step"`
	Seconds float64  `json:"seconds"`
	ID      int      `json:"id"`
	Ask     string   `json:"ask"`
	Args    []string `json:"args"`
}

// serve logs a walk's steps, and does what it asks for, until it ends.
func (w *walk) serve(t *testing.T, lines io.Reader, answers io.Writer) {
	t.Helper()
	var mu sync.Mutex
	var asked sync.WaitGroup
	defer asked.Wait()
	encoder := json.NewEncoder(answers)
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Errorf("the walk says %q: %v", scanner.Text(), err)
			continue
		}
		if l.Ask == "" {
			t.Logf("%s (%.1f s)", l.Step, l.Seconds)
			continue
		}
		asked.Go(func() {
			answer := struct {
				ID     int    `json:"id"`
				Answer string `json:"answer"`
				Error  string `json:"error,omitempty"`
			}{ID: l.ID}
			do, ok := w.does[l.Ask]
			if !ok {
				do = func(...string) (string, error) { return "", fmt.Errorf("no one does that") }
			}
			text, err := do(l.Args...)
			if answer.Answer = text; err != nil {
				answer.Error = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			_ = encoder.Encode(answer) // one that has ended waits for no answer
		})
	}
}

// preparedVSCode is the folder of a VS Code for tests, which is made once for all checkouts.
func preparedVSCode(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("test/setup/vscode.sh")
	cmd.Dir = extension
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
