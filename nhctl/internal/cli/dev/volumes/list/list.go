// Package list is `nhctl dev volumes list`.
package list

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	return o.Target.Command(f, &cobra.Command{
		Use:   "list [WORKLOAD]",
		Short: "List the volumes that outlive dev mode, everyone's",
		Example: `  nhctl dev volumes list
  nhctl dev volumes list deploy/web -o json`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var volumes []rpc.Volume
	if err := f.Call(ctx, rpc.MethodVolumes, rpc.Volumes{Caller: f.Caller(), Workload: o.Target.Workload},
		&volumes); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(volumes)
	}
	rows := [][]string{{"WORKLOAD", "PATH", "CAPACITY", "DEVELOPER", "USED BY", "AGE", "CLAIM"}}
	for _, v := range volumes {
		developer, user := v.Developer, v.Pod
		if v.Mine {
			developer += " (you)"
		}
		if user == "" {
			user = "-"
		}
		rows = append(rows, []string{v.Workload, v.Path, v.Capacity, developer, user, ui.Age(v.Created), v.Name})
	}
	return ui.Table(f.Out(), rows...)
}
