// Package way is how a command gets into a cluster's network: its watches, the daemon's tunnel, and a link to that.
// Commands that carry connections themselves share it.
package way

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/gatewaylink"
	"github.com/nhctl/nhctl/nhctl/internal/localrun"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Options say which way.
type Options struct {
	// Tunnel is the one that leads there.
	Tunnel factory.Tunnel
	// Namespaces are followed in addition to the call's, where the caller may not follow all.
	Namespaces []string
	// Domain is the cluster's.
	Domain string
	// Linked is done as soon as there is a link, Also from the beginning; either fails the whole.
	Linked func(context.Context, *gatewaylink.Link) error
	Also   func(context.Context) error
}

// Way is an open one.
type Way struct {
	Namespace string
	// Source knows the call's namespace, or all; Others know one more each.
	Source *clusternet.Source
	Others []*clusternet.Source
	Link   *gatewaylink.Link
	f      *factory.Factory
	tunnel string // the session's id
	stop   context.CancelFunc
	ended  chan struct{}
}

// Open opens a way. The user waits for all of it, so no part waits for another. Close ends it, and leaves the tunnel.
func Open(ctx context.Context, f *factory.Factory, o Options) (*Way, error) {
	cluster, err := clusters.Client(f)
	if err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &Way{Namespace: cluster.Namespace, f: f, stop: stop, ended: make(chan struct{})}
	ready, preparing := errgroup.WithContext(ctx)
	if o.Also != nil {
		ready.Go(func() error { return o.Also(preparing) })
	}
	ready.Go(func() error { return w.watch(watching, preparing, o) })
	var known []netip.Addr
	ready.Go(func() error {
		session, l, err := link(preparing, f, o.Tunnel, w.failed)
		if err != nil {
			return err
		}
		w.tunnel, w.Link = session.ID, l
		if o.Linked != nil {
			if err := o.Linked(preparing, l); err != nil {
				return err
			}
		}
		// An address of the Services' range that every namespace may know. Without it, others show the range.
		known, _ = w.Link.Resolve(preparing, "kubernetes.default.svc."+o.Domain)
		return nil
	})
	if err := ready.Wait(); err != nil {
		w.Close()
		return nil, err
	}
	w.Source.Learn(known...)
	return w, nil
}

// watch follows the Services of the namespaces, until watching ends.
func (w *Way) watch(watching, preparing context.Context, o Options) error {
	networks := &localrun.LocalNetworks{}
	follow := func(namespace string) (*clusternet.Source, error) {
		cluster, err := clusters.ClientAt(w.f, w.f.Context, namespace)
		if err != nil {
			return nil, err
		}
		return clusternet.Watch(watching, cluster, networks.Prefixes), nil
	}
	listed := func(s *clusternet.Source, namespace string) error {
		if err := s.Listed(preparing); err != nil {
			return fmt.Errorf("see the Services of namespace %s: %w", namespace, err)
		}
		return nil
	}
	var err error
	if w.Source, err = follow(w.f.Namespace); err != nil {
		return err
	}
	if err := listed(w.Source, w.Namespace); err != nil || w.Source.Table().All() {
		return err
	}
	for _, namespace := range o.Namespaces {
		if namespace == w.Namespace {
			continue
		}
		s, err := follow(namespace)
		if err != nil {
			return err
		}
		w.Others = append(w.Others, s)
		if err := listed(s, namespace); err != nil {
			return err
		}
	}
	return nil
}

// Ended is closed when the tunnel has been ended, by nhctl disconnect for example.
func (w *Way) Ended() <-chan struct{} { return w.ended }

// Close ends the way.
func (w *Way) Close() {
	w.stop()
	if w.Link != nil {
		w.Link.Close()
	}
	for _, s := range append(w.Others, w.Source) {
		if s != nil {
			s.Wait()
		}
	}
}

// failed notes the end of the tunnel by the error of a connection to its gateway.
func (w *Way) failed(ctx context.Context, err error) {
	if problem.From(err).Code == problem.NoSession && w.gone(ctx) {
		select {
		case <-w.ended:
		default:
			close(w.ended)
		}
	}
}

// Link brings a tunnel up, and returns the link to its gateway alone.
func Link(ctx context.Context, f *factory.Factory, t factory.Tunnel) (*gatewaylink.Link, error) {
	_, l, err := link(ctx, f, t, func(context.Context, error) {})
	return l, err
}

func link(
	ctx context.Context, f *factory.Factory, t factory.Tunnel, failed func(context.Context, error),
) (rpc.Session, *gatewaylink.Link, error) {
	var s rpc.Session
	if err := f.Call(ctx, rpc.MethodConnect, t.Connect(f), &s); err != nil {
		return s, nil, err
	}
	return s, gatewaylink.New(func(ctx context.Context, token []byte) (net.Conn, error) {
		conn, err := carry(ctx, f, rpc.Carry{Caller: f.Caller(), Workload: t.Workload, Token: token})
		if err != nil {
			failed(ctx, err)
		}
		return conn, err
	}, slog.New(slog.DiscardHandler)), nil
}

// carry makes a connection to the daemon that leads to a gateway. A daemon that has just been started takes the tunnel
// up again first.
func carry(ctx context.Context, f *factory.Factory, p rpc.Carry) (net.Conn, error) {
	d, err := f.Daemon(ctx) // which is started, or replaced by one of this version
	if err != nil {
		return nil, err
	}
	d.Close()
	dirs, err := f.Dirs()
	if err != nil {
		return nil, err
	}
	return client.Carry(ctx, dirs, p)
}

// gone says whether this computer keeps the tunnel no longer. A tunnel whose cluster does not answer is kept.
func (w *Way) gone(ctx context.Context) bool {
	var all []rpc.Session
	if err := w.f.Call(ctx, rpc.MethodOverview, rpc.Overview{Caller: w.f.Caller()}, &all); err != nil {
		return false
	}
	for _, s := range all {
		if s.ID == w.tunnel {
			return false
		}
	}
	return true
}
