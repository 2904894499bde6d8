//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
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

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// cutter is a proxy before the API server whose connections can be cut. While it is away, it takes no others.
type cutter struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	away  bool
}

// through returns a kubeconfig whose server is behind a cutter.
func (c *cutter) through(t *testing.T, kubeconfig string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close(); c.cut() })
	for _, cluster := range config.Clusters {
		server, err := url.Parse(cluster.Server)
		if err != nil {
			t.Fatal(err)
		}
		go c.serve(listener, server.Host)
		server.Host = listener.Addr().String()
		cluster.Server = server.String()
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

func (c *cutter) serve(listener net.Listener, to string) {
	for {
		a, err := listener.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", to)
		if err != nil {
			a.Close()
			continue
		}
		c.mu.Lock()
		c.conns[a], c.conns[b] = true, true
		if c.away {
			a.Close()
			b.Close()
		}
		c.mu.Unlock()
		for from, to := range map[net.Conn]net.Conn{a: b, b: a} {
			go func() {
				_, _ = io.Copy(to, from)
				a.Close()
				b.Close()
				c.mu.Lock()
				defer c.mu.Unlock()
				delete(c.conns, from)
			}()
		}
	}
}

// goes has the API server away, or back.
func (c *cutter) goes(away bool) {
	c.mu.Lock()
	c.away = away
	c.mu.Unlock()
	c.cut()
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		conn.Close()
	}
}

// editor runs chaos.sh on one side, and understands what it prints.
type editor struct {
	t    *testing.T
	side string
	// command begins a program in the folder that holds chaos.sh.
	command func(args ...string) *exec.Cmd
	runs    uint64

	mu     sync.Mutex
	mine   map[string]string // ids of this side's contents by path
	sigs   map[string]bool   // that exist
	seen   map[string]string // by readers, with a path
	counts map[string]int
	done   chan struct{}
	stop   string
}

func (e *editor) start(seed uint64) {
	e.t.Helper()
	e.runs++
	number := strconv.FormatUint((seed+e.runs)%32768, 10)
	e.stop = "scratch/" + e.side + "-" + number + ".stop"
	cmd := e.command("bash", "chaos.sh", e.side, number)
	out, err := cmd.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	done := make(chan struct{})
	e.done = done
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			e.hear(lines.Text())
		}
		_ = cmd.Wait()
	}()
}

func (e *editor) hear(line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	what, rest, _ := strings.Cut(line, " ")
	a, b, _ := strings.Cut(rest, " ")
	switch what {
	case "B":
		e.sigs[rest] = true
	case "R":
		e.seen[b] = a
	case "W":
		e.mine[a] = b
	case "D":
		delete(e.mine, a)
	case "M":
		delete(e.mine, b)
		if id, ok := e.mine[a]; ok {
			e.mine[b] = id
			delete(e.mine, a)
		}
	case "F":
		for path, id := range maps.Clone(e.mine) {
			if name, ok := strings.CutPrefix(path, a+"/"); ok {
				delete(e.mine, path)
				e.mine[b+"/"+name] = id
			}
		}
	case "op":
		e.counts[rest]++
	}
}

// operations are what chaos.sh does.
var operations = [...]string{"create", "write", "append", "rename over", "delete", "chmod", "move folder", "shift time"}

// missing says what has not been done so far.
func (e *editor) missing() (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, op := range operations {
		if e.counts[op] == 0 {
			err = errors.Join(err, fmt.Errorf("no %s by the %s", op, e.side))
		}
	}
	return err
}

// halt lets the program end, and returns when all that it printed was heard.
func (e *editor) halt() {
	e.t.Helper()
	for {
		out, err := e.command("touch", e.stop).CombinedOutput()
		select {
		case <-e.done:
			return
		case <-time.After(5 * time.Second):
			e.t.Logf("%s goes on: %s %v", e.side, out, err)
		}
	}
}

// tree describes a folder by content and mode.
const tree = `cd chaos && find . -name '.syncthing.*' -prune -o -printf '%y %m %p\n' | sort && find . -name ` +
	`'.syncthing.*' -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum`

func newEditor(t *testing.T, side string, command func(...string) *exec.Cmd) *editor {
	return &editor{
		t:       t,
		side:    side,
		command: command,
		mine:    map[string]string{},
		sigs:    map[string]bool{},
		seen:    map[string]string{},
		counts:  map[string]int{},
	}
}

// Both sides of a real session are edited at random, while carrier, sidecar, daemon and pod die. NHCTL_CHAOS says how
// long, NHCTL_CHAOS_SEED repeats one.
func TestSyncChaos(t *testing.T) {
	t.Parallel()
	length, seed := 30*time.Second, uint64(time.Now().UnixNano())
	if text := os.Getenv("NHCTL_CHAOS"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		length = d
	}
	if text := os.Getenv("NHCTL_CHAOS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("NHCTL_CHAOS_SEED=%d NHCTL_CHAOS=%s", seed, length)
	ns := shop(t)
	wire := &cutter{conns: map[net.Conn]bool{}}
	name := randomName("dev-")
	dev := shared.developerWith(t, name, wire.through(t, shared.user(t, ns, name)))
	src := dev.sources(catalog)
	for file, text := range map[string]string{"chaos.sh": read(t, "testdata/chaos.sh"), ".gitignore": "scratch/\n",
		"chaos/d0/f0": "first\n"} {
		write(t, filepath.Join(src, file), text)
	}
	edit(t, filepath.Join(src, ".dev/config.yaml"), "mode: gitIgnore", "mode: gitIgnore\n      deleteProtection: false")
	dev.must(src, "dev", "start", "--no-terminal", "--mode", "duplicate", "--yes")
	dev.must(src, "dev", "sync", "wait")
	admin := os.Getenv("NHCTL_TEST_KUBECONFIG")
	here := newEditor(t, "computer", func(args ...string) *exec.Cmd {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = src
		return cmd
	})
	there := newEditor(t, "pod", func(args ...string) *exec.Cmd {
		// exec does not begin in the working folder.
		script := `cd /home/dev/src && exec "$@"`
		return exec.Command(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "playground.d", "kube"),
			append([]string{"kubectl", "--kubeconfig", admin,
				"-n", ns, "exec", shared.twinPod(t, ns), "-c", "catalog", "--", "bash", "-c", script, "bash"},
				args...)...)
	})
	here.sigs[" 1 first;"] = true
	fate := rand.New(rand.NewPCG(seed, 0))
	order := []string{"carrier cut", "sidecar killed", "daemon killed", "pod deleted"}
	counts := map[string]int{}
	here.start(seed)
	there.start(seed)
	for i, end := 0, time.Now().Add(length); i < len(order) || time.Now().Before(end); i++ {
		time.Sleep(time.Duration(2000+fate.IntN(4000)) * time.Millisecond) // a while of edits between two blows
		blow := order[fate.IntN(len(order))]
		if i < len(order) {
			blow = order[i]
		}
		counts[blow]++
		t.Logf("%s", blow)
		switch blow {
		case "carrier cut":
			wire.cut()
		case "sidecar killed":
			killSidecar(t, ns)
		case "daemon killed":
			if err := syscall.Kill(dev.daemonPID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			query[[]rpc.Session](dev, src, "dev", "list") // which starts another
		case "pod deleted": // what only the pod has goes with it, so all comes home before
			here.halt()
			there.halt()
			dev.must(src, "dev", "sync", "wait", "--timeout", "2m")
			old := shared.twinPod(t, ns)
			if err := shared.typed.CoreV1().Pods(ns).Delete(t.Context(), old, *metav1.NewDeleteOptions(1)); err != nil {
				t.Fatal(err)
			}
			there.mine = map[string]string{}
			eventually(t, 2*time.Minute, "a new pod is connected", func(context.Context) error {
				s := query[rpc.Session](dev, src, "dev", "status")
				_, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), old, metav1.GetOptions{})
				if s.Pod == old || s.Link == nil || s.Link.State != "up" || err == nil {
					return fmt.Errorf("%+v; the old pod: %v", s.Link, err)
				}
				return nil
			})
			dev.must(src, "dev", "sync", "wait", "--timeout", "2m")
			here.start(seed)
			there.start(seed)
		}
	}
	eventually(t, time.Minute, "each side has done everything",
		func(context.Context) error { return errors.Join(here.missing(), there.missing()) })
	here.halt()
	there.halt()
	eventually(t, 2*time.Minute, "both sides are the same", func(context.Context) error {
		if r := dev.nhctl(src, "dev", "sync", "wait", "--timeout", "1m"); r.code != 0 {
			return fmt.Errorf("%s", r)
		}
		a, err := here.command("bash", "-c", tree).CombinedOutput()
		b, err2 := there.command("bash", "-c", tree).CombinedOutput()
		if diff := cmp.Diff(strings.Split(string(a), "\n"), strings.Split(string(b), "\n")); diff != "" ||
			err != nil || err2 != nil {
			return fmt.Errorf("%v %v (-computer +pod)\n%s", err, err2, diff)
		}
		return nil
	})
	left := contents(t, filepath.Join(dev.home, "state", "nhctl", "kept")) + contents(t, filepath.Join(src, "chaos"))
	inPod, err := kubectl(t, admin, "-n", ns, "exec", shared.twinPod(t, ns), "-c", contract.SidecarContainer, "--",
		"sh", "-c",
		"find "+contract.WorkDir+" -type f -path '*kept*' -exec cat {} +; true")
	if err != nil {
		t.Fatalf("%s %v", inPod, err)
	}
	ids := map[string]bool{}
	for line := range strings.Lines(left + inPod) {
		ids[strings.TrimSpace(line)] = true
	}
	for _, e := range []*editor{here, there} {
		for path, id := range e.mine {
			if !ids[id] {
				t.Errorf("what the %s wrote last to %s is lost: %s", e.side, path, id)
			}
		}
		for sig, path := range e.seen {
			if !here.sigs[sig] && !there.sigs[sig] {
				t.Errorf("a reader on the %s side saw in %s what nobody wrote: %.100s", e.side, path, sig)
			}
		}
		for _, op := range operations {
			t.Logf("%6d %s: %s", e.counts[op], e.side, op)
		}
	}
	for _, blow := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[blow], blow)
	}
	if t.Failed() {
		return
	}
	dev.must(src, "dev", "end")
}

// contents are those of all files below a folder.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all.Write(data)
		all.WriteString("\n")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}
