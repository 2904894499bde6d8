// Package run is `nhctl run`.
package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/routes"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/clusterdns"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/gatewaylink"
	"github.com/nhctl/nhctl/nhctl/internal/localroutes"
	"github.com/nhctl/nhctl/nhctl/internal/localrun"
	"github.com/nhctl/nhctl/nhctl/internal/loopback"
	"github.com/nhctl/nhctl/nhctl/internal/podenv"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/process"
)

// self is this program's file, also where another build has replaced it.
const self = "/proc/self/exe"

// Options are the command's flags and arguments.
type Options struct {
	Tunnel factory.Tunnel
	Domain string
	// PrintEnv is the format in which the variables are printed, instead of running a command.
	PrintEnv        string
	EnvFiles, Unset []string
	// NoFiles are paths of a workload's files that are left out; allFiles means all.
	NoFiles []string
	// ToPod are ports of the command's localhost that lead to the gateway's pod.
	ToPod []uint
	// Method is how the command gets into the cluster's network.
	Method string
	// Enter is a process of another run, whose network and files the command gets.
	Enter int
	// Also and Never are the cluster's and this computer's networks, addresses and names, whatever the cluster says.
	Also, Never []string
	// Exchange, Mesh and Mirror are routes that last as long as the command.
	Exchange, Mesh, Mirror []string
	// Matches are the conditions of Mesh; without any, one is made up.
	Matches []rpc.Match
	// NoRoutes begins no route, whatever the config says.
	NoRoutes bool
	// Service is one of the config, whose local section says what the flags don't; Profile is laid over the config.
	Service, Profile string
	// Env are the config's variables. Dir is the command's folder.
	Env  map[string]string
	Dir  string
	Argv []string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "run [SERVICE] [--workload WORKLOAD] [-- COMMAND [ARG]...]",
		Short: "Run a command of this computer in the cluster's network, or as a workload of it",
		Long: `Run a command of this computer so that it reaches everything in the cluster by the names and
addresses that a pod of the namespace uses: Services, pods, ports, DNS. It needs no root and no change of the command:
nhctl gives the command a network of its own, on Linux. Everything else stays as it is: user, files, folder, terminal,
and the computer's own network and names. Ports that the command opens can be reached on 127.0.0.1, and those of this
computer can be reached by the command.

The first run in a namespace starts a small pod there, the gateway. It stays for the next ones until nhctl disconnect.
With --workload, it is a pod of that workload's template. The command has the environment of that workload's container,
over the computer's own, and its files of ConfigMaps, Secrets, projected and downward volumes at the same paths, as they
are in the pod at any moment.

Without a command it runs the service of the folder's config as its local section says: the command, its folder and
variables, as that workload, and with the routes that bring it the Service's traffic. With SERVICE and a command, the
command takes the place of the config's, and all else stays. Flags win over the config.

Where the system lets no one make namespaces, --method socks runs the command with the variables by which most programs
find a proxy, the one of nhctl connect --socks.

The exit code is the command's.`,
		Example: `  nhctl run -- python3 app.py
  nhctl run -n shop -- curl http://catalog/books
  nhctl run -- go test ./...
  nhctl run                                      # as the local section of .dev/config.yaml says
  nhctl run web -- npm run debug                 # the same, with another command
  nhctl run --exchange web:80:3000 -- npm start  # what reaches Service web comes to its port 3000
  nhctl run --workload web -- python3 app.py
  nhctl run --workload web --print-env docker > web.env
  nhctl run --method socks -- curl http://catalog/books
  nhctl run --enter 12345 -- dlv attach 12345`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.Service, o.Argv, err = split(args, cmd.ArgsLenAtDash()); err != nil {
				return err
			}
			if err := o.complete(f); err != nil {
				return err
			}
			if o.PrintEnv != "" {
				return printEnv(cmd.Context(), f, o)
			}
			if o.Enter != 0 {
				return enter(f, o)
			}
			if err := o.check(); err != nil {
				return err
			}
			if o.Method == socks {
				return bySocks(cmd.Context(), f, o)
			}
			return run(cmd.Context(), f, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Domain, "cluster-domain", localrun.Domain, "the cluster's DNS domain")
	flags.StringArrayVar(&o.Exchange, "exchange", nil,
		"also do as nhctl exchange with SERVICE[:PORT[:LOCAL]], until the command ends")
	flags.StringArrayVar(&o.Mesh, "mesh", nil, "the same as nhctl mesh, by a header that nhctl makes up and prints")
	flags.StringArrayVar(&o.Mirror, "mirror", nil, "the same as nhctl mirror, with copies of all requests")
	flags.StringSliceVar(&o.Also, "also-proxy", nil,
		"network, address or name that the cluster has, too: it is reached, and the name resolved, from there")
	flags.StringSliceVar(&o.Never, "never-proxy", nil,
		"network, address or name that this computer reaches by itself, whatever the cluster has")
	flags.BoolVar(&o.NoRoutes, "no-routes", false, "begin no route, whatever the config says")
	flags.StringVar(&o.Profile, "profile", "", "profile of the config to lay over it")
	o.Tunnel.AddFlags(cmd, f)
	flags.StringArrayVar(&o.EnvFiles, "env-file", nil,
		"file of NAME=VALUE lines with variables for the command, over all others; may be repeated")
	flags.StringArrayVar(&o.Unset, "unset", nil, "variable that the command goes without; may be repeated")
	flags.StringArrayVar(&o.NoFiles, "no-files", nil,
		"leave out the workload's files at and below this path, or all with none; may be repeated")
	flags.Lookup("no-files").NoOptDefVal = allFiles
	flags.UintSliceVar(&o.ToPod, "to-pod", nil,
		"port of the command's localhost that leads to the pod's own localhost; may be repeated")
	flags.IntVar(&o.Enter, "enter", 0,
		"have the command join the network and files of this process, which another nhctl run has started")
	flags.StringVar(&o.PrintEnv, "print-env", "",
		"print the workload's variables for other launchers instead of running a command: sh, docker or json")
	_ = cmd.RegisterFlagCompletionFunc("print-env",
		cobra.FixedCompletions(podenv.Formats(), cobra.ShellCompDirectiveNoFileComp))
	flags.StringVar(&o.Method, "method", namespaces,
		"namespaces: a network of the command's own; socks: variables by which programs find a proxy, where no "+
			"namespaces can be made")
	_ = cmd.RegisterFlagCompletionFunc("method",
		cobra.FixedCompletions([]string{namespaces, socks}, cobra.ShellCompDirectiveNoFileComp))
	others := []string{"method", "workload", "print-env", "no-files", "to-pod", "exchange", "mesh", "mirror"}
	for _, other := range others {
		cmd.MarkFlagsMutuallyExclusive("enter", other)
	}
	for _, other := range []string{"exchange", "mesh", "mirror"} {
		cmd.MarkFlagsMutuallyExclusive("no-routes", other)
	}
	return cmd
}

// enter runs a command where one of another run is.
func enter(f *factory.Factory, o *Options) error {
	own, err := o.own()
	if err != nil {
		return err
	}
	return enclosure.Enter(o.Enter, o.Dir, own.Apply(f.Environ), o.Argv)
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	leave, err := begin(ctx, f, o)
	var status enclosure.Status
	if err == nil {
		status, err = inCluster(ctx, f, o)
	}
	if err := errors.Join(err, leave()); err != nil {
		return err
	}
	enclosure.EndBy(status)
	if status.Code == 0 {
		return nil
	}
	return problem.Exit(status.Code)
}

// leaveLimit limits the end of the command's routes.
const leaveLimit = 2 * time.Minute

// begin begins the routes that last as long as the command, and returns what ends them: those that were there before
// stay.
func begin(ctx context.Context, f *factory.Factory, o *Options) (leave func() error, err error) {
	var began []rpc.Session
	process := rpc.Process(process.Self())
	leave = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
		defer cancel()
		var failed []error
		for _, s := range began {
			if !s.Reattached {
				failed = append(failed, f.Call(ctx, rpc.MethodLeave, rpc.Leave{Caller: f.Caller(), Session: s.ID}, nil))
			}
		}
		return errors.Join(failed...)
	}
	for _, kind := range []struct {
		mesh, mirror bool
		args         []string
		matches      []rpc.Match
	}{{args: o.Exchange}, {mesh: true, args: o.Mesh, matches: o.Matches}, {mirror: true, args: o.Mirror}} {
		wanted, err := routes.Parse(kind.args)
		if err != nil {
			return leave, err
		}
		all, err := routes.Begin(ctx, f, rpc.BeginRoute{
			Caller:       f.Caller(),
			Mesh:         kind.mesh,
			Mirror:       kind.mirror,
			Matches:      kind.matches,
			Hold:         routes.Hold,
			Process:      &process,
			SidecarImage: o.Tunnel.SidecarImage,
			Timeout:      o.Tunnel.Timeout,
		}, wanted)
		began = append(began, all...)
		if err != nil {
			return leave, err
		}
	}
	for _, s := range began {
		routes.Describe(f.Err(), s)
	}
	return leave, nil
}

// inCluster runs the command, and returns how it has ended. Nothing of it is left then.
func inCluster(ctx context.Context, f *factory.Factory, o *Options) (enclosure.Status, error) {
	var none enclosure.Status
	if err := enclosure.Supported(); err != nil {
		return none, err
	}
	own, err := o.own()
	if err != nil {
		return none, err
	}
	toPod, err := o.toPod()
	if err != nil {
		return none, err
	}
	also, err := clusternet.ParseWords("--also-proxy", o.Also)
	if err != nil {
		return none, err
	}
	never, err := clusternet.ParseWords("--never-proxy", o.Never)
	if err != nil {
		return none, err
	}
	cluster, err := clusters.Client(f)
	if err != nil {
		return none, err
	}
	var changes podenv.Changes
	var made *enclosure.Enclosure
	w, err := way.Open(ctx, f, way.Options{
		Tunnel: o.Tunnel,
		Domain: o.Domain,
		Also: func(ctx context.Context) (err error) {
			made, err = localrun.Prepare(ctx, enclosure.Options{
				Program: self,
				Argv:    o.Argv,
				Env:     f.Environ,
				Dir:     o.Dir,
			}, cluster.Namespace, o.Domain)
			return err
		},
		Linked: func(ctx context.Context, link *gatewaylink.Link) (err error) {
			changes, err = o.changes(ctx, link, own)
			return err
		},
	})
	if err == nil {
		defer w.Close()
	}
	if made != nil {
		defer made.Close()
	}
	if err != nil {
		return none, err
	}
	source := w.Source
	source.Rule(true, also.Networks...)
	source.Rule(false, never.Networks...)
	if both := source.Table().Collisions(localroutes.List()); len(both) > 0 {
		fmt.Fprintf(f.Err(), "networks of this computer and of the cluster overlap: %s\n-> %s\n",
			localroutes.Describe(both), localroutes.Remedy(both))
	}
	return localrun.Run(ctx, localrun.Options{
		Enclosure: made,
		Env:       changes.Apply(f.Environ),
		Domain:    o.Domain,
		Cluster:   source,
		Gateway:   w.Link,
		Files:     files(f, o, w.Link),
		ToPod:     toPod,
		Named:     clusterdns.NamedBy(also.Names, never.Names, source.Rule),
		Notice:    func(n loopback.Notice) { notice(f, n) },
	})
}

// toPod checks the ports that lead to the pod.
func (o *Options) toPod() (ports []uint16, err error) {
	for _, p := range o.ToPod {
		if p < 1 || p > 65535 {
			return nil, problem.New(problem.Usage, "--to-pod %d: want a port from 1 to 65535", p)
		}
		ports = append(ports, uint16(p))
	}
	return ports, nil
}

// notice tells of a port that the command has opened.
func notice(f *factory.Factory, n loopback.Notice) {
	if n.Err != nil {
		fmt.Fprintf(f.Err(), "port %d of the command is not offered on this computer: %v\n", n.Port, n.Err)
	}
}
