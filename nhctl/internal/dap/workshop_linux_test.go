package dap

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/dap/daptest"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
	"github.com/nhctl/nhctl/sidecar/adapter"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/debugport"
	"github.com/nhctl/nhctl/sidecar/paralleltest"
)

// The test program is the sidecar, too, as far as it starts debuggers.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"adapter", "debug", "traceable"}, os.Args[1]) {
		os.Exit(sidecar(os.Args[1], os.Args[2:]))
	}
	paralleltest.AtOnce(8)
	os.Exit(m.Run())
}

// hooksEnv is where the sidecar puts what a language's processes load.
const hooksEnv = "NHCTL_DAP_TEST_HOOKS"

func sidecar(command string, args []string) (code int) {
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	listen := flags.String("listen", "", "")
	language := flags.String("language", "", "")
	wait := flags.Bool("wait", false, "")
	_ = flags.Parse(args)
	var err error
	switch command {
	case "adapter":
		code, err = adapter.Serve(context.Background(), adapter.Options{
			Listen: *listen,
			Argv:   flags.Args(),
			Stdout: os.Stdout,
			Stderr: os.Stderr,
		})
	case "debug":
		code, err = debugport.Serve(context.Background(), debugport.Options{
			Language: *language,
			Listen:   netip.MustParseAddrPort(*listen),
			Wait:     *wait,
			Argv:     flags.Args(),
			Stdout:   os.Stdout,
			Stderr:   os.Stderr,
			Dir:      os.Getenv(hooksEnv),
		})
	default:
		err = adapter.Traceable(flags.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sidecar:", err)
		return 1
	}
	return code
}

// workshop is a session's pod with a program under its real debugger, which is started as nhctl starts it. It is the
// adapter's backend. Clients come by a forwarded port, whose connections can be cut.
type workshop struct {
	t *testing.T
	language
	local, remote string
	port          int // of the debugger
	forwarded     net.Listener

	mu      sync.Mutex
	changed *sync.Cond
	command event.CommandData
	running *exec.Cmd
	printed int // lines
	hear    []func(event.Event)
	conns   []net.Conn
}

func newWorkshop(t *testing.T, l language) *workshop {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{t: t, language: l, local: dir + "/local", remote: dir + "/remote", port: tunneltest.FreePort(t)}
	w.changed = sync.NewCond(&w.mu)
	w.write(1)
	if w.forwarded, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for {
			conn, err := w.forwarded.Accept()
			if err != nil {
				return
			}
			carrying.Go(func() { w.carry(conn) })
		}
	})
	t.Cleanup(func() {
		w.stop()
		w.forwarded.Close()
		w.cut()
		carrying.Wait()
	})
	return w
}

// write writes a version of the program, here and in the pod.
func (w *workshop) write(n int) {
	w.t.Helper()
	text, _ := w.version(n)
	for _, dir := range []string{w.local, w.remote} {
		if err := errors.Join(os.MkdirAll(dir, 0o700),
			os.WriteFile(filepath.Join(dir, w.file), []byte(text), 0o600)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *workshop) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", w.address())
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	w.conns = append(w.conns, near, far)
	w.mu.Unlock()
	go func() {
		_, _ = io.Copy(far, near)
		far.Close()
	}()
	_, _ = io.Copy(near, far)
}

func (w *workshop) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", w.address())
}

func (w *workshop) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(w.port)) }

// cut ends the connections of all clients.
func (w *workshop) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func (w *workshop) Caller(Place) rpc.Caller { return rpc.Caller{} }

func (w *workshop) Call(ctx context.Context, method string, params, result any, hear func(event.Event)) error {
	switch method {
	case rpc.MethodStatus:
		w.mu.Lock()
		defer w.mu.Unlock()
		return fill(result, rpc.Session{
			ID:       "s1",
			Link:     &event.LinkData{State: "up"},
			Commands: []event.CommandData{w.command},
		})
	case rpc.MethodDebug:
		return w.debug(ctx, params.(rpc.Debug), result)
	case rpc.MethodStop:
		w.stop()
		return nil
	case rpc.MethodLogs:
		w.mu.Lock()
		if params.(rpc.Logs).Command == debug {
			w.hear = append(w.hear, hear)
		}
		w.mu.Unlock()
		<-ctx.Done()
		return ctx.Err()
	}
	return fmt.Errorf("no method %s", method)
}

func (w *workshop) debug(ctx context.Context, call rpc.Debug, result any) (err error) {
	if call.OnlyJoin {
		if err = debugger.Ready(ctx, w.name, w.dial, false); errors.Is(err, debugger.ErrSilent) {
			return problem.New(problem.Refused, "it may have a client")
		}
	} else {
		err = w.start(call.Wait)
	}
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.command.State != "running" {
		return problem.New(problem.NotFound, "no program runs under a debugger")
	}
	d := event.DebugData{
		Command:  w.command,
		Host:     "127.0.0.1",
		Port:     w.forwarded.Addr().(*net.TCPAddr).Port,
		Language: w.name,
		Waits:    call.Wait,
		Program:  w.remote + "/" + strings.TrimPrefix(w.run, "exec "),
		Paths:    []event.PathData{{Local: w.local, Remote: w.remote}},
	}
	d.Attach = debugger.Attach(d)
	return fill(result, d)
}

// start builds the program and starts it under its debugger, in the place of the one that runs, and returns once the
// debugger takes clients.
func (w *workshop) start(wait bool) error {
	w.stop()
	dev := config.Dev{
		Command: config.Commands{Run: config.Command{Line: []string{w.run}}},
		Debug:   config.Debug{Language: w.name},
		Shell:   "sh",
	}
	start, err := debugger.Command(dev, debugger.Options{Port: w.port, Wait: wait})
	if err != nil {
		return err
	}
	if w.build != "" {
		build := exec.Command("sh", "-c", w.build)
		build.Dir = w.remote
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %w", out, err)
		}
	}
	var argv []string
	for _, word := range start.Argv {
		argv = append(argv, strings.ReplaceAll(word, contract.Binary, os.Args[0]))
	}
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir, c.Env = w.remote, append(os.Environ(), hooksEnv+"="+w.remote+"/../hooks")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		return err
	}
	begun := time.Now()
	w.mu.Lock()
	w.running = c
	w.command = event.CommandData{Name: debug, State: "running", Started: &begun, Argv: start.Argv}
	w.mu.Unlock()
	go w.read(c, out)
	return w.ready(wait)
}

// again starts the program again, as a save does.
func (w *workshop) again() {
	w.t.Helper()
	if err := w.start(false); err != nil {
		w.t.Fatal(err)
	}
}

// ready waits until the debugger takes clients.
func (w *workshop) ready(wait bool) (err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		err = debugger.Ready(context.Background(), w.name, w.dial, wait)
		if err == nil || errors.Is(err, debugger.ErrSilent) { // its client has been quicker
			return nil
		}
	}
	return err
}

// read hands on what a program prints, and notes its end.
func (w *workshop) read(c *exec.Cmd, out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		w.mu.Lock()
		w.printed++
		hear := slices.Clone(w.hear)
		w.changed.Broadcast()
		w.mu.Unlock()
		for _, h := range hear {
			h(event.Event{Type: event.Log, Log: &event.LogData{
				Command: debug,
				Stream:  "stdout",
				Time:    time.Now(),
				Text:    lines.Text(),
			}})
		}
	}
	_ = c.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == c {
		code := c.ProcessState.ExitCode()
		w.running = nil
		w.command.State, w.command.ExitCode = "exited", &code
	}
	w.changed.Broadcast()
}

// stop ends the program with its debugger.
func (w *workshop) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == nil {
		return
	}
	_ = syscall.Kill(-w.running.Process.Pid, syscall.SIGKILL)
	for w.running != nil {
		w.changed.Wait()
	}
}

// awaitEnd waits until the program has ended.
func (w *workshop) awaitEnd() {
	w.t.Helper()
	w.until("the program has ended", func() bool { return w.running == nil })
}

// goesOn waits until the program has printed more.
func (w *workshop) goesOn() {
	w.t.Helper()
	w.mu.Lock()
	before := w.printed
	w.mu.Unlock()
	const more = 3
	w.until("the program goes on", func() bool { return w.printed > before+more })
}

func (w *workshop) until(what string, is func() bool) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !daptest.Holds(w.changed, limit, is) {
		w.t.Fatalf("not within %s: %s", limit, what)
	}
}
