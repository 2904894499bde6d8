//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// debugClient is attached to a program that has one breakpoint.
type debugClient interface {
	// stopped waits until the program stands at the breakpoint, and evaluates an expression there. file is on this
	// computer.
	stopped(expression string) (file, value string)
	// goOn lets the program go on; leave ends the client.
	goOn()
	leave()
}

// debugged is a service in dev mode, and how its debugger is met.
type debugged struct {
	service, language string
	// port is the debugger's in the container.
	port   int
	attach func(t *testing.T, d event.DebugData, file string, line int) debugClient
	// The program stops in file, at the line with a text, when it is asked for path; it answers with want.
	file, line, path, want string
	// expression has value there.
	expression, value string
	// edit leads to another answer; broken, where the language has a compiler, to a complaint instead.
	edit              [2]string
	edited            string
	broken, complaint string
	// lost says that the pod is deleted under the debugger.
	lost bool
}

// run is the scenario of all languages: the service answers under its debugger, stops on a breakpoint at a local line,
// shows a variable, is not killed in the meantime, goes on, and takes the next client, which is `nhctl dap`; a save
// starts it again, which that client outlives, and what does not compile leaves it alone.
func (c debugged) run(t *testing.T, ns string, dev *developer, src string) event.DebugData {
	t.Helper()
	d := outcome[event.DebugData](dev, src, "dev", "debug")
	equipped(t, dev, src, "mkdir -p "+caches(c.language)+"/mine && "+
		map[string]string{"go": "go version && dlv version", "python": "pip --version", "node": "npm --version",
			"java": "mvn --version", "ruby": "bundle --version", "cpp": "cmake --version",
			"rust": "cargo --version"}[c.language])
	if d.Language != c.language || d.RemotePort != c.port || d.Command.State != "running" {
		t.Errorf("%+v", d)
	}
	serviceAnswers(t, ns, c.service, c.path, c.want)
	file, line := c.place(t, src)
	c.stops(t, ns, d, file, line, c.want, func() { shared.unharmed(t, ns) })
	client := c.attaches(t, ns, dev, src, d)
	edit(t, file, c.edit[0], c.edit[1])
	c.again(t, ns, client, src, c.edited)
	if now := dev.ran(src, "debug"); now.Reloads != 1 {
		t.Errorf("after a save: %+v", now)
	}
	if c.lost {
		if c.language == "node" { // whose wish has to outlive the daemon, too
			_ = syscall.Kill(dev.daemonPID(), syscall.SIGKILL)
		}
		debuggedAgain(t, dev, ns, src)
		c.again(t, ns, client, src, c.edited)
	}
	if client != nil {
		client.leaves("")
		serviceAnswers(t, ns, c.service, c.path, c.edited)
	}
	if c.lost {
		c.stops(t, ns, d, file, line, c.edited, func() {})
		if out, err := dev.inPod(src, "ls", "-d", caches(c.language)+"/mine"); err != nil {
			t.Errorf("the cache is gone with its pod: %s %v", out, err)
		}
	}
	if c.broken != "" {
		edit(t, file, c.edit[1], c.broken)
		eventually(t, debugLimit, "the compiler's complaint", func(context.Context) error {
			if out := dev.must(src, "dev", "logs", "build"); !strings.Contains(out, c.complaint) {
				return errors.New(out)
			}
			return nil
		})
		serviceAnswers(t, ns, c.service, c.path, c.edited)
	}
	return d
}

// stops attaches a client, has the program stop at the breakpoint and go on, and leaves.
func (c debugged) stops(
	t *testing.T, ns string, d event.DebugData, file string, line int, want string, during func(),
) {
	t.Helper()
	client := c.attach(t, d, file, line)
	c.stands(t, ns, client, file, want, during)
	client.leave()
}

// stands has the program stop at the client's breakpoint in a file, and go on.
func (c debugged) stands(t *testing.T, ns string, client debugClient, file, want string, during func()) {
	t.Helper()
	got := ask(t, ns, c.service, c.path)
	if where, value := client.stopped(c.expression); where != file || !strings.Contains(value, c.value) {
		t.Errorf("stopped in %s, where %s is %s", where, c.expression, value)
	}
	during()
	client.goOn()
	if body := <-got; !strings.Contains(body, want) {
		t.Errorf("after going on: %s", body)
	}
}

// place is where the program stops, on this computer.
func (c debugged) place(t *testing.T, src string) (file string, line int) {
	t.Helper()
	file = filepath.Join(src, c.file)
	return file, lineOf(t, file, c.line)
}

// debuggedAgain deletes the pod under a debugger: in the next one it comes back by itself, at the same local port. With
// its pod a program may have lost the compiler's cache, and then it takes minutes.
func debuggedAgain(t *testing.T, dev *developer, ns, src string) {
	t.Helper()
	if err := shared.typed.CoreV1().Pods(ns).Delete(t.Context(), shared.twinPod(t, ns),
		metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	gettingOn(t, 90*time.Second, "the debugger is back", func(ctx context.Context) error {
		s := query[rpc.Session](dev, src, "dev", "status")
		if len(s.Notices) == 0 || !strings.Contains(s.Notices[len(s.Notices)-1], "was started again in pod "+s.Pod) {
			var commands []string
			for _, c := range s.Commands {
				commands = append(commands, c.Name+" "+c.State)
			}
			return fmt.Errorf("pod %s, %q, %q, %s compiled", s.Pod, commands, s.Notices, filesOfGo(ctx, dev, src))
		}
		return nil
	})
}

// filesOfGo is how many files the build cache of the container's Go has, if it has one and can be asked.
func filesOfGo(ctx context.Context, dev *developer, src string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return strings.TrimSpace(dev.runContext(ctx, src, "dev", "exec", "--", "sh", "-c",
		`cache=$(go env GOCACHE) && find "$cache" -type f | wc -l`).stdout)
}

// A Python service under debugpy.
func TestDebugPython(t *testing.T) {
	t.Parallel()
	debugged{
		service: "reviews", language: "python", port: 5678, attach: attachDAP,
		file: "main.py", line: `self.answer(200, {"reviews"`, path: "/reviews", want: "Read it twice.",
		expression: "self.path", value: "'/reviews'",
		edit: [2]string{"Read it twice.", "Read it once more."}, edited: "Read it once more.", lost: true,
	}.ofTheBookshop(t)
}

// A Node service under its inspector.
func TestDebugNode(t *testing.T) {
	t.Parallel()
	debugged{
		service: "storefront", language: "node", port: 9229, attach: inspect,
		file: "main.js", line: "response.end('ok')", path: "/healthz", want: "ok",
		expression: "request.url", value: `"value":"/healthz"`,
		edit: [2]string{"response.end('ok')", "response.end('saved')"}, edited: "saved", lost: true,
	}.ofTheBookshop(t)
}

// ofTheBookshop debugs a service of the bookshop.
func (c debugged) ofTheBookshop(t *testing.T) {
	t.Helper()
	ns := shared.namespace(t)
	shared.apply(t, ns, manifests+"settings.yaml", manifests+c.service+".yaml")
	shared.deploymentReady(t, ns, c.service)
	shared.impatient(t, ns, c.service)
	dev := shared.developer(t, ns)
	src := dev.sources("examples/bookshop/" + c.service)
	const workDir = "    workDir: /home/dev/src\n"
	edit(t, filepath.Join(src, ".dev", "config.yaml"), workDir,
		workDir+"    persistentVolumeDirs: [{path: "+caches(c.language)+", capacity: 1Mi}]\n")
	dev.must(src, "dev", "start", "--no-terminal")
	c.run(t, ns, dev, src)
	dev.must(src, "dev", "end")
}

// caches is the folder of a dev image that the scenarios keep in a volume: where its tools have what they downloaded.
func caches(language string) string {
	if language == "go" {
		return "/home/dev/.cache/go-mod"
	}
	return "/home/dev/.cache"
}

// equipped looks for what every dev image has: its user, tools, completion in the shell, and a place for caches.
func equipped(t *testing.T, dev *developer, src, tools string) {
	t.Helper()
	out, err := dev.inPod(src, "bash", "-ic",
		`id -u; command -v git curl less make vi | wc -l; { complete -p -D && mkdir -p ~/.cache && `+tools+
			`; } >/dev/null && echo $HOME`)
	if err != nil || out != "1000\n5\n/home/dev\n" {
		t.Errorf("what the dev image has: %q, %v", out, err)
	}
}

// A Java service with the JVM's debug port open.
func TestDebugJava(t *testing.T) {
	t.Parallel()
	debugged{
		language:   "java",
		port:       5005,
		attach:     attachJDWP,
		file:       "Greeter.java",
		line:       "return text;",
		expression: "name",
		edit:       [2]string{`"Hello, "`, `"Saved, "`},
		broken:     `"Saved, " nonsense`,
		complaint:  "error: ';' expected",
		lost:       true,
	}.greeter(t)
}

// A Ruby service under the debug gem.
func TestDebugRuby(t *testing.T) {
	t.Parallel()
	debugged{
		language: "ruby", port: 12345, attach: attachDAP,
		file: "greeter.rb", line: "text\nend", expression: "name",
		edit: [2]string{`"Hello, `, `"Saved, `}, broken: `("Saved, `, complaint: "syntax error",
	}.greeter(t)
}

// A C++ service next to LLDB's debug adapter.
func TestDebugCPP(t *testing.T) {
	t.Parallel()
	debugged{
		language: "cpp", port: 4711, attach: attachDAP,
		file: "greeter.cpp", line: "return text;", expression: "name",
		edit: [2]string{`"Hello, "`, `"Saved, "`}, broken: `"Saved, " nonsense`, complaint: "error: ",
	}.greeter(t)
}

// A Rust service next to LLDB's debug adapter.
func TestDebugRust(t *testing.T) {
	t.Parallel()
	debugged{
		language: "rust", port: 4711, attach: attachDAP,
		file: "greeter.rs", line: "return text;", expression: "length", value: "3",
		edit: [2]string{`"Hello, ";`, `"Saved, ";`}, broken: `"Saved, " nonsense;`, complaint: "error: ",
	}.greeter(t)
}

const staticGreeter = `package main

import (
	"fmt"
	"net/http"
)

func main() {
	panic(http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "Hello, ", r.URL.Path[1:])
	})))
}
`

// A program that is built on the computer runs in images without a toolchain, and starts again with each build: in the
// base image, which has a shell and its tools, and in one that has not even a shell.
func TestBuiltOnTheComputer(t *testing.T) {
	t.Parallel()
	for image, look := range map[string]func(*testing.T, *developer, string){
		"dev-base": func(t *testing.T, dev *developer, src string) {
			equipped(t, dev, src, "true")
			if r := dev.nhctl(src, "dev", "debug"); r.code != 2 ||
				!strings.Contains(r.stderr, "does not say where the debugger listens") {
				t.Errorf("a debugger in the base image: %s", r)
			}
		},
		"bookshop-catalog": func(t *testing.T, dev *developer, src string) {
			if r := dev.nhctl(src, "dev", "run", "--", "sh", "-c", "true"); r.code == 0 ||
				!strings.Contains(r.stderr, "sh is in none of") {
				t.Errorf("a shell that is not there: %s", r)
			}
		},
	} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			ns := place(t, "base")
			dev := shared.developer(t, ns)
			src := filepath.Join(dev.home, "src", "static")
			compile(t, dev, src, staticGreeter)
			configure(t, src, "greeter", image, "hotReload: true\ncommand: {run: {argv: [./greeter]}}")
			dev.must(src, "dev", "start", "--no-terminal")
			look(t, dev, src)
			dev.must(src, "dev", "run")
			serviceAnswers(t, ns, "greeter", "/Ada", "Hello, Ada")
			compile(t, dev, src, strings.Replace(staticGreeter, "Hello, ", "Saved, ", 1))
			serviceAnswers(t, ns, "greeter", "/Ada", "Saved, Ada")
			dev.must(src, "dev", "end")
		})
	}
}

// compile makes a static program of a source that is not synced.
func compile(t *testing.T, dev *developer, src, source string) {
	t.Helper()
	write(t, filepath.Join(dev.home, "greeter.go"), source)
	cmd := exec.Command("go", "build", "-o", filepath.Join(src, "greeter"), filepath.Join(dev.home, "greeter.go"))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v", out, err)
	}
}

// place makes a namespace with a Service whose Deployment only holds its place.
func place(t *testing.T, language string) string {
	t.Helper()
	ns := shared.namespace(t)
	manifest := read(t, "testdata/greeter/greeter.yaml")
	shared.create(t, ns, []byte(strings.ReplaceAll(manifest, "IMAGE", "ghcr.io/nhctl/dev-"+language+":v0.1.0")))
	shared.deploymentReady(t, ns, "greeter")
	return ns
}

// greeter debugs a small service whose original only holds its place.
func (c debugged) greeter(t *testing.T) {
	t.Helper()
	ns := place(t, c.language)
	dev := shared.developer(t, ns)
	src := dev.sources("nhctl/test/e2e/testdata/greeter/" + c.language)
	dev.must(src, "dev", "start", "--no-terminal")
	c.service, c.path, c.want, c.edited = "greeter", "/Ada", "Hello, Ada", "Saved, Ada"
	c.value = cmp.Or(c.value, "Ada")
	c.run(t, ns, dev, src)
	dev.must(src, "dev", "end")
}
