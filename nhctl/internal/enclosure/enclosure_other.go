//go:build !linux

package enclosure

import (
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Enclosure can't be made on this system.
type Enclosure struct{}

func refused() error {
	return problem.New(problem.Refused, "nhctl run needs Linux: %s has no network namespaces", runtime.GOOS).
		WithHint("for programs that know a proxy, this works on every system: nhctl run --method socks -- COMMAND")
}

// Start refuses.
func Start(context.Context, Options) (*Enclosure, error) { return nil, refused() }

// Supported refuses.
func Supported() error { return refused() }

// Check refuses.
func Check(context.Context, string) error { return refused() }

// RunHelper refuses.
func RunHelper([]string) int { return problem.ExitUsage }

// Signals lists none.
func Signals() []os.Signal { return nil }

// Stops is never asked.
func Stops(os.Signal) bool { return false }

// Enter refuses.
func Enter(int, string, []string, []string) error { return refused() }

// EndBy does nothing.
func EndBy(Status) {}

// Device is never called, as the others: there is no Enclosure.
func (*Enclosure) Device() *os.File { return nil }

// PID returns 0.
func (*Enclosure) PID() int { return 0 }

// Mount refuses.
func (*Enclosure) Mount(context.Context, []Point) (*os.File, []string, error) {
	return nil, nil, refused()
}

// Address refuses.
func (*Enclosure) Address(context.Context, []netip.Addr) error { return refused() }

// Command refuses.
func (*Enclosure) Command(context.Context, []string) error { return refused() }

// Wait refuses.
func (*Enclosure) Wait() (Status, error) { return Status{}, refused() }

// Listen refuses.
func (*Enclosure) Listen(context.Context, netip.AddrPort) (net.Listener, error) {
	return nil, refused()
}

// Dial refuses.
func (*Enclosure) Dial(context.Context, netip.AddrPort) (net.Conn, error) { return nil, refused() }

// Relay does nothing.
func (*Enclosure) Relay(os.Signal) {}

// Close does nothing.
func (*Enclosure) Close() {}
