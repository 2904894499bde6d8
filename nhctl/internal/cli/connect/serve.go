package connect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup"
)

// serving is a context that ends with the user's wish, the terminal, or the tunnel.
func serving(ctx context.Context, w *way.Way) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	go func() {
		select {
		case <-w.Ended():
			stop()
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}

// helper starts the process that does what needs root.
func helper(ctx context.Context, f *factory.Factory, what string) (*netsetup.Helper, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		fmt.Fprintf(f.Err(), "%s needs root: sudo starts a helper that does this alone\n", what)
	}
	h, err := netsetup.Start(ctx, program)
	if err != nil {
		return nil, err
	}
	for _, l := range h.Left {
		if !l.Lives {
			fmt.Fprintf(f.Err(), "restored what an nhctl connect had left (process %d)\n", l.PID)
		}
	}
	return h, nil
}

// restoreOwn undoes what processes of this user have left that were killed.
func restoreOwn(f *factory.Factory) (dir string, err error) {
	dirs, err := f.Dirs()
	if err != nil {
		return "", err
	}
	dir = journal.Dir(dirs.State)
	if _, err := journal.Repair(dir); err != nil {
		return "", fmt.Errorf("undo what an earlier nhctl has left: %w", err)
	}
	return dir, nil
}

// excluded are the addresses of API servers that the kubeconfig names: the way into the cluster leads by one of them.
func excluded(ctx context.Context, servers []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	var failed []error
	for _, host := range servers {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, a := range found {
			all = append(all, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		}
	}
	if len(all) == 0 && len(failed) > 0 {
		return nil, fmt.Errorf("find the API server: %w", errors.Join(failed...))
	}
	return all, nil
}
