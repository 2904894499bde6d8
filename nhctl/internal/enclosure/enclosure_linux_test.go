package enclosure

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/enclosure/enclosuretest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// limit is how long anything may take that should happen soon: the machine may be busy.
const limit = time.Minute

// stage is the variable by which a test calls its own program for something else.
const stage = enclosuretest.Stage

func TestMain(m *testing.M) { enclosuretest.Main(m, Argument, RunHelper, programs()) }

// programs are what the program is called for.
func programs() map[string]func() error {
	return map[string]func() error{
		"echo":    serveEcho,
		"packet":  sendPacket,
		"connect": connectInside,
		"run":     runAlone,
		"count":   countSignals,
		"enter":   enterIt,
	}
}

const mtu = 65520

var own = netip.MustParseAddr("192.0.0.2")

// options run a shell's commands.
func options(t *testing.T, script string) Options {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Program:    program,
		Argv:       []string{"/bin/sh", "-c", script},
		Env:        []string{"PATH=" + os.Getenv("PATH"), "SELF=" + program},
		Dir:        "/",
		MTU:        mtu,
		ResolvConf: "nameserver 192.0.0.1\n",
	}
}

// begin makes an enclosure. Where the system forbids it, the test fails with the reason: it has shown nothing.
func begin(t *testing.T, o Options) *Enclosure {
	t.Helper()
	e, err := Start(t.Context(), o)
	if err != nil {
		p := problem.From(err)
		t.Fatalf("this system does not let user %d make an enclosure: %s\n%s", os.Getuid(), p.Message, p.Hint)
	}
	t.Cleanup(e.Close)
	if err := e.Address(t.Context(), []netip.Addr{own, netip.MustParseAddr("fd00:6e68::2")}); err != nil {
		t.Fatal(err)
	}
	return e
}

// The command's environment may come once the enclosure is made, longer than any message: the helper does not have it,
// and the command is found by its own PATH.
func TestLateEnvironment(t *testing.T) {
	t.Parallel()
	dir, long := t.TempDir(), strings.Repeat("x", 300_000)
	script := "#!/bin/sh\necho \"$SECRET ${#LONG}${HELPERS:+ helper}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "late"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o := options(t, "")
	o.Argv, o.Env, o.Stdout = []string{"late"}, append(o.Env, "HELPERS=1"), w
	e := begin(t, o)
	half := []string{"LONG=" + long[:100_000]} // one variable may have 128 kB
	env := append(half, "SECRET=late", "PATH="+dir+":/usr/bin:/bin", "MORE="+long[:120_000], "MOST="+long[:120_000])
	if err := e.Command(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if s, err := e.Wait(); err != nil || s.Code != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	own, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(e.PID()), "environ"))
	if err != nil || bytes.Contains(own, []byte("SECRET")) {
		t.Errorf("the helper's own environment: %q, %v", own, err)
	}
	e.Close() // the helper has the pipe, too
	if out, err := io.ReadAll(r); err != nil || string(out) != "late 100000\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// output runs commands of a shell inside, and returns what they print and how they end.
func output(t *testing.T, o Options) (string, Status) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o.Stdout = w
	e := begin(t, o)
	if err := e.Command(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.Close()
	s, err := e.Wait()
	if err != nil {
		t.Fatal(err)
	}
	e.Close() // whatever holds the pipe ends with it
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all), s
}

func TestCommandIsTheUsersOwn(t *testing.T) {
	dir := t.TempDir()
	o := options(t, `echo "$(id -u) $(id -g) $PWD $(umask) $X"; exit 7`)
	o.Dir = dir
	o.Env = append(o.Env, "X=a b")
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	got, status := output(t, o)
	want := fmt.Sprintf("%d %d %s 0027 a b\n", os.Getuid(), os.Getgid(), dir)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if (status != Status{Code: 7}) {
		t.Errorf("%+v", status)
	}
}

// The command has no rights that its user does not have outside.
func TestCheck(t *testing.T) {
	if err := Check(t.Context(), options(t, "").Program); err != nil {
		t.Error(err)
	}
	var forbidden *problem.Error
	if err := Check(t.Context(), "/nhctl/no/such/program"); err == nil || errors.As(err, &forbidden) &&
		!strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
}

func TestCommandHasNoRights(t *testing.T) {
	got, _ := output(t, options(t, `grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status`))
	outside := map[string]string{}
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		outside[name] = value
	}
	for line := range strings.Lines(got) {
		name, value, _ := strings.Cut(line, ":")
		if value != outside[name] {
			t.Errorf("%s:%s inside, %s outside", name, value, outside[name])
		}
	}
	if strings.Count(got, "\n") != 4 {
		t.Errorf("%q", got)
	}
}

func TestCommandThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, command string
		exit          int
	}{
		{"not there", "nhctl-no-such-command", 127},
		{"not there by path", "/nhctl/no/such/command", 127},
		{"not executable", data, 126},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := options(t, "")
			o.Argv = []string{test.command}
			err := begin(t, o).Command(t.Context(), nil)
			if p := problem.From(err); err == nil || p.ExitCode() != test.exit {
				t.Errorf("%v: exit code %d, want %d", err, p.ExitCode(), test.exit)
			}
		})
	}
}

func TestFilesInside(t *testing.T) {
	before, err := os.ReadFile(resolvConf)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := output(t, options(t, `cat /etc/resolv.conf; grep ^hosts: /etc/nsswitch.conf; `+
		`mount | grep -c ' /tmp .*nhctl'`))
	want := "nameserver 192.0.0.1\n"
	if _, err := os.Stat(nsswitch); err == nil {
		want += "hosts: files dns\n"
	}
	if diff := cmp.Diff(want+"0\n", got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if after, err := os.ReadFile(resolvConf); err != nil || string(after) != string(before) {
		t.Errorf("the computer's own file has changed: %q, %v", after, err)
	}
}

func TestNetworkInside(t *testing.T) {
	got, _ := output(t, options(t, `cat /sys/class/net/nhctl/mtu 2>/dev/null; `+
		`awk 'NR > 1 { print $1, $2, $8 }' /proc/net/route; awk '$1 ~ /^[a-z]/ { print $1 }' /proc/net/dev; `+
		`grep -c fd006e68000000000000000000000002 /proc/net/if_inet6; `+
		`cat /proc/sys/net/ipv4/ip_unprivileged_port_start`))
	want := "nhctl 00000000 00000000\nface\nlo:\nnhctl:\n1\n0\n"
	got = strings.Replace(got, "Inter-|\n", "", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What the command sends comes out of the device.
func TestDevice(t *testing.T) {
	o := options(t, `exec "$SELF"`)
	o.Env = append(o.Env, stage+"=packet")
	e := begin(t, o)
	if err := e.Command(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, mtu)
	for {
		n, err := e.Device().Read(b)
		if err != nil {
			t.Fatal(err)
		}
		const udp, addressed = 17, 16
		if n == 20+8+9000 && b[0]>>4 == 4 && b[9] == udp {
			if to := netip.AddrFrom4([4]byte(b[addressed:])); to != netip.MustParseAddr("10.96.0.10") {
				t.Errorf("a packet to %s", to)
			}
			return
		}
	}
}

func sendPacket() error {
	conn, err := net.Dial("udp", "10.96.0.10:53")
	if err != nil {
		return err
	}
	_, err = conn.Write(make([]byte, 9000)) // in one packet
	return err
}

// Sockets of the network inside can be had outside.
func TestSockets(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, `exec "$SELF"`)
	o.Env, o.Stdout = append(o.Env, stage+"=echo"), w
	e := begin(t, o)
	l, err := e.Listen(t.Context(), netip.MustParseAddrPort("127.0.0.1:8081"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Listen(t.Context(), netip.MustParseAddrPort("127.0.0.1:8081")); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("%v", err)
	}
	if _, err := e.Dial(t.Context(), netip.MustParseAddrPort("127.0.0.1:80")); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
	if err := e.Command(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	inside, err := l.Accept() // the command has connected
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(inside, "hello"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "listens: hello\n" {
		t.Fatalf("%q %v", line, err)
	}
	conn, err := e.Dial(t.Context(), netip.MustParseAddrPort("127.0.0.1:80")) // below 1024
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("ping"))
	_ = conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "ping" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

func serveEcho() error {
	l, err := net.Listen("tcp", "127.0.0.1:80")
	if err != nil {
		return err
	}
	other, err := net.Dial("tcp", "127.0.0.1:8081")
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(other).ReadString('\n')
	if err != nil {
		return err
	}
	fmt.Print("listens: ", line)
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		_, _ = io.Copy(conn, conn)
		conn.Close()
	}
}

func connectInside() error {
	_, err := net.DialTimeout("tcp", "10.96.0.10:80", time.Second)
	return err
}

// A signal that ends the command is told as such; one that was sent to nhctl alone reaches it, too.
func TestSignals(t *testing.T) {
	t.Parallel()
	t.Run("by itself", func(t *testing.T) {
		t.Parallel()
		_, status := output(t, options(t, `kill -KILL $$`))
		if (status != Status{Code: 137, Signal: 9}) {
			t.Errorf("%+v", status)
		}
	})
	t.Run("handed on", func(t *testing.T) {
		t.Parallel()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		o := options(t, `trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.1; done`)
		o.Stdout = w
		e := begin(t, o)
		if err := e.Command(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(r)
		if line, err := lines.ReadString('\n'); line != "ready\n" {
			t.Fatalf("%q %v", line, err)
		}
		e.Relay(unix.SIGTERM)
		if line, err := lines.ReadString('\n'); line != "got it\n" {
			t.Errorf("%q %v", line, err)
		}
		if status, err := e.Wait(); (status != Status{Code: 5}) || err != nil {
			t.Errorf("%+v %v", status, err)
		}
	})
}

// Processes that start at the same time as the helper don't inherit its socket: they would hide its end.
func TestSocketIsTheHelpersAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var starting sync.WaitGroup
	defer starting.Wait()
	defer cancel()
	stop := make(chan struct{})
	for range 4 {
		starting.Go(func() {
			var all []*exec.Cmd
			defer func() {
				cancel()
				for _, cmd := range all {
					_ = cmd.Wait()
				}
			}()
			for range 200 {
				select {
				case <-stop:
					<-ctx.Done()
					return
				default:
				}
				cmd := exec.CommandContext(ctx, "sleep", "1000")
				if err := cmd.Start(); err != nil {
					if ctx.Err() == nil { // the test goes on
						t.Error(err)
					}
					return
				}
				all = append(all, cmd)
			}
			<-ctx.Done()
		})
	}
	for range 5 {
		e := begin(t, options(t, ""))
		if err := unix.Kill(e.PID(), unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {
		case <-e.ended:
		case <-time.After(limit):
			t.Fatal("the helper's end is not seen")
		}
	}
	close(stop)
}

// Descriptors that the caller has left open are the command's, as without nhctl.
func TestInheritedDescriptors(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETFD, 0); err != nil { // as a shell leaves it
		t.Fatal(err)
	}
	e := begin(t, options(t, fmt.Sprintf("echo inherited >/proc/self/fd/%d", w.Fd())))
	if err := e.Command(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "inherited\n" {
		t.Errorf("%q %v", line, err)
	}
}

// alone starts this program as nhctl would run, in a process group of its own, and returns its output.
func alone(t *testing.T, script string, env ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	o := options(t, script)
	cmd := exec.Command(o.Program)
	cmd.Env = append(o.Env, append(env, stage+"=run", "SCRIPT="+script)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewReader(out)
}

// runAlone runs a script inside as nhctl does: it hands signals on, and ends as the script does.
func runAlone() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	e, err := Start(context.Background(), Options{
		Program: program,
		Argv:    []string{"/bin/sh", "-c", os.Getenv("SCRIPT")},
		Env:     []string{"PATH=" + os.Getenv("PATH"), "SELF=" + program, stage + "=" + os.Getenv("INSIDE")},
		MTU:     mtu,
	})
	if err != nil {
		return fmt.Errorf("this system does not let user %d make an enclosure: %w", os.Getuid(), err)
	}
	defer e.Close()
	if err := e.Address(context.Background(), []netip.Addr{own}); err != nil {
		return err
	}
	fmt.Println("helper", e.PID())
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, Signals()...)
	go func() {
		for s := range signals {
			if s != unix.SIGTSTP {
				e.Relay(s)
			}
		}
	}()
	if err := e.Command(context.Background(), nil); err != nil {
		return err
	}
	status, err := e.Wait()
	fmt.Println("status", status.Code, err)
	e.Close()
	EndBy(status)
	return err
}

// read reads a line "NAME NUMBER", and returns the number.
func read(t *testing.T, lines *bufio.Reader, name string) int {
	t.Helper()
	line, err := lines.ReadString('\n')
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), name+" ")
	n, bad := strconv.Atoi(strings.Fields(rest + " x")[0])
	if !ok || bad != nil {
		t.Fatalf("%q, want %s and a number; %v", line, name, err)
	}
	return n
}

// A signal to the whole group, as of a terminal, reaches the command once; one to nhctl alone, too.
func TestSignalOnce(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"whole group": true, "nhctl alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, lines := alone(t, `exec "$SELF"`, "INSIDE=count")
			read(t, lines, "helper")
			read(t, lines, "ready")
			target := cmd.Process.Pid
			if whole {
				target = -target
			}
			if err := unix.Kill(target, unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if n := read(t, lines, "status"); n != 1 {
				t.Errorf("%d times", n)
			}
		})
	}
}

// countSignals ends with the number of signals that come within a second of the first.
func countSignals() error {
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, unix.SIGTERM)
	fmt.Println("ready", 1)
	<-signals
	n := 1
	for last := time.After(time.Second); ; {
		select {
		case <-signals:
			n++
		case <-last:
			os.Exit(n)
		}
	}
}

// nhctl ends by the signal that has ended its command.
func TestEndBySignal(t *testing.T) {
	t.Parallel()
	// Below nohup, a command would ignore it, as it should.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, unix.SIGHUP)
	t.Cleanup(func() { signal.Stop(heard) })
	for _, s := range []syscall.Signal{unix.SIGTERM, unix.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			cmd, lines := alone(t, fmt.Sprintf(`kill -%d $$`, s))
			read(t, lines, "helper")
			if n := read(t, lines, "status"); n != 128+int(s) {
				t.Errorf("exit code %d", n)
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.Sys().(syscall.WaitStatus); !got.Signaled() || got.Signal() != s {
				t.Errorf("%v", cmd.ProcessState)
			}
		})
	}
}

// When the command stops, so does nhctl: the shell notices. Both go on together.
func TestStop(t *testing.T) {
	t.Parallel()
	cmd, lines := alone(t, `echo pid $$; kill -STOP $$; exit 3`)
	read(t, lines, "helper")
	pid := read(t, lines, "pid")
	until(t, "nhctl has stopped", func() bool { return state(cmd.Process.Pid) == 'T' })
	if got := state(pid); got != 'T' {
		t.Errorf("the command's state is %c", got)
	}
	if err := unix.Kill(cmd.Process.Pid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if n := read(t, lines, "status"); n != 3 {
		t.Errorf("exit code %d", n)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never came about that %s", what)
		case <-tick.C:
		}
	}
}

// Whichever process is killed, and however a process of the command hides, nothing stays.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	const script = `trap '' TERM; (trap '' TERM HUP; setsid sh -c 'echo deep $$; sleep 1000' & ); ` +
		`echo pid $$; while :; do sleep 1; done`
	for _, victim := range []string{"nhctl", "helper", "command"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			cmd, lines := alone(t, script)
			pids := map[string]int{"nhctl": cmd.Process.Pid, "helper": read(t, lines, "helper")}
			for range 2 {
				line, _ := lines.ReadString('\n')
				var name string
				var pid int
				if _, err := fmt.Sscan(line, &name, &pid); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				pids[map[string]string{"deep": "deep", "pid": "command"}[name]] = pid
			}
			if len(pids) != 4 {
				t.Fatalf("%v", pids)
			}
			if err := unix.Kill(pids[victim], unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			for name, pid := range pids {
				until(t, fmt.Sprintf("%s (%d) has ended", name, pid), func() bool {
					s := state(pid)
					return s == 0 || s == 'Z'
				})
			}
		})
	}
}

// The same as another user, whom the system gives no more than any other.
func TestUnprivileged(t *testing.T) {
	t.Parallel()
	const least = 10
	enclosuretest.AsUser(t, least)
}
