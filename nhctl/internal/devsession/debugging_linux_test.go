package devsession_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	adapter "github.com/nhctl/nhctl/nhctl/internal/dap"
	"github.com/nhctl/nhctl/nhctl/internal/dap/daptest"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
)

// version is a program whose function stands at another line in each version.
func version(n int) string {
	return "package main\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n" + strings.Repeat("\n", n) +
		fmt.Sprintf("func work(i int) int {\n\tversion := %d\n\treturn i * version\n}\n\n", n) +
		"func main() {\n\tfor i := 1; ; i++ {\n\t\tfmt.Println(\"work\", work(i))\n" +
		"\t\t<-time.After(20 * time.Millisecond)\n\t}\n}\n"
}

// inWork is the line where work returns.
func inWork(n int) int { return 9 + n }

// delve is the path of a real one.
func delve(t *testing.T) string {
	t.Helper()
	dlv, err := exec.Command("go", "tool", "-n", "dlv").Output()
	if err != nil {
		t.Fatalf("build delve: %v", err)
	}
	return strings.TrimSpace(string(dlv))
}

// debugged is a shell whose session has a Go program under a real delve, which a save builds again.
func debugged(t *testing.T) (*sessiontest.Shell, *sessiontest.Cluster) {
	t.Helper()
	dlv := delve(t)
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "")
	port, program := tunneltest.FreePort(t), t.TempDir()+"/program"
	command := fmt.Sprintf("cd -L %[1]s && go build -gcflags='-N -l' -o %[2]s . && exec %[3]s exec --headless "+
		"--listen=127.0.0.1:%[4]d --api-version=2 --accept-multiclient --continue %[2]s",
		ada.WorkDir, program, dlv, port)
	ada.Config("hotReload: true", fmt.Sprintf("debug: {language: go, remoteDebugPort: %d}", port),
		fmt.Sprintf("command: {build: ['true'], debug: [%q]}", command))
	ada.Write("go.mod", "module tiny\n\ngo 1.24\n")
	ada.Write("main.go", version(1))
	ada.MustStart()
	return ada, cluster
}

type shell struct{ *sessiontest.Shell }

func (s shell) Caller(adapter.Place) rpc.Caller { return s.Shell.Caller }

func (s shell) Call(ctx context.Context, method string, params, result any, hear func(event.Event)) error {
	c, err := client.Connect(ctx, s.Dirs, nil, hear)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, params, result)
}

// editor is a client of an adapter, which serves a shell.
type editor struct {
	*daptest.Client
	t   *testing.T
	ada *sessiontest.Shell
}

func edits(t *testing.T, ada *sessiontest.Shell) editor {
	t.Helper()
	in, to := io.Pipe()
	from, out := io.Pipe()
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	const limit = 2 * time.Minute
	e := editor{Client: daptest.New(t, from, to, limit), t: t, ada: ada}
	serving.Go(func() {
		o := adapter.Options{In: in, Out: out, Backend: shell{ada}}
		if err := adapter.Serve(context.Background(), o); err != nil {
			t.Error(err)
		}
		in.Close()
		out.Close()
	})
	return e
}

// begin launches or attaches, with a breakpoint in work as it stands in a version.
func (e editor) begin(command string, port, n int) {
	e.t.Helper()
	e.Begin(command, map[string]any{"port": port}, e.ada.Folder+"/main.go", at(n))
}

// breaks sets the breakpoint in work, as it stands in a version.
func (e editor) breaks(n int) {
	e.t.Helper()
	e.Break(e.ada.Folder+"/main.go", at(n))
}

func at(n int) daptest.Breakpoint { return daptest.Breakpoint{Line: inWork(n), Condition: "i > 2"} }

// stands waits until the program stands in work of a version, with local sources and variables.
func (e editor) stands(n int) {
	e.t.Helper()
	got := e.Stopped()
	want := daptest.Stop{
		Thread:   got.Thread,
		Frame:    got.Frame,
		Function: "main.work",
		File:     e.ada.Folder + "/main.go",
		Line:     inWork(n),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		e.t.Error(diff)
	}
	if value := e.Value(got, "version"); value != fmt.Sprint(n) {
		e.t.Errorf("the version is %s, want %d", value, n)
	}
}

// An editor's session goes on with the next program when a save builds it again, and in the next pod. It leaves the
// program running.
func TestDebugAdapter(t *testing.T) {
	t.Parallel()
	ada, cluster := debugged(t)
	e := edits(t, ada)
	// The ports of the pod are this computer's, too.
	port := tunneltest.FreePort(t)
	e.begin("launch", port, 1)
	e.stands(1)
	for n := 2; n <= 3; n++ {
		ada.Write("main.go", version(n))
		e.breaks(n) // as an editor moves them with the text, whoever debugs at that moment
		e.Prints("joined the program that was built again")
		e.stands(n)
	}

	session, err := ada.Status()
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Delete[corev1.Pod](cluster.Cluster, sessiontest.Namespace, session.Pod)
	e.Prints("joined the program that was built again")
	e.stands(3)

	second := edits(t, ada)
	second.begin("attach", port, 3)
	second.stands(3)
	e.Ask("disconnect", "")
	second.Ask("disconnect", "")
	count := func() int { return len(ada.Output(rpc.Logs{Target: ada.Target(), Command: "debug"})) }
	before := count()
	sessiontest.Until(t, "the program goes on", func() error {
		if now := count(); now <= before {
			return fmt.Errorf("it has printed %d lines", now)
		}
		return nil
	})
}

// bringDelve has a real delve among the programs of pods, which all have this PATH: no test runs at the same time.
func bringDelve(t *testing.T) (tools string) {
	t.Helper()
	tools = t.TempDir()
	if err := os.Symlink(delve(t), tools+"/dlv"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	return tools
}

// A program that a save starts again stands at a breakpoint in its first line: it does not begin before the editor's
// breakpoints are set.
func TestBreakpointInTheFirstLine(t *testing.T) {
	bringDelve(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(sessiontest.New(t), "ada", "")
	ada.Config("hotReload: true", fmt.Sprintf("debug: {language: go, remoteDebugPort: %d}", tunneltest.FreePort(t)),
		fmt.Sprintf("command: {run: ['cd -L %s && go run .']}", ada.WorkDir))
	program := func(n int) string {
		return fmt.Sprintf("package main\n\nimport \"time\"\n\nfunc main() {\n\tversion := %d\n\tprintln(version)\n"+
			"\t<-time.After(time.Hour)\n}\n", n)
	}
	const first = 7 // in which it is printed
	ada.Write("go.mod", "module tiny\n\ngo 1.24\n")
	ada.Write("main.go", program(1))
	ada.MustStart()
	e, file := edits(t, ada), ada.Folder+"/main.go"
	port := tunneltest.FreePort(t)
	e.Begin("launch", map[string]any{"port": port, "wait": false}, file, daptest.Breakpoint{Line: first})
	e.Prints("1")
	for n := 2; n <= 4; n++ {
		ada.Write("main.go", program(n))
		stop := e.Stopped()
		if value := e.Value(stop, "version"); stop.Line != first || value != fmt.Sprint(n) {
			t.Errorf("it stands in line %d of version %s, not in line %d of %d", stop.Line, value, first, n)
		}
		if n == 3 {
			e.Continue(stop)
		}
	}
	e.Ask("disconnect", "")
}

// A test of a file stands at its breakpoint in local sources, and its exit code is the session's.
func TestDebugAdapterOfTests(t *testing.T) { // alone: the pod's programs have this PATH
	tools := bringDelve(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(sessiontest.New(t), "ada", "")
	ada.Config(fmt.Sprintf("debug: {language: go, remoteDebugPort: %d}", tunneltest.FreePort(t)))
	ada.Write("go.mod", "module tiny\n\ngo 1.24\n")
	ada.Write("cart_test.go", `package tiny

import "testing"

func TestOther(t *testing.T) { t.Error("other") }

func TestCart(t *testing.T) {
	price := 2
	if price != 3 {
		t.Errorf("price %d", price)
	}
}
`)
	// What delve compiles is compiled before: without a cache that takes minutes.
	compiled := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", tools+"/tests", "-gcflags=all=-N -l", ".")
	compiled.Dir = ada.Folder
	if out, err := compiled.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ada.MustStart()

	e, file := edits(t, ada), ada.Folder+"/cart_test.go"
	e.Begin("launch", map[string]any{"port": tunneltest.FreePort(t), "test": file + ":8"}, file,
		daptest.Breakpoint{Line: 9})
	stop := e.Stopped()
	if stop.Line != 9 || stop.File != file {
		t.Errorf("it stands in line %d of %s", stop.Line, stop.File)
	}
	e.Continue(stop)
	e.Prints("price 2")
	var exited struct{ ExitCode int }
	if body := e.Event("exited"); json.Unmarshal([]byte(body), &exited) != nil || exited.ExitCode != 1 {
		t.Errorf("it exits: %s", body)
	}
	e.Ask("disconnect", "")
}
