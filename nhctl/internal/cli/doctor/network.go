package doctor

import (
	"context"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/doctor"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/localroutes"
)

// newNetwork returns the command.
func newNetwork(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "network",
		Short: "Check what nhctl run and nhctl connect need of this computer's network",
		Long: `Check what nhctl run and nhctl connect need of this computer: namespaces, a TUN device, the resolver;
which VPNs there are, and which of this computer's networks the cluster has, too. It changes nothing.`,
		Example: `  nhctl doctor network
  nhctl doctor network -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return network(cmd.Context(), f) },
	}
}

func network(ctx context.Context, f *factory.Factory) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	local := localroutes.All()
	r := doctor.Report{Next: []doctor.Next{}}
	doctor.ExamineNetwork(ctx, doctor.Network{
		Enclosure: func(ctx context.Context) error { return enclosure.Check(ctx, program) },
		Device:    localroutes.CheckTUN,
		Local:     local,
		Servers:   localroutes.Servers(),
		Resolved:  localroutes.Resolved(),
		Changed:   journal.Any(journal.RootDir) || journal.Any(journal.Dir(dirs.State)),
		Cluster:   func(ctx context.Context) (*clusternet.Table, error) { return look(ctx, f, local) },
	}, func(x doctor.Finding) {
		r.Findings = append(r.Findings, x)
		if !f.JSON() {
			show(f.Out(), x)
		}
	})
	if f.JSON() {
		return f.Printer().Document(r)
	}
	return nil
}

// look is what the caller may see of the cluster's network.
func look(ctx context.Context, f *factory.Factory, local []clusternet.Local) (*clusternet.Table, error) {
	cluster, err := clusters.Client(f)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	source := clusternet.Watch(ctx, cluster, func() []netip.Prefix {
		var all []netip.Prefix
		for _, l := range local {
			all = append(all, l.Network)
		}
		return all
	})
	defer source.Wait()
	defer cancel()
	if err := source.Listed(ctx); err != nil {
		return nil, err
	}
	return source.Table(), nil
}
