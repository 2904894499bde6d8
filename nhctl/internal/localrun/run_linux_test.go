package localrun

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure/enclosuretest"
	"github.com/nhctl/nhctl/nhctl/internal/loopback"
	"github.com/nhctl/nhctl/nhctl/internal/netstack"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// stage is the variable by which a test has its own program as the command.
const stage = enclosuretest.Stage

// limit is how long anything may take that should happen soon: the machine may be busy.
const limit = time.Minute

func TestMain(m *testing.M) {
	enclosuretest.Main(m, enclosure.Argument, enclosure.RunHelper, commands())
}

// commands are what runs inside.
func commands() map[string]func() error {
	return map[string]func() error{
		"names":   lookUp,
		"reach":   reachAll,
		"half":    halfClose,
		"udp":     udpEcho,
		"bulk":    bulk,
		"ports":   ports,
		"files":   readFiles,
		"topod":   useToPod,
		"quickly": func() error { fmt.Println("runs"); return nil },
	}
}

// recorder keeps what was dialled.
type recorder struct {
	mu  sync.Mutex
	all []string
}

func (r *recorder) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, text)
}

// runInside runs this program inside, as one of the commands, and returns what it prints.
func runInside(
	t *testing.T, g *gateway, command string, notice func(loopback.Notice), env ...string,
) string {
	t.Helper()
	return runWith(t, g, command, func(o *Options) {
		o.Env = append(o.Env, env...)
		if notice != nil {
			o.Notice = notice
		}
	})
}

// runWith is runInside with other options.
func runWith(t *testing.T, g *gateway, command string, change func(*Options)) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	printed := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(r)
		printed <- string(all)
	}()
	if g.resolve == nil {
		g.resolve = func(string) ([]netip.Addr, error) { return nil, errMissing }
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	o := Options{
		Env:     []string{stage + "=" + command, "PATH=" + os.Getenv("PATH")},
		Domain:  Domain,
		Cluster: shop(),
		Gateway: g,
		Notice:  func(loopback.Notice) {},
	}
	change(&o)
	var status enclosure.Status
	o.Enclosure, err = Prepare(ctx, enclosure.Options{
		Program: program,
		Argv:    []string{program},
		Env:     []string{},
		Dir:     "/",
		Stdout:  w,
	}, "shop", Domain)
	if err == nil {
		status, err = Run(ctx, o)
		o.Enclosure.Close()
	}
	w.Close()
	out := <-printed
	if err != nil {
		p := problem.From(err)
		t.Fatalf("this system does not let user %d run a command: %s\n%s\n%s", os.Getuid(), p.Message, p.Hint, out)
	}
	if status.Code != 0 {
		t.Errorf("exit code %d:\n%s", status.Code, out)
	}
	return out
}

// echoServer serves TCP on this computer's loopback, as the far end of everything.
func echoServer(t *testing.T, serve func(*net.TCPConn)) func(netip.AddrPort, []byte) (net.Conn, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serve(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return func(_ netip.AddrPort, first []byte) (net.Conn, error) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_, err = c.Write(first)
		}
		return c, err
	}
}

func echo(c *net.TCPConn) {
	defer c.Close()
	_, _ = io.Copy(c, c)
}

// Names are those of the namespace, by the system's own files; what the watches lack the gateway knows.
func TestNamesInside(t *testing.T) {
	g := &gateway{resolve: func(name string) ([]netip.Addr, error) {
		if name == "api.hidden.svc.cluster.local." {
			return []netip.Addr{netip.MustParseAddr("10.97.0.1")}, nil
		}
		return nil, errMissing
	}}
	want := strings.Join([]string{
		"web [10.96.0.10]", "web.shop [10.96.0.10]", "web.shop.svc.cluster.local. [10.96.0.10]",
		"10-244-0-5.shop.pod.cluster.local. [10.244.0.5]", "api.hidden [10.97.0.1]",
		"nothing.shop.svc.cluster.local. no such host", "10.96.0.10 [web.shop.svc.cluster.local.]", "",
	}, "\n")
	if diff := cmp.Diff(want, runInside(t, g, "names", nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func lookUp() error {
	for _, name := range []string{
		"web", "web.shop", "web.shop.svc.cluster.local.", "10-244-0-5.shop.pod.cluster.local.", "api.hidden",
		"nothing.shop.svc.cluster.local.",
	} {
		all, err := net.LookupHost(name)
		var missing *net.DNSError
		if errors.As(err, &missing) && missing.IsNotFound {
			fmt.Println(name, "no such host")
			continue
		}
		if err != nil {
			return err
		}
		fmt.Println(name, all)
	}
	all, err := net.LookupAddr("10.96.0.10")
	fmt.Println("10.96.0.10", all)
	return err
}

// The kernel inside tells what a kernel in a pod would tell.
func TestReachInside(t *testing.T) {
	dial := echoServer(t, echo)
	dialled := &recorder{}
	g := &gateway{tcp: func(to netip.AddrPort, first []byte) (net.Conn, error) {
		dialled.add(to.String())
		switch to.String() {
		case "10.244.0.5:8080", "10.96.0.10:80", "[fd00:96::10]:80":
			return dial(to, first)
		case "10.244.0.5:81":
			return nil, netstack.ErrRefused
		}
		return nil, errors.New("no way there")
	}}
	want := strings.Join([]string{
		"web:80 hello", "[fd00:96::10]:80 hello", "10.244.0.5:8080 hello",
		"web:82 connection refused", "empty:80 connection refused", "10.244.0.5:81 connection refused",
		"10.244.9.9:80 no route to host", "[fd00:96::77]:80 no route to host", "",
	}, "\n")
	if diff := cmp.Diff(want, runInside(t, g, "reach", nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, address := range dialled.all {
		if strings.HasSuffix(address, ":82") || strings.HasPrefix(address, "10.96.0.11") {
			t.Errorf("the gateway was asked about %s", address)
		}
	}
}

func reachAll() error {
	for _, address := range []string{"web:80", "[fd00:96::10]:80", "10.244.0.5:8080", "web:82", "empty:80",
		"10.244.0.5:81", "10.244.9.9:80", "[fd00:96::77]:80"} {
		c, err := net.DialTimeout("tcp", address, limit)
		var errno syscall.Errno
		if errors.As(err, &errno) {
			fmt.Println(address, errno)
			continue
		}
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, "hello"); err != nil {
			return err
		}
		b := make([]byte, 5)
		_, err = io.ReadFull(c, b)
		c.Close()
		if err != nil {
			return err
		}
		fmt.Println(address, string(b))
	}
	return nil
}

// Half-closed connections and resets cross.
func TestHalfCloseInside(t *testing.T) {
	g := &gateway{tcp: echoServer(t, func(c *net.TCPConn) {
		all, err := io.ReadAll(c)
		fmt.Fprintf(c, "%d bytes, %v", len(all), err)
		_ = c.CloseWrite()
		_ = c.SetLinger(0)
		_ = c.Close()
	})}
	if got, want := runInside(t, g, "half", nil), "1000000 bytes, <nil>\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func halfClose() error {
	c, err := net.Dial("tcp", "web:80")
	if err != nil {
		return err
	}
	_, _ = c.Write(make([]byte, 1_000_000))
	_ = c.(*net.TCPConn).CloseWrite()
	b := make([]byte, 100)
	n, err := io.ReadAtLeast(c, b, 20)
	fmt.Println(string(b[:n]))
	return err
}

// Datagrams travel as they are.
func TestUDPInside(t *testing.T) {
	far, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := far.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = far.WriteTo(b[:n], from)
		}
	}()
	g := &gateway{udp: func(netip.AddrPort) (net.Conn, error) { return net.Dial("udp", far.LocalAddr().String()) }}
	want := "1 1\n1400 1400\n60000 60000\nconnection refused\n"
	if diff := cmp.Diff(want, runInside(t, g, "udp", nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func udpEcho() error {
	for _, size := range []int{1, 1400, 60000} {
		c, err := net.Dial("udp", "web:53")
		if err != nil {
			return err
		}
		_ = c.SetDeadline(time.Now().Add(limit))
		if _, err := c.Write(make([]byte, size)); err != nil {
			return err
		}
		n, err := c.Read(make([]byte, 1<<16))
		if err != nil {
			return err
		}
		fmt.Println(size, n)
	}
	c, err := net.Dial("udp", "web:54")
	if err != nil {
		return err
	}
	_ = c.SetDeadline(time.Now().Add(limit))
	_, _ = c.Write([]byte("x"))
	_, err = c.Read(make([]byte, 1))
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	fmt.Println(errno)
	return nil
}

// Much data arrives whole, both ways at once.
func TestBulkInside(t *testing.T) {
	out := runInside(t, &gateway{tcp: echoServer(t, echo)}, "bulk", nil)
	if !strings.HasPrefix(out, "equal") {
		t.Error(out)
	}
	t.Log(out)
}

func bulk() error {
	const size = 64 << 20
	c, err := net.Dial("tcp", "web:80")
	if err != nil {
		return err
	}
	begun := time.Now()
	sent, received := sha256.New(), sha256.New()
	var failed error
	var sending sync.WaitGroup
	sending.Go(func() {
		source := io.LimitReader(rand.NewChaCha8([32]byte{1}), size)
		_, failed = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(c, sent)}, source, make([]byte, 1<<20))
		_ = c.(*net.TCPConn).CloseWrite()
	})
	n, err := io.Copy(received, c)
	sending.Wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if n != size || !bytes.Equal(sent.Sum(nil), received.Sum(nil)) {
		return fmt.Errorf("%d bytes of %d", n, size)
	}
	fmt.Println("equal:", size>>20, "MiB each way in", time.Since(begun).Round(time.Millisecond))
	return nil
}

// Ports that the command opens can be reached on the computer's loopback, and those of the computer inside.
func TestPortsBothWays(t *testing.T) {
	theirs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	go func() {
		for {
			c, err := theirs.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "the computer's")
			c.Close()
		}
	}()
	got := make(chan string, 1)
	out := runInside(t, &gateway{}, "ports", func(n loopback.Notice) {
		if n.Err != nil {
			got <- n.Err.Error()
			return
		}
		go func() {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.Port))
			if err != nil {
				got <- err.Error()
				return
			}
			defer c.Close()
			all, err := io.ReadAll(c)
			got <- fmt.Sprint(string(all), err)
		}()
	}, "THEIRS="+theirs.Addr().String())
	if want := "the command's<nil>"; <-got != want {
		t.Errorf("want %q", want)
	}
	if want := "the computer's\n"; out != want {
		t.Errorf("%q, want %q", out, want)
	}
}

func ports() error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c, err := net.Dial("tcp", os.Getenv("THEIRS"))
	for err != nil {
		const often = 50 * time.Millisecond
		if delay.For(ctx, often) != nil {
			return err
		}
		c, err = net.Dial("tcp", os.Getenv("THEIRS"))
	}
	all, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	fmt.Println(string(all))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c, err = l.Accept()
	if err != nil {
		return err
	}
	_, _ = io.WriteString(c, "the command's")
	_ = c.(*net.TCPConn).CloseWrite()
	_, err = io.ReadAll(c) // until it was read: the end of a command cuts its connections off
	return err
}

// Two runs may have the same port, as in pods of their own.
func TestForeign(t *testing.T) {
	f := newForeign(0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all, err := loopback.Listening("/proc/self/net")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, s := range all {
		if s.Address.String() == l.Addr().String() {
			found = true
			if f.socket(s) {
				t.Error("this test is no run")
			}
			own := map[uint64]bool{}
			if addSockets(own, os.Getpid()); !own[s.Inode] {
				t.Error("this test has the socket")
			}
		}
	}
	if !found {
		t.Errorf("%s is not among %v", l.Addr(), all)
	}
}

// Nothing of it stays in this process.
func TestQuickly(t *testing.T) {
	begun := time.Now()
	if got := runInside(t, &gateway{}, "quickly", nil); got != "runs\n" {
		t.Errorf("%q", got)
	}
	t.Logf("from beginning to end: %s", time.Since(begun).Round(time.Millisecond))
}

// The same as another user, whom the system gives no more than any other.
func TestUnprivileged(t *testing.T) {
	const least = 8
	enclosuretest.AsUser(t, least)
}
