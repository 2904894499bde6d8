// Package connect is `nhctl connect`.
package connect

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/localrun"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Options are the command's flags.
type Options struct {
	Tunnel              factory.Tunnel
	Socks, Env, Hosts   bool
	Port                int
	Namespaces          []string
	Selector, HostsFile string
	ResolvConf          bool
	Also, Never         []string
	Domain              string
}

// way is the way of a command that carries connections itself.
func (o *Options) way() way.Options {
	return way.Options{Tunnel: o.Tunnel, Namespaces: o.Namespaces, Domain: o.Domain}
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "connect",
		Short: "Let programs of this computer reach what a pod of the namespace reaches",
		Long: `Start a small pod in the namespace, the gateway, through which programs of this computer reach the
cluster.

Without --socks or --hosts, all programs of this computer are in the cluster's network, until Ctrl-C or nhctl
disconnect: a device has the packets of the cluster's addresses, and the cluster's names are answered. That needs Linux,
and root for the device, routes and names alone: sudo starts a helper that does nothing else. nhctl tells
systemd-resolved of the cluster's names; without that, --resolv-conf rewrites /etc/resolv.conf.

With --socks, they use a proxy on this computer: SOCKS5 and HTTP on one port of 127.0.0.1. They reach Services by their
names, pods, and whatever else a pod of the namespace reaches. It needs no root, and changes nothing of this computer's
network. It lasts until nhctl disconnect, over lost connections and pods.

With --hosts, each Service has an address of its own on this computer's loopback with its real ports, and so has each
pod of a headless one. Their names are in the hosts file, as they come and go, until Ctrl-C or nhctl disconnect. Writing
the hosts file needs root, for which sudo starts a helper, unless --hosts-file names another one.

With --workload the gateway is a pod of that workload's template: connections are made from that workload's node, with
its identity to the network. There is one tunnel for each workload, and one without.

Without this computer, the gateway ends by itself after 10 minutes.`,
		Example: `  nhctl connect
  nhctl connect --also-proxy db.example.com --never-proxy 10.96.8.0/24
  nhctl connect --socks
  eval "$(nhctl connect --env)" && curl http://catalog/books
  nhctl connect --socks -n shop --port 1090
  nhctl connect --socks --workload web
  nhctl connect --hosts -n shop -n billing -l tier=backend`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(o.Namespaces) > 0 {
				f.Namespace = o.Namespaces[0]
			}
			return run(cmd.Context(), f, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.Socks, "socks", false, "serve a proxy for SOCKS5 and HTTP")
	flags.BoolVar(&o.Env, "env", false,
		"do so, and print variables for a shell: programs that it starts then use the proxy")
	flags.BoolVar(&o.Hosts, "hosts", false, "serve each Service on an address of loopback, by the hosts file")
	// In place of the global flag, which names one.
	flags.StringSliceVarP(&o.Namespaces, "namespace", "n", nil,
		"namespace (default: the context's); with --hosts also several, of which the first has short names")
	flags.StringVarP(&o.Selector, "selector", "l", "", "with --hosts: only Services with these labels")
	flags.StringVar(&o.HostsFile, "hosts-file", "", "with --hosts: another file than the system's")
	flags.StringVar(&o.Domain, "cluster-domain", localrun.Domain, "the cluster's DNS domain; not for --socks")
	flags.StringSliceVar(&o.Also, "also-proxy", nil,
		"for the whole computer: network, address or name that is reached, and resolved, from the cluster, too")
	flags.StringSliceVar(&o.Never, "never-proxy", nil,
		"for the whole computer: network, address or name that it reaches by itself, whatever the cluster has")
	flags.BoolVar(&o.ResolvConf, "resolv-conf", false,
		"for the whole computer: rewrite /etc/resolv.conf, for computers without systemd-resolved")
	flags.IntVar(&o.Port, "port", 0, "the proxy's port on 127.0.0.1 (default: 1080, or any free one)")
	o.Tunnel.AddFlags(cmd, f)
	_ = cmd.RegisterFlagCompletionFunc("namespace", clusters.CompleteNamespaces(f))
	return cmd
}

// check says which flags make no sense together.
func (o *Options) check() error {
	proxy := o.Socks || o.Env
	switch {
	case proxy && o.Hosts:
		return problem.New(problem.Usage, "--hosts, --socks and --env are two ways").
			WithHint("nhctl connect --socks and nhctl connect --hosts can run at the same time")
	case (proxy || o.Hosts) && len(o.Also)+len(o.Never) > 0, (proxy || o.Hosts) && o.ResolvConf:
		return problem.New(problem.Usage, "--also-proxy, --never-proxy and --resolv-conf are for the whole computer").
			WithHint("leave them out, or --socks and --hosts")
	case !o.Hosts && (o.Selector != "" || o.HostsFile != ""):
		return problem.New(problem.Usage, "-l and --hosts-file are about the hosts file").
			WithHint("add --hosts, or leave them out")
	case !o.Hosts && len(o.Namespaces) > 1:
		return problem.New(problem.Usage, "a tunnel leads into one namespace: %s", o.Namespaces[0]).
			WithHint("from there, programs reach those of others by name: catalog.%s", o.Namespaces[1])
	}
	return nil
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if err := o.check(); err != nil {
		return err
	}
	switch {
	case o.Hosts:
		return hosts(ctx, f, o)
	case !o.Socks && !o.Env:
		return whole(ctx, f, o)
	}
	var s rpc.Session
	p := o.Tunnel.Connect(f)
	p.Port = o.Port
	if err := f.Call(ctx, rpc.MethodConnect, p, &s); err != nil {
		return err
	}
	if s.Tunnel == nil {
		return problem.New(problem.Internal, "the daemon tells nothing of the tunnel")
	}
	if o.Env {
		servers, err := clusters.Servers(f)
		if err != nil {
			return err
		}
		all := way.Proxied(s.Tunnel.Port, f.Env(), servers)
		return f.Printer().Result(all, func(w io.Writer) { export(w, all) })
	}
	return f.Printer().Result(s, func(w io.Writer) { describe(w, s) })
}

func describe(w io.Writer, s rpc.Session) {
	how := "connected"
	if s.Reattached {
		how = "already connected"
	}
	fmt.Fprintf(w, "%s: SOCKS5 and HTTP proxy on 127.0.0.1:%d (namespace %s)\n", how, s.Tunnel.Port, s.Namespace)
	fmt.Fprintln(w, `use it in a shell:  eval "$(nhctl connect --env)"`)
	fmt.Fprintln(w, "end it:             nhctl disconnect")
}

// export prints variables as a shell reads them.
func export(w io.Writer, all map[string]string) {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "export %s='%s'\n", name, strings.ReplaceAll(all[name], "'", `'\''`))
	}
}
