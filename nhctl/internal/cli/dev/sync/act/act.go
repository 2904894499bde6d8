// Package act has the commands that steer sync: `nhctl dev sync pause`, resume, override, reset and accept.
package act

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Options are a command's flags and arguments.
type Options struct {
	Target factory.Target
	Yes    bool
}

// kind is what one of the commands says and does.
type kind struct {
	action      rpc.SyncAction
	short, long string
	// asks says that the daemon asks before anything happens.
	asks bool
	done func(rpc.SyncDone) string
}

// Pause returns `nhctl dev sync pause`.
func Pause(f *factory.Factory) *cobra.Command {
	return command(f, kind{action: rpc.SyncPause, short: "Stop sync for a while; edits of both sides wait",
		done: func(rpc.SyncDone) string { return "sync is paused; go on with nhctl dev sync resume" }})
}

// Resume returns `nhctl dev sync resume`.
func Resume(f *factory.Factory) *cobra.Command {
	return command(f, kind{action: rpc.SyncResume, short: "Go on with sync after a pause",
		done: func(rpc.SyncDone) string { return "sync goes on" }})
}

// Override returns `nhctl dev sync override`.
func Override(f *factory.Factory) *cobra.Command {
	return command(f, kind{
		action: rpc.SyncOverride,
		short:  "Make this computer's files count wherever the two sides differ",
		long: `Make this computer's files count wherever the two sides differ: nhctl replaces or deletes
the container's own files, and keeps versions of them (nhctl dev sync restore).`,
		asks: true,
		done: func(d rpc.SyncDone) string {
			return fmt.Sprintf("the container is as this computer; %d files differed", d.Files)
		},
	})
}

// Reset returns `nhctl dev sync reset`.
func Reset(f *factory.Factory) *cobra.Command {
	return command(f, kind{action: rpc.SyncReset, short: "Forget the index of both sides, and compare them again",
		long: `Forget the index of both sides, and compare them again, as at the first start: where a file differs, this
computer's wins, and the container's is kept as a version (the other way round where sync only receives). Nothing is
deleted.`,
		done: func(rpc.SyncDone) string { return "the index is new; both sides are the same" }})
}

// Accept returns `nhctl dev sync accept`.
func Accept(f *factory.Factory) *cobra.Command {
	return command(f, kind{
		action: rpc.SyncAccept,
		short:  "Let a mass deletion that sync stopped for happen on the other side too",
		long: `Sync stops when over a quarter of the files, and over 20, are deleted at once. This lets that one
deletion happen on the other side too. To bring the files back instead: nhctl dev sync restore.`,
		asks: true,
		done: func(d rpc.SyncDone) string {
			if d.Files == 0 {
				return "no deletion waits"
			}
			return fmt.Sprintf("%d files are deleted on both sides", d.Files)
		},
	})
}

func command(f *factory.Factory, k kind) *cobra.Command {
	o := &Options{}
	cmd := o.Target.Command(f, &cobra.Command{
		Use:     string(k.action) + " [WORKLOAD]",
		Short:   k.short,
		Long:    k.long,
		Example: "  nhctl dev sync " + string(k.action),
	}, func(ctx context.Context) error { return run(ctx, f, o, k) })
	o.Target.AddFolderFlags(cmd)
	if k.asks {
		cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "don't ask")
	}
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options, k kind) error {
	var done rpc.SyncDone
	p := rpc.SyncDo{Target: o.Target.RPC(f), Action: k.action, Yes: o.Yes}
	if err := f.Call(ctx, rpc.MethodSyncDo, p, &done); err != nil {
		return err
	}
	return f.Printer().Result(done, func(w io.Writer) { fmt.Fprintln(w, k.done(done)) })
}
