//go:build !linux

package netsetup

import (
	"context"
	"net/netip"
	"os"
	"runtime"

	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Helper can't be started on this system.
type Helper struct{ Left []journal.Left }

func refused() error {
	return problem.New(problem.Refused, "nhctl changes the network of Linux alone so far, not of %s", runtime.GOOS).
		WithHint("`nhctl connect --socks` works on every system")
}

// Start refuses.
func Start(context.Context, string) (*Helper, error) { return nil, refused() }

// RunHelper refuses.
func RunHelper() int { return problem.ExitUsage }

// Device is never called, as the others: there is no Helper.
func (*Helper) Device(context.Context, Device) (*os.File, string, error) { return nil, "", refused() }

// Routes refuses.
func (*Helper) Routes(context.Context, []netip.Prefix) error { return refused() }

// Resolver refuses.
func (*Helper) Resolver(context.Context, Resolver) error { return refused() }

// Hosts refuses.
func (*Helper) Hosts(context.Context, []hostsfile.Line) error { return refused() }

// PID returns 0.
func (*Helper) PID() int { return 0 }

// Ended is never closed.
func (*Helper) Ended() <-chan struct{} { return nil }

// Close does nothing.
func (*Helper) Close() error { return nil }
