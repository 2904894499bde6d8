// Package route has `nhctl exchange`, `nhctl mesh`, `nhctl mirror` and `nhctl preview`.
package route

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/routes"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/route"
)

// Options are the flags of the commands.
type Options struct {
	Strict, All   bool
	TakeOver      bool
	Raw, Proxy    bool
	Hold, Timeout time.Duration
	AbandonAfter  time.Duration
	SidecarImage  string
	AgentLabels   []string
}

// register adds the flags that all commands have.
func (o *Options) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&o.All, "all", false, "take the requests of known health checkers, too")
	flags.BoolVar(&o.Proxy, "proxy-protocol", false,
		"begin connections to your process with the PROXY protocol, version 2, which has the client's address")
	flags.DurationVar(&o.Hold, "hold", routes.Hold, "how long a request waits for your process while it restarts")
	flags.StringVar(&o.SidecarImage, "sidecar-image", "",
		"image of the sidecar, which the front runs (default: $NHCTL_SIDECAR_IMAGE, or this nhctl's)")
	flags.StringArrayVar(&o.AgentLabels, "agent-label", nil,
		"a label of the front's pods, as KEY=VALUE, which a NetworkPolicy selects by")
	flags.DurationVar(&o.AbandonAfter, "abandon-after", record.DefaultAbandonAfter,
		"how long a new front is without any computer before it restores the Service, where it may")
	flags.DurationVar(&o.Timeout, "timeout", 2*time.Minute, "limit of the whole start")
}

// registerClaim adds those of routes whose requests your process answers.
func (o *Options) registerClaim(cmd *cobra.Command) {
	o.register(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.Strict, "strict", false,
		"refuse what your process can't take, instead of letting the originals answer")
	flags.BoolVar(&o.TakeOver, "take-over", false, "end the routes of others that claim the same traffic")
}

// registerRaw adds that of routes that need not look at requests.
func (o *Options) registerRaw(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.Raw, "raw", false, "take whole connections as they are, also those of HTTP")
}

// conditions are the flags that say which requests are meant.
type conditions struct {
	headers, baggage []string
	path, method     string
}

func (c *conditions) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&c.headers, "header", nil, "a header that requests have, as NAME=VALUE")
	flags.StringVar(&c.path, "path", "", "the path that requests have, without its query")
	flags.StringVar(&c.method, "method", "", "the method that requests have")
	flags.StringArrayVar(&c.baggage, "baggage", nil, "an entry of W3C baggage that requests have, as NAME=VALUE")
}

func (c *conditions) matches() (all []rpc.Match, err error) {
	for _, group := range []struct {
		of     string
		values []string
	}{{"header", c.headers}, {"baggage", c.baggage}} {
		for _, value := range group.values {
			m, err := route.ParseNamed(group.of, value)
			if err != nil {
				return nil, problem.New(problem.Usage, "--%w", err)
			}
			all = append(all, rpc.Match(m))
		}
	}
	if c.path != "" {
		all = append(all, rpc.Match{Of: "path", Value: c.path})
	}
	if c.method != "" {
		all = append(all, rpc.Match{Of: "method", Value: c.method})
	}
	return all, nil
}

// where is what the commands say of their arguments.
const where = `PORT is a port of the Service, by its number or name; without one, it is about all ports. LOCAL is where
the traffic goes on this computer: a port, HOST:PORT, or unix:PATH; by default the number of the pods' port.`

// orDev is that of routes that may lead to a duplicate.
const orDev = where + ` With
dev as LOCAL it goes to your own duplicate in the cluster, of nhctl dev start --mode duplicate.`

// Exchange returns nhctl exchange.
func Exchange(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "exchange SERVICE[:PORT[:LOCAL]]...",
		Short: "Have a Service's new connections come to a process of this computer",
		Long: `Lead what reaches a Service of the cluster to a process of this computer, whoever its client is. No
pod is touched: the Service's selector leads to a small pod, the front, until nhctl leave. Where your process or this
computer is away, the originals answer, and the answer says so in the header X-Nhctl-Route.

` + orDev,
		Example: `  nhctl exchange web             # all ports, to the same port numbers that the pods have
  nhctl exchange web:80:3000
  nhctl exchange web:http:3000 api:8080:unix:/tmp/api.sock`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, o, args, rpc.BeginRoute{})
		},
	}
	o.registerClaim(cmd)
	o.registerRaw(cmd)
	return cmd
}

// Mesh returns nhctl mesh.
func Mesh(f *factory.Factory) *cobra.Command {
	o, c := &Options{}, &conditions{}
	cmd := &cobra.Command{
		Use:   "mesh SERVICE[:PORT[:LOCAL]]...",
		Short: "Have those of a Service's requests that match come to a process of this computer",
		Long: `Lead requests of HTTP that match to a process of this computer; all others go to the originals. Several
conditions all have to match. A value is exact, the beginning of one after a ^, or a regular expression after a ~.
Without a condition, one is made up that is your own, and nhctl prints how to send it: as a header, or as an entry of
W3C baggage, which traced services pass on.

` + orDev,
		Example: `  nhctl mesh web:80:3000
  nhctl mesh web:80:3000 --header x-user=ada --path '^/books'
  nhctl mesh web:80:dev --header x-user=ada  # to your duplicate in the cluster
  nhctl mesh web --baggage 'tenant=~^test-'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			matches, err := c.matches()
			if err != nil {
				return err
			}
			return run(cmd.Context(), f, o, args, rpc.BeginRoute{Mesh: true, Matches: matches})
		},
	}
	c.register(cmd)
	o.registerClaim(cmd)
	return cmd
}

// Mirror returns nhctl mirror.
func Mirror(f *factory.Factory) *cobra.Command {
	o, c := &Options{}, &conditions{}
	cmd := &cobra.Command{
		Use:   "mirror SERVICE[:PORT[:LOCAL]]...",
		Short: "Have copies of a Service's requests come to a process of this computer",
		Long: `Have copies of a Service's requests come to a process of this computer, whose answers no client sees. The
originals answer as always, and are never slowed: where your process does not keep up, copies are dropped, and nhctl
status counts them. Copies have the header X-Nhctl-Route: ID; mirrored. Conditions are those of nhctl mesh; without any,
all requests are copied, and of other protocols than HTTP all that clients say. Requests that upgrade their connection,
as WebSocket's do, are not copied.

` + where,
		Example: `  nhctl mirror web:80:3000
  nhctl mirror web:80:3000 --path '^/books' --method GET`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			matches, err := c.matches()
			if err != nil {
				return err
			}
			return run(cmd.Context(), f, o, args, rpc.BeginRoute{Mirror: true, Matches: matches})
		},
	}
	c.register(cmd)
	o.register(cmd)
	return cmd
}

// Preview returns nhctl preview.
func Preview(f *factory.Factory) *cobra.Command {
	o := &Options{}
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "preview NAME PORT[:LOCAL]...",
		Short: "Offer a process of this computer in the cluster, as a new Service",
		Long: `Make a Service whose traffic comes to a process of this computer. It goes with nhctl leave, or after its
lifetime, which the same command begins again. LOCAL is where the traffic goes: a port, HOST:PORT, or unix:PATH; by
default the same port.`,
		Example: `  nhctl preview web-ada 80:3000
  nhctl preview web-ada 80:3000 --lifetime 30m
  nhctl leave web-ada`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			named := []string{}
			for _, port := range args[1:] {
				named = append(named, args[0]+":"+port)
			}
			return run(cmd.Context(), f, o, named, rpc.BeginRoute{Preview: true, Lifetime: lifetime})
		},
	}
	cmd.Flags().DurationVar(&lifetime, "lifetime", 8*time.Hour, "how long the Service lasts; 0 means until nhctl leave")
	o.registerClaim(cmd)
	o.registerRaw(cmd)
	return cmd
}

// run begins a route for each Service that is named.
func run(ctx context.Context, f *factory.Factory, o *Options, args []string, p rpc.BeginRoute) error {
	wanted, err := routes.Parse(args)
	if err != nil {
		return err
	}
	p.Caller, p.Strict, p.AllRequests, p.Hold = f.Caller(), o.Strict, o.All, o.Hold
	p.SidecarImage, p.Timeout, p.TakeOver = o.SidecarImage, o.Timeout, o.TakeOver
	p.AgentLabels, p.Raw, p.ProxyProtocol, p.AbandonAfter = o.AgentLabels, o.Raw, o.Proxy, o.AbandonAfter
	all, err := routes.Begin(ctx, f, p, wanted)
	if err != nil {
		return err
	}
	return f.Printer().Result(all, func(w io.Writer) {
		for _, s := range all {
			routes.Describe(w, s)
			fmt.Fprintln(w, "how it is:      nhctl status")
			fmt.Fprintf(w, "end it:         nhctl leave %s\n", s.Route.Service)
		}
	})
}
