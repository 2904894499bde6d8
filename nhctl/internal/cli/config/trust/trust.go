// Package trust is `nhctl config trust`.
package trust

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Options are the command's flags and arguments.
type Options struct {
	Service, File, Profile string
	Yes                    bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "trust [SERVICE]",
		Short: "Show what the config asks of this computer, and allow it",
		Long: `Show what the config asks of this computer beyond ordinary work in a pod, and allow it: local ports of
its choice, files that git ignores, files and folders outside of the repository, variables that look like credentials,
commands on this computer, and patches of the dev pod. nhctl asks once for each content: again when
one of these changes, and not for any other change. Without SERVICE it asks for all services of the config.`,
		Example: `  nhctl config trust
  nhctl config trust web --profile staging --yes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Service = args[0]
			}
			return run(cmd.Context(), f, o)
		},
	}
	cmd.Flags().StringVarP(&o.File, "file", "f", "", "config file (default: that of this folder or of one above it)")
	cmd.Flags().StringVar(&o.Profile, "profile", "", "profile to lay over the config")
	cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "allow it without asking")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	requests, err := requested(ctx, f, o)
	if err != nil {
		return err
	}
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	known := trust.Store{Dir: dirs.Trust()}
	var open []trust.Request
	for _, r := range requests {
		trusted, err := known.Trusted(r)
		if err != nil {
			return fmt.Errorf("look up whether the config is trusted: %w", err)
		}
		if !trusted {
			open = append(open, r)
		}
	}
	if len(open) > 0 && !o.Yes && (f.JSON() || f.Ask(trust.Question(open...)) != problem.Yes) {
		return trust.Asking(problem.New(problem.Untrusted, "not trusted: %s", text(open)).
			WithHint("answer yes at a terminal, or where you have looked at it: nhctl config trust --yes"), open...)
	}
	for _, r := range open {
		if err := known.Trust(r); err != nil {
			return fmt.Errorf("remember that the config is trusted: %w", err)
		}
	}
	return f.Printer().Result(requests, func(w io.Writer) {
		if len(requests) == 0 {
			fmt.Fprintln(w, "the config asks nothing of this computer that needs trust")
			return
		}
		fmt.Fprintln(w, "trusted: "+text(requests))
	})
}

// requested are what the services that are meant ask for; those that ask for nothing are left out.
func requested(ctx context.Context, f *factory.Factory, o *Options) ([]trust.Request, error) {
	var ref workload.Ref
	if o.Service != "" {
		var err error
		if ref, err = workload.ParseRef(o.Service); err != nil {
			return nil, err
		}
		if !strings.Contains(o.Service, "/") {
			ref.Kind = "" // of any
		}
	}
	file, err := clusters.Config(ctx, f, o.File, o.Profile, ref)
	if err != nil {
		return nil, err
	}
	if err := file.Problem(); err != nil {
		return nil, err
	}
	services := file.Services
	if o.Service != "" {
		s, err := file.Service(ref)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return nil, problem.New(problem.NotFound, "%s describes no service %q", f.Relative(file.Path), o.Service)
		}
		services = []config.Service{*s}
	}
	requests := []trust.Request{}
	for i := range services {
		if r := trust.Of(file, &services[i]); !r.Empty() {
			requests = append(requests, r)
		}
	}
	return requests, nil
}

func text(requests []trust.Request) string {
	var all []string
	for _, r := range requests {
		all = append(all, r.Text())
	}
	return strings.Join(all, "\n")
}
