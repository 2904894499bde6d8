package localnames

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
)

// Listen listens on an address of loopback. The error says who has it, or what it needs.
func Listen(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	if !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("%s is not of loopback", at)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		by := ""
		if owner := tunnel.AddressOwner(at); owner != "" {
			by = " by " + owner
		}
		return nil, problem.New(problem.PortTaken, "port %d is taken%s: %w", at.Port(), by, err)
	case errors.Is(err, os.ErrPermission):
		return nil, problem.New(problem.Refused, "you may not open port %d: %w", at.Port(), err).
			WithHint("%s", lowPorts())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, problem.New(problem.Refused, "this computer does not have the address %s: %w", at.Addr(), err).
			WithHint("sudo ifconfig lo0 alias %s up", at.Addr())
	}
	return l, err
}

// lowPorts says how to open ports below 1024.
func lowPorts() string {
	if runtime.GOOS != "linux" {
		return "run it with sudo"
	}
	program, err := os.Executable()
	if err != nil {
		program = "/usr/local/bin/nhctl"
	}
	return "allow it to nhctl alone: sudo setcap cap_net_bind_service=+ep " + program +
		"\nor to everyone: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=0"
}
