//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-delve/delve/service/api"
	"github.com/go-delve/delve/service/rpc2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// debugLimit is for a program that starts again, or stops: compilers and debuggers take their time on a busy computer.
const debugLimit = 3 * time.Minute

// dialDebugger dials a debugger's local port; the test fails when it does not get on within the limit.
func dialDebugger(t *testing.T, d event.DebugData) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(d.Host, strconv.Itoa(d.Port)), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(debugLimit)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// lineOf is the number of the line of a source file with a text.
func lineOf(t *testing.T, file, text string) int {
	t.Helper()
	before, _, ok := strings.Cut(read(t, file), text)
	if !ok {
		t.Fatalf("%s does not hold %q", file, text)
	}
	return strings.Count(before, "\n") + 1
}

// inContainer maps a local file as the debugger's result says.
func inContainer(t *testing.T, d event.DebugData, file string) string {
	t.Helper()
	for _, p := range d.Paths {
		if rel, err := filepath.Rel(p.Local, file); err == nil && !strings.HasPrefix(rel, "..") {
			return p.Remote + "/" + filepath.ToSlash(rel)
		}
	}
	t.Fatalf("%s is in none of %+v", file, d.Paths)
	return ""
}

// impatient shortens the liveness probe of a Deployment to a second.
func (c *cluster) impatient(t *testing.T, ns, name string) {
	t.Helper()
	c.patchDeployment(t, ns, name, fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,`+
		`"livenessProbe":{"periodSeconds":1,"failureThreshold":1,"timeoutSeconds":1}}]}}}}`, name))
	c.deploymentReady(t, ns, name)
}

// unharmed waits for three periods of the impatient probe, while the program stands, and looks whether the kubelet
// minded.
func (c *cluster) unharmed(t *testing.T, ns string) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(3500 * time.Millisecond):
	}
	pod, err := c.typed.CoreV1().Pods(ns).Get(t.Context(), c.twinPod(t, ns), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.RestartCount != 0 || s.State.Running == nil {
			t.Errorf("container %s after the pause: %+v", s.Name, s)
		}
	}
}

// onComputer maps a file of the container back.
func onComputer(t *testing.T, d event.DebugData, file string) string {
	t.Helper()
	for _, p := range d.Paths {
		if rest, ok := strings.CutPrefix(file, p.Remote+"/"); ok {
			return filepath.Join(p.Local, rest)
		}
	}
	t.Fatalf("%s is in none of %+v", file, d.Paths)
	return ""
}

// ask asks a Service until the program answers, which may stand at a breakpoint; the answer comes once it goes on.
func ask(t *testing.T, ns, service, path string) <-chan string {
	t.Helper()
	answer := make(chan string, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), debugLimit)
		defer cancel()
		body, err := shared.get(ctx, ns, service, path)
		for err != nil && ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
			body, err = shared.get(ctx, ns, service, path)
		}
		if err != nil {
			body = err.Error()
		}
		answer <- body
	}()
	return answer
}

// delve is a client of Go's debugger.
type delve struct {
	t          *testing.T
	client     *rpc2.RPCClient
	data       event.DebugData
	breakpoint int
	state      <-chan *api.DebuggerState
}

func attachDelve(t *testing.T, d event.DebugData, file string, line int) debugClient {
	t.Helper()
	c := &delve{t: t, client: rpc2.NewClientFromConn(dialDebugger(t, d)), data: d}
	if _, err := c.client.Halt(); err != nil {
		t.Fatal(err)
	}
	b, err := c.client.CreateBreakpoint(&api.Breakpoint{File: inContainer(t, d, file), Line: line})
	if err != nil {
		t.Fatal(err)
	}
	c.breakpoint, c.state = b.ID, c.client.Continue()
	return c
}

func (c *delve) stopped(expression string) (file, value string) {
	c.t.Helper()
	state := <-c.state
	if state == nil || state.Err != nil || state.CurrentThread == nil || state.CurrentThread.Breakpoint == nil {
		c.t.Fatalf("%+v", state)
	}
	v, err := c.client.EvalVariable(api.EvalScope{GoroutineID: -1}, expression, api.LoadConfig{MaxStringLen: 100})
	if err != nil {
		c.t.Fatal(err)
	}
	return onComputer(c.t, c.data, state.CurrentThread.File), v.Value
}

func (c *delve) goOn() {
	c.t.Helper()
	if _, err := c.client.ClearBreakpoint(c.breakpoint); err != nil {
		c.t.Error(err)
	}
	if err := c.client.Disconnect(true); err != nil {
		c.t.Error(err)
	}
}

func (c *delve) leave() {} // to go on was to leave

// A Go service under delve; and what is peculiar to it: --wait, and a run in the debugger's place.
func TestDebugGo(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	shared.impatient(t, ns, "catalog")
	dev := shared.developer(t, ns)
	src := dev.sources(catalog)
	configure(t, src, "catalog", "dev-go", `
hotReload: true
command:
  run: go run .
persistentVolumeDirs: [{path: /home/dev/.cache/go-mod, capacity: 1Mi}]
debug: {language: go}`)
	vendored := filepath.Join("vendor", "example.com", "greet", "greet.go")
	vendor(t, src)
	dev.must(src, "dev", "start", "--no-terminal")
	scenario := debugged{
		service: "catalog", language: "go", port: 2345, attach: attachDelve,
		file: "main.go", line: `hostname, _ := os.Hostname()`, path: "/books", want: "catalog-nhctl-",
		expression: "books[0].Title", value: "The Go Programming Language",
		edit: [2]string{"Welcome to the bookshop", "Debugged and saved"}, edited: "Debugged and saved", lost: true,
		broken: `Debugged and saved" nonsense`, complaint: "syntax error",
	}
	d := scenario.run(t, ns, dev, src)
	edit(t, filepath.Join(src, "main.go"), `Debugged and saved" nonsense`, "Debugged and saved")
	again := outcome[event.DebugData](dev, src, "dev", "debug", "--wait")
	if again.Port != d.Port {
		t.Errorf("the local port moved from %d to %d", d.Port, again.Port)
	}
	if len(d.Paths) < 2 || d.Paths[1].Remote != "/home/dev/.cache/go-mod" {
		t.Errorf("paths of modules: %+v", d.Paths)
	}
	client := rpc2.NewClientFromConn(dialDebugger(t, again))
	if state, err := client.GetStateNonBlocking(); err != nil || state.Running {
		t.Errorf("--wait: %+v, %v", state, err)
	}
	if err := client.Disconnect(true); err != nil {
		t.Error(err)
	}
	answer(t, ns, "Debugged and saved")
	scenario.expression, scenario.value = "host", "catalog-nhctl-"
	scenario.stops(t, ns, again, filepath.Join(src, vendored), 4, "Debugged and saved", func() {})
	dev.must(src, "dev", "run") // takes the debugger's place
	answer(t, ns, "Debugged and saved")
	if c := dev.ran(src, "debug"); c.State != "exited" {
		t.Errorf("run during debug: %+v", c)
	}
	dev.must(src, "dev", "end")
	if _, err := os.Stat(filepath.Join(src, "__debug_bin")); err == nil {
		t.Error("the debugger's binary came home")
	}
}

// vendor has the catalog name its host through a package of another module, a copy of which is among its sources.
func vendor(t *testing.T, src string) {
	t.Helper()
	module := filepath.Join(src, "..", "greet")
	write(t, filepath.Join(module, "go.mod"), "module example.com/greet\n")
	write(t, filepath.Join(module, "greet.go"), "package greet\n\nfunc Name(host string) string {\n\treturn host\n}\n")
	edit(t, filepath.Join(src, "go.mod"), "go 1.24",
		"go 1.24\n\nrequire example.com/greet v0.0.0\n\nreplace example.com/greet => ../greet")
	edit(t, filepath.Join(src, "main.go"), `"served_by": hostname`, `"served_by": greet.Name(hostname)`)
	edit(t, filepath.Join(src, "main.go"), `	"syscall"`, `	"syscall"
	"example.com/greet"`)
	cmd := exec.Command("go", "mod", "vendor")
	cmd.Dir = src
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v", out, err)
	}
}

// What does not compile, or can't be debugged, is said.
func TestDebugFails(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	edit(t, filepath.Join(src, "main.go"), "func main() {", "func main() { nonsense")
	if r := dev.nhctl(src, "dev", "debug"); r.code != 1 || !strings.Contains(r.stdout, "undefined: nonsense") ||
		!strings.Contains(r.stderr, "the build failed with exit code 1") {
		t.Errorf("a compile error: %s", r)
	}
	edit(t, filepath.Join(src, "main.go"), "func main() { nonsense", "func main() {")
	if r := dev.nhctl(src, "dev", "debug", "--", "sh", "-c", "echo no debugger; exit 3"); r.code != 1 ||
		!strings.Contains(r.stdout, "no debugger") || !strings.Contains(r.stderr, "the debugger did not come up") {
		t.Errorf("a debugger that ends: %s", r)
	}
	configure(t, src, "catalog", "dev-go", `
command:
  run: php -S :8080
debug: {language: php}`)
	if r := dev.nhctl(src, "dev", "debug"); r.code != 2 || !strings.Contains(r.stderr,
		"does not start debuggers for php by itself yet") || !strings.Contains(r.stderr, "127.0.0.1:9003") {
		t.Errorf("a language without a preset: %s", r)
	}
	dev.must(src, "dev", "end")
}

// serviceAnswers waits until a path of a Service answers with a text.
func serviceAnswers(t *testing.T, ns, service, path, want string) {
	t.Helper()
	eventually(t, debugLimit, fmt.Sprintf("%s%s answers %q", service, path, want), func(ctx context.Context) error {
		body, err := shared.get(ctx, ns, service, path)
		if err == nil && !strings.Contains(body, want) {
			err = errors.New(body)
		}
		return err
	})
}
