// Package act has the commands that steer sync: `nhctl dev sync pause`, resume, override, reset and accept.
package act

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
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
	// ask is asked before anything happens; empty asks nothing.
	ask  string
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
	return command(f, kind{action: rpc.SyncOverride, short: "Make this computer's files count wherever the two sides differ",
		long: `Make this computer's files count wherever the two sides differ: what the container has of its own is replaced or deleted there.
Versions of what is lost are kept (nhctl dev sync restore).`,
		ask: "Replace and delete in the container whatever differs from this computer?",
		done: func(d rpc.SyncDone) string {
			return fmt.Sprintf("the container is as this computer; %d files differed", d.Files)
		}})
}

// Reset returns `nhctl dev sync reset`.
func Reset(f *factory.Factory) *cobra.Command {
	return command(f, kind{action: rpc.SyncReset, short: "Forget the index of both sides, and compare them anew",
		long: `Forget the index of both sides, and compare them anew, as at the first start: where a file differs, this computer's wins, and the
container's is kept as a version (the other way round where sync only receives). Nothing is deleted.`,
		done: func(rpc.SyncDone) string { return "the index is new; both sides are the same" }})
}

// Accept returns `nhctl dev sync accept`.
func Accept(f *factory.Factory) *cobra.Command {
	return command(f, kind{action: rpc.SyncAccept, short: "Let a mass deletion that sync stopped for happen on the other side too",
		long: `Sync stops when over a quarter of the files, and over 20, are deleted at once. This lets that one deletion happen on the other side
too. To bring the files back instead: nhctl dev sync restore.`,
		ask: "Delete the files on the other side too?",
		done: func(d rpc.SyncDone) string {
			if d.Files == 0 {
				return "no deletion waits"
			}
			return fmt.Sprintf("%d files are deleted on both sides", d.Files)
		}})
}

func command(f *factory.Factory, k kind) *cobra.Command {
	o := &Options{}
	cmd := o.Target.Command(f, &cobra.Command{
		Use: string(k.action) + " [WORKLOAD]", Short: k.short, Long: k.long, Example: "  nhctl dev sync " + string(k.action),
	}, func(ctx context.Context) error { return run(ctx, f, o, k) })
	o.Target.AddFolderFlags(cmd)
	if k.ask != "" {
		cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "don't ask")
	}
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options, k kind) error {
	if k.ask != "" && !o.Yes {
		if err := agree(f, k.ask); err != nil {
			return err
		}
	}
	var done rpc.SyncDone
	if err := f.Call(ctx, rpc.MethodSyncDo, rpc.SyncDo{Target: o.Target.RPC(f), Action: k.action}, &done); err != nil {
		return err
	}
	return f.Printer().Result(done, func(w io.Writer) { fmt.Fprintln(w, k.done(done)) })
}

// agree asks, where there is somebody to ask.
func agree(f *factory.Factory, question string) error {
	if !ui.IsTerminal(f.Streams.In) {
		return problem.New(problem.Refused, "this needs a yes, and there is no terminal to ask").WithHint("agree with --yes")
	}
	fmt.Fprintf(f.Err(), "%s [y/N] ", question)
	answer, err := bufio.NewReader(f.Streams.In).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
		return problem.New(problem.Interrupted, "nothing was done")
	}
	return nil
}
