// Package computer puts a cluster's network under all programs of this computer: a device has the packets of the
// cluster's addresses, and the cluster's names are answered here. What needs root is done by a helper, by an interface;
// packets and connections are this process's.
package computer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/clusterdns"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/localrun"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup"
	"github.com/nhctl/nhctl/nhctl/internal/netstack"
)

// Cluster is what is known of the cluster's network. Changed is closed at the next change.
type Cluster interface {
	localrun.Cluster
	Changed() <-chan struct{}
}

// Setup makes what needs root.
type Setup interface {
	Device(ctx context.Context, d netsetup.Device) (*os.File, string, error)
	Routes(ctx context.Context, all []netip.Prefix) error
	Resolver(ctx context.Context, r netsetup.Resolver) error
	Ended() <-chan struct{}
}

// Options say which cluster, and how.
type Options struct {
	// Namespace is the one whose Services have short names, Domain the cluster's.
	Namespace, Domain string
	Cluster           Cluster
	Gateway           localrun.Gateway
	// Named are names of which the user has said who knows them.
	Named map[string]clusterdns.Named
	// Local lists the computer's own networks.
	Local func() []clusternet.Local
	Setup Setup
	// File says that resolv.conf is rewritten.
	File bool
	// Notice is called with what the user should know.
	Notice func(text string)
}

// settle is how long changes are collected, so that a rollout is not a look at the routes for each pod.
const settle = 100 * time.Millisecond

var errHelper = errors.New("the helper that needs root has ended")

// Run serves the computer until ctx ends. Ready is called with the device's name once all is there. The caller ends the
// helper, which restores names before the device goes.
func Run(ctx context.Context, o Options, ready func(device string)) (err error) {
	r := &run{Options: o}
	device, name, err := o.Setup.Device(ctx, netsetup.Device{
		Addresses: localrun.DeviceAddresses(o.Cluster.Table().IPv6()),
		MTU:       netstack.MTU,
	})
	if err != nil {
		return err
	}
	cluster := learning{Cluster: o.Cluster, learned: func() { r.routeSoon(ctx) }}
	stack, err := netstack.New(netstack.Options{
		Device:  device,
		Network: localrun.ClusterOnly(cluster, o.Gateway),
		DNS:     localrun.ServerAddress(),
		Answer:  localrun.NewServer(cluster, o.Gateway, o.Domain, r.named(ctx)).Answer,
	})
	if err != nil {
		device.Close()
		return fmt.Errorf("start the network: %w", err)
	}
	defer stack.Close()
	if err := r.route(ctx); err != nil {
		return err
	}
	if err := o.Setup.Resolver(ctx, r.resolver()); err != nil {
		return err
	}
	ready(name)
	return r.follow(ctx, stack.Done())
}

// run is a running one.
type run struct {
	Options
	mu     sync.Mutex
	routes []netip.Prefix
	told   string // the last notice
}

// follow has the routes follow the cluster.
func (r *run) follow(ctx context.Context, device <-chan struct{}) error {
	for {
		changed := r.Cluster.Changed()
		r.routeSoon(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-r.Setup.Ended():
			return errHelper
		case <-device:
			return errors.New("the device has ended")
		case <-changed:
		}
		if delay.For(ctx, settle) != nil {
			return nil
		}
	}
}

// routeSoon is route where a failure costs some addresses alone.
func (r *run) routeSoon(ctx context.Context) {
	err := r.route(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	again := r.told == err.Error()
	r.told = err.Error()
	r.mu.Unlock()
	if !again {
		r.Notice("some addresses of the cluster can't be reached: " + err.Error())
	}
}

// route makes the routes those that the cluster has now.
func (r *run) route(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := Routes(r.Cluster.Table(), r.Local())
	if slices.Equal(all, r.routes) {
		return nil
	}
	if err := r.Setup.Routes(ctx, all); err != nil {
		return err
	}
	r.routes = all
	return nil
}

// Routes are the networks whose packets the device has: the cluster's, and that of its DNS server. Where this computer
// has a route to the same network, the cluster has its halves, which win.
func Routes(t *clusternet.Table, local []clusternet.Local) []netip.Prefix {
	all := clusternet.Single(localrun.ServerAddress())
	for _, p := range t.Routes() {
		same := func(l clusternet.Local) bool { return l.Network == p }
		if slices.ContainsFunc(local, same) && !p.IsSingleIP() {
			low, high := clusternet.Halves(p)
			all = append(all, low, high)
		} else {
			all = append(all, p)
		}
	}
	return all
}

// named are the names of which the user has said who knows them; the routes are there before a program has an address.
func (r *run) named(ctx context.Context) map[string]clusterdns.Named {
	all := map[string]clusterdns.Named{}
	for name, n := range r.Named {
		learn := n.Learn
		n.Learn = func(addresses ...netip.Addr) {
			learn(addresses...)
			r.routeSoon(ctx)
		}
		all[name] = n
	}
	return all
}

// resolver is who answers for which names.
func (r *run) resolver() netsetup.Resolver {
	domain := r.Domain
	resolver := netsetup.Resolver{
		Server: localrun.ServerAddress(),
		Search: []string{r.Namespace + ".svc." + domain, "svc." + domain, domain},
		File:   r.File,
	}
	for name, n := range r.Named {
		if n.Cluster {
			resolver.Names = append(resolver.Names, name)
		}
	}
	slices.Sort(resolver.Names)
	if r.File {
		for _, s := range clusterdns.ReadResolvConf(localrun.ResolvConf).Search {
			s = strings.ToLower(s)
			usable := len(validation.IsDNS1123Subdomain(s)) == 0
			if usable && !slices.Contains(resolver.Search, s) {
				resolver.Search = append(resolver.Search, s)
			}
		}
	}
	return resolver
}

// learning has the routes follow at once where an answer of the cluster's DNS names addresses.
type learning struct {
	Cluster
	learned func()
}

func (l learning) Learn(addresses ...netip.Addr) {
	l.Cluster.Learn(addresses...)
	l.learned()
}
