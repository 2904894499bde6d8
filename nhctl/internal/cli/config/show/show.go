// Package show is `nhctl config show`.
package show

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Options are the command's flags and arguments.
type Options struct {
	Service, File, Profile string
	Origin                 bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "show [SERVICE]",
		Short: "Show the config that counts",
		Long: `Show the config that counts: with its variables and included files, with .dev/defaults.yaml below it, the
profile and .dev/local.yaml above it, and the defaults of fields that are not set. For a folder without a config it
shows the one that the team keeps in the cluster for the service. With --origin each value says which file and line it
came from.`,
		Example: `  nhctl config show
  nhctl config show web --profile staging --origin`,
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
	cmd.Flags().BoolVar(&o.Origin, "origin", false, "say where each value came from")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	ref, err := service(o)
	if err != nil {
		return err
	}
	file, err := clusters.Config(ctx, f, o.File, o.Profile, ref)
	if err != nil {
		return err
	}
	if err := file.Problem(); err != nil {
		return err
	}
	services := file.Services
	if o.Service != "" {
		s, err := file.Service(ref)
		if err != nil {
			return err
		}
		if s == nil {
			return problem.New(problem.NotFound, "%s describes no service %q", f.Relative(file.Path), o.Service)
		}
		services = []config.Service{*s}
	}
	if f.JSON() {
		return f.Printer().Document(services)
	}
	text, err := file.Effective(services, o.Origin)
	if err != nil {
		return fmt.Errorf("show the config: %w", err)
	}
	_, err = f.FileOut().Write(text)
	return err
}

// service is the one that is meant: a NAME is of any kind, and without a name it is all of them.
func service(o *Options) (ref workload.Ref, err error) {
	if o.Service == "" {
		return ref, nil
	}
	ref, err = workload.ParseRef(o.Service)
	if !strings.Contains(o.Service, "/") {
		ref.Kind = ""
	}
	return ref, err
}
