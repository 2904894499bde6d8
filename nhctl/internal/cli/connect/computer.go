package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/clusterdns"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/computer"
	"github.com/nhctl/nhctl/nhctl/internal/localroutes"
	"github.com/nhctl/nhctl/nhctl/internal/localrun"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// whole puts the cluster's network under all programs of this computer, until the user or the tunnel ends it.
func whole(ctx context.Context, f *factory.Factory, o *Options) error {
	also, err := clusternet.ParseWords("--also-proxy", o.Also)
	if err != nil {
		return err
	}
	never, err := clusternet.ParseWords("--never-proxy", o.Never)
	if err != nil {
		return err
	}
	servers, err := clusters.Servers(f)
	if err != nil {
		return err
	}
	around, err := excluded(ctx, servers)
	if err != nil {
		return err
	}
	if !o.ResolvConf && !localroutes.Resolved() {
		return problem.New(problem.Refused, "no resolver of this computer takes orders for the cluster's names alone: "+
			"systemd-resolved does not run, or %s does not name it", localrun.ResolvConf).
			WithHint("nhctl connect --resolv-conf rewrites the file, until it ends; or use nhctl connect --hosts")
	}
	w, err := way.Open(ctx, f, o.way())
	if err != nil {
		return err
	}
	defer w.Close()
	w.Source.Rule(true, also.Networks...)
	w.Source.Rule(false, never.Networks...)
	w.Source.Rule(false, around...)
	if both := w.Source.Table().Collisions(localroutes.All()); len(both) > 0 {
		return problem.New(problem.Refused, "networks of this computer and of the cluster overlap: %s",
			localroutes.Describe(both)).WithHint("%s", localroutes.Remedy(both))
	}
	return serve(ctx, f, o, w, computer.Options{
		Namespace: w.Namespace,
		Domain:    o.Domain,
		Cluster:   w.Source,
		Gateway:   w.Link,
		Named:     clusterdns.NamedBy(also.Names, never.Names, w.Source.Rule),
		Local:     localroutes.List,
		File:      o.ResolvConf,
		Notice:    func(text string) { fmt.Fprintln(f.Err(), text) },
	})
}

// serve starts the helper, once nothing is in the way, and serves the computer.
func serve(ctx context.Context, f *factory.Factory, o *Options, w *way.Way, c computer.Options) error {
	h, err := helper(ctx, f, "a device for the cluster's network")
	if err != nil {
		return err
	}
	c.Setup = h
	ctx, stop := serving(ctx, w)
	defer stop()
	restored := make(chan error, 1)
	// Names are restored while the device is still there, so that no program waits for a server that is gone.
	closing := context.AfterFunc(ctx, func() { restored <- h.Close() })
	err = computer.Run(context.WithoutCancel(ctx), c, func(device string) {
		fmt.Fprintf(f.Err(), "this computer is in the cluster's network by %s (namespace %s), until Ctrl-C or "+
			"nhctl disconnect\n", device, w.Namespace)
	})
	if closing() { // the helper or the device has ended first
		return errors.Join(err, h.Close())
	}
	return <-restored
}
