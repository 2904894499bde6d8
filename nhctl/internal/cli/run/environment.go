package run

import (
	"context"
	"fmt"
	"maps"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/gatewaylink"
	"github.com/nhctl/nhctl/nhctl/internal/podenv"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// own are the changes of the environment that the config and then the command line name.
func (o *Options) own() (own podenv.Changes, err error) {
	own.Set = maps.Clone(o.Env)
	for _, file := range o.EnvFiles {
		if err := own.AddFile(file); err != nil {
			return own, err
		}
	}
	return own, own.Drop(o.Unset...)
}

// changes are all: those of the workload's container, and then the command line's own.
func (o *Options) changes(
	ctx context.Context, link *gatewaylink.Link, own podenv.Changes,
) (podenv.Changes, error) {
	if o.Tunnel.Workload == "" {
		return own, nil
	}
	container, err := link.Environment(ctx)
	if err != nil {
		return own, fmt.Errorf("read the environment of %s: %w", o.Tunnel.Workload, err)
	}
	return podenv.Of(container).With(own), nil
}

// printEnv prints the changes of the environment, instead of running a command.
func printEnv(ctx context.Context, f *factory.Factory, o *Options) error {
	switch {
	case len(o.Argv) > 0:
		return problem.New(problem.Usage, "--print-env runs no command").WithHint("leave out one of the two")
	case o.Tunnel.Workload == "":
		return problem.New(problem.Usage, "--print-env prints the environment of a workload").
			WithHint("name it: --workload WORKLOAD")
	}
	if err := podenv.CheckFormat(o.PrintEnv); err != nil {
		return err
	}
	own, err := o.own()
	if err != nil {
		return err
	}
	link, err := way.Link(ctx, f, o.Tunnel)
	if err != nil {
		return err
	}
	defer link.Close()
	changes, err := o.changes(ctx, link, own)
	if err != nil {
		return err
	}
	out := f.Streams.Out // as it is, for whatever reads it
	if ui.IsTerminal(out) {
		out = escape.Writer(out)
	}
	return changes.Print(out, o.PrintEnv)
}
