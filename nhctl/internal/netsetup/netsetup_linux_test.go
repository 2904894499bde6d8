package netsetup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/enclosure/enclosuretest"
	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup/netsetuptest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestMain(m *testing.M) {
	enclosuretest.Main(m, Argument, func([]string) int { return RunHelper() }, map[string]func() error{
		"device":         netsetuptest.Computer(device),
		"taken route":    netsetuptest.Computer(takenRoute),
		"files":          netsetuptest.Computer(files),
		"helper killed":  netsetuptest.Computer(helperKilled),
		"starter killed": netsetuptest.Computer(starterKilled),
		"starter":        starter,
		"resolved":       netsetuptest.Computer(resolved),
		"odd orders":     netsetuptest.Computer(oddOrders),
	})
}

func TestDevice(t *testing.T)        { t.Parallel(); netsetuptest.Stand(t, "device") }
func TestTakenRoute(t *testing.T)    { t.Parallel(); netsetuptest.Stand(t, "taken route") }
func TestFiles(t *testing.T)         { t.Parallel(); netsetuptest.Stand(t, "files") }
func TestHelperKilled(t *testing.T)  { t.Parallel(); netsetuptest.Stand(t, "helper killed") }
func TestStarterKilled(t *testing.T) { t.Parallel(); netsetuptest.Stand(t, "starter killed") }
func TestResolved(t *testing.T)      { t.Parallel(); netsetuptest.Stand(t, "resolved") }
func TestOddOrders(t *testing.T)     { t.Parallel(); netsetuptest.Stand(t, "odd orders") }

// A user whom the system gives no more than any other runs all of this, too.
func TestUnprivileged(t *testing.T) { enclosuretest.AsUser(t, 8) }

var testDevice = Device{Addresses: []netip.Addr{netip.MustParseAddr("192.0.0.2")}, MTU: 1500}

func prefixes(words ...string) (all []netip.Prefix) {
	for _, word := range words {
		all = append(all, netip.MustParsePrefix(word))
	}
	return all
}

// send sends a datagram to an address.
func send(to string) error {
	conn, err := net.Dial("udp", to)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("hello"))
	return err
}

// device is made, has the packets of its networks and no others, and goes with its last descriptor.
func device(ctx context.Context, self string) error {
	h, err := Start(ctx, self)
	if err != nil {
		return err
	}
	file, name, err := h.Device(ctx, testDevice)
	if err != nil {
		return err
	}
	if name != "nhctl0" {
		return fmt.Errorf("the device's name is %s", name)
	}
	if err := h.Routes(ctx, prefixes("10.96.0.0/16", "10.244.0.0/16")); err != nil {
		return err
	}
	if err := send("10.96.0.7:53"); err != nil {
		return err
	}
	for packet := make([]byte, 1500); ; {
		n, err := file.Read(packet)
		if err != nil {
			return err
		}
		if n > 20 && packet[0]>>4 == 4 && [4]byte(packet[16:20]) == [4]byte{10, 96, 0, 7} {
			break
		}
	}
	if err := h.Routes(ctx, prefixes("10.244.0.0/16")); err != nil {
		return err
	}
	if err := send("10.96.0.7:53"); !errors.Is(err, unix.ENETUNREACH) {
		return fmt.Errorf("without the route: %v", err)
	}
	if err := send("10.244.0.7:53"); err != nil {
		return err
	}
	if _, _, err := h.Device(ctx, testDevice); err == nil {
		return errors.New("a second device")
	}
	if err := errors.Join(h.Close(), file.Close()); err != nil {
		return err
	}
	return netsetuptest.Until(ctx, netsetuptest.Unchanged)
}

func takenRoute(ctx context.Context, self string) error {
	var helpers [2]*Helper
	for i := range helpers {
		h, err := Start(ctx, self)
		if err != nil {
			return err
		}
		defer h.Close()
		file, _, err := h.Device(ctx, testDevice)
		if err != nil {
			return err
		}
		defer file.Close()
		helpers[i] = h
	}
	if err := helpers[0].Routes(ctx, prefixes("10.96.0.0/16")); err != nil {
		return err
	}
	err := helpers[1].Routes(ctx, prefixes("10.96.0.0/16"))
	if p := problem.From(err); p.Code != problem.Refused || !strings.Contains(p.Message, "10.96.0.0/16") {
		return fmt.Errorf("%s: %s", p.Code, p.Message)
	}
	return nil
}

var (
	testHosts = []hostsfile.Line{{Address: netip.MustParseAddr("127.1.0.1"), Names: []string{"web.shop", "web"}}}
	testFile  = Resolver{
		Server: netip.MustParseAddr("192.0.0.1"),
		Search: []string{"shop.svc.cluster.local"},
		File:   true,
	}
)

// change has a helper change the computer's files.
func change(ctx context.Context, self string) (*Helper, error) {
	h, err := Start(ctx, self)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(h.Hosts(ctx, testHosts), h.Resolver(ctx, testFile)); err != nil {
		return nil, err
	}
	for file, want := range map[string]string{
		"/etc/hosts":       "127.1.0.1\tweb.shop web\n",
		"/etc/resolv.conf": "nameserver 192.0.0.1\nsearch shop.svc.cluster.local\n",
	} {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), want) {
			return nil, fmt.Errorf("%s: %s, %v", file, text, err)
		}
	}
	return h, nil
}

func files(ctx context.Context, self string) error {
	h, err := change(ctx, self)
	if err != nil {
		return err
	}
	var many []hostsfile.Line
	for i := range 500 {
		many = append(many, hostsfile.Line{
			Address: netip.MustParseAddr("127.1.0.1"),
			Names:   []string{fmt.Sprintf("web%d.%s.shop", i, strings.Repeat("a", 60))},
		})
	}
	if err := h.Hosts(ctx, many); err != nil {
		return err
	}
	text, err := os.ReadFile("/etc/hosts")
	if n := strings.Count(string(text), ".shop"); err != nil || n != 500 {
		return fmt.Errorf("%d lines, %v", n, err)
	}
	return errors.Join(h.Close(), netsetuptest.Unchanged())
}

// helperKilled has the next helper restore what one has left that was killed.
func helperKilled(ctx context.Context, self string) error {
	h, err := change(ctx, self)
	if err != nil {
		return err
	}
	if err := h.process.Process.Kill(); err != nil {
		return err
	}
	<-h.Ended()
	if err := h.Hosts(ctx, nil); !errors.Is(err, errEnded) {
		return fmt.Errorf("an order without a helper: %v", err)
	}
	if err := h.Close(); !errors.Is(err, errEnded) {
		return fmt.Errorf("the end without a helper: %v", err)
	}
	if netsetuptest.Unchanged() == nil {
		return errors.New("nothing was left")
	}
	next, err := Start(ctx, self)
	if err != nil {
		return err
	}
	if len(next.Left) != 1 || next.Left[0].Lives || len(next.Left[0].Files) != 2 {
		return fmt.Errorf("restored %+v", next.Left)
	}
	return errors.Join(netsetuptest.Unchanged(), next.Close())
}

// starter changes the computer, and waits.
func starter() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	h, err := change(context.Background(), self)
	if err != nil {
		return err
	}
	file, _, err := h.Device(context.Background(), testDevice)
	if err == nil {
		err = h.Routes(context.Background(), prefixes("10.96.0.0/16"))
	}
	if err != nil {
		return err
	}
	fmt.Println("changed")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, file.Close())
}

// starterKilled shows that the helper restores all when its starter is killed.
func starterKilled(ctx context.Context, self string) error {
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), enclosuretest.Stage+"=starter")
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	line := make([]byte, len("changed\n"))
	if _, err := io.ReadFull(out, line); err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	if netsetuptest.Unchanged() == nil {
		return errors.New("nothing has changed")
	}
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait()
	return netsetuptest.Until(ctx, netsetuptest.Unchanged)
}

// resolved is told of the device by its own command.
func resolved(ctx context.Context, self string) error {
	const script = "#!/bin/sh\n" +
		`[ "$3" = 192.0.0.9 ] && { echo no such link >&2; exit 1; }; echo "$@" >> /var/lib/log` + "\n"
	if err := os.Mkdir("/var/lib/sbin", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile("/var/lib/sbin/resolvectl", []byte(script), 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/var/lib/sbin", "/usr/sbin", "", unix.MS_BIND, ""); err != nil {
		return err
	}
	h, err := Start(ctx, self)
	if err != nil {
		return err
	}
	file, _, err := h.Device(ctx, testDevice)
	if err != nil {
		return err
	}
	r := Resolver{
		Server: netip.MustParseAddr("192.0.0.1"),
		Search: []string{"shop.svc.cluster.local", "cluster.local"},
		Names:  []string{"db.example.com"},
	}
	if err := h.Resolver(ctx, r); err != nil {
		return err
	}
	log, err := os.ReadFile("/var/lib/log")
	const want = `dns nhctl0 192.0.0.1
domain nhctl0 shop.svc.cluster.local cluster.local ~db.example.com
default-route nhctl0 no
`
	if err != nil || string(log) != want {
		return fmt.Errorf("%s, %v", log, err)
	}
	r.Server = netip.MustParseAddr("192.0.0.9")
	p := problem.From(h.Resolver(ctx, r))
	if p.Code != problem.Refused || !strings.Contains(p.Message, "no such link") {
		return fmt.Errorf("%s: %s", p.Code, p.Message)
	}
	return errors.Join(h.Close(), file.Close())
}

// oddOrders are refused, and the helper goes on.
func oddOrders(ctx context.Context, self string) error {
	h, err := Start(ctx, self)
	if err != nil {
		return err
	}
	bad := Resolver{Server: netip.MustParseAddr("192.0.0.1"), Search: []string{"a\nnameserver 8.8.8.8"}, File: true}
	elsewhere := []hostsfile.Line{{Address: netip.MustParseAddr("10.0.0.1"), Names: []string{"x"}}}
	for name, err := range map[string]error{
		"a default route": h.Routes(ctx, prefixes("0.0.0.0/0")),
		"loopback":        h.Routes(ctx, prefixes("127.0.0.0/8")),
		"no device":       h.Routes(ctx, prefixes("10.0.0.0/8")),
		"a line of text":  h.Resolver(ctx, bad),
		"other addresses": h.Hosts(ctx, elsewhere),
		"no order":        errOf(h.order(ctx, order{Op: "run"})),
		"nothing in it":   errOf(h.order(ctx, order{Op: opDevice})),
	} {
		if problem.From(err).Code != problem.Internal {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return errors.Join(h.Close(), netsetuptest.Unchanged())
}

func errOf(_ answered, err error) error { return err }

// A helper that no nhctl has started does nothing.
func TestHelperAlone(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), self, Argument).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != problem.ExitUsage || !strings.Contains(string(out), "nhctl's own") {
		t.Errorf("%v: %s", err, out)
	}
}
