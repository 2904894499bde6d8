// Package cp is `nhctl dev cp`.
package cp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/terminal"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/sidecar/carry"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// Options are the command's flags and arguments.
type Options struct {
	Target        factory.Target
	Local, Remote string
	Up            bool // to the container
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "cp LOCAL [WORKLOAD]:REMOTE | [WORKLOAD]:REMOTE LOCAL",
		Short: "Copy files and folders to the dev container, or from it",
		Long: `Copy a file or a folder to the dev container, or from it: as the target, or into the target where that is
a folder. A source that ends with /. means the folder's contents. Remote paths begin at the folder of the sources.

The command keeps modes and times, and skips files that are the same (by size and time). Called again after an
interruption, it goes on where it was. It copies links as links, but no link that leads out of the copied folder. A file
never replaces a folder, nor a folder a file. Files that git, editors and tools run by themselves (.git, .vscode, .envrc
and the like) come from the container only when you name them as the source.`,
		Example: `  nhctl dev cp testdata :/tmp/testdata
  nhctl dev cp deploy/web:/var/lib/app/dump.sql .`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.set(args[0], args[1]); err != nil {
				return err
			}
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFlags(cmd)
	return cmd
}

// set tells the local path from the remote one.
func (o *Options) set(from, to string) error {
	fromWorkload, fromPath, fromRemote := remote(from)
	toWorkload, toPath, toRemote := remote(to)
	if fromRemote == toRemote {
		return problem.New(problem.Usage, "copy %s to %s: exactly one of them is in the container", from, to).
			WithHint("write that with a colon, such as: nhctl dev cp data :/tmp/data")
	}
	o.Up, o.Target.Workload, o.Local, o.Remote = toRemote, toWorkload, from, toPath
	if fromRemote {
		o.Target.Workload, o.Local, o.Remote = fromWorkload, to, fromPath
	}
	if o.Remote == "" {
		o.Remote = "."
	}
	return nil
}

// remote splits [WORKLOAD]:PATH. A single letter before the colon is a drive of Windows.
func remote(text string) (workload, path string, ok bool) {
	workload, path, ok = strings.Cut(text, ":")
	return workload, path, ok && len(workload) != 1 && !strings.HasPrefix(workload, ".") &&
		!strings.HasPrefix(workload, "/")
}

// duplex is what the far end's program reads and writes.
type duplex struct {
	io.Reader
	io.Writer
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	far, near := "send", o.receive
	if o.Up {
		far, near = "receive", carry.Send
	}
	hear, theirOut := io.Pipe()
	theirIn, say := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := terminal.Pipe(ctx, f, o.Target.RPC(f), []string{contract.Binary, "carry", far, o.Remote},
			ui.Streams{In: theirIn, Out: theirOut, Err: io.Discard})
		theirOut.CloseWithError(errors.Join(io.EOF, err))
		theirIn.Close()
		ended <- err
	}()
	begun := event.Event{Type: event.Step, Step: &event.StepData{Name: "copy", State: event.StepStarted}}
	f.Printer().Event(begun)
	done, err := near(duplex{hear, say}, f.Absolute(o.Local)+contents(o.Local, o.Up), func(n, of int64) {
		f.Printer().Event(event.Event{Type: event.Step, Step: &event.StepData{Name: "copy", State: event.StepWaiting,
			Detail: fmt.Sprintf("%.1f of %.1f MB", float64(n)/1e6, float64(of)/1e6)}})
	})
	say.Close()
	hear.Close()
	if farErr := <-ended; err != nil {
		return explain(ctx, o, err, farErr)
	}
	for _, text := range done.Skipped {
		f.Printer().Event(event.Event{Type: event.Notice, Message: "left out: " + text})
	}
	return f.Printer().Result(done, func(w io.Writer) {
		fmt.Fprintf(w, "%d files copied (%.1f MB), %d were the same\n", done.Files, float64(done.Bytes)/1e6, done.Same)
	})
}

// receive takes from the container what was asked for, by its name, and nothing that would run here of itself.
func (o *Options) receive(stream io.ReadWriter, target string, progress carry.Progress) (carry.Done, error) {
	return carry.Receive(stream, target, carry.Terms{Name: carry.Name(o.Remote), LeaveOut: protected}, progress)
}

// protected says why a path of what comes is left out.
func protected(path string) string {
	if path == "." || (ignore.Protection{}).Of(path).Class == ignore.Free {
		return ""
	}
	return "it could run commands on this computer, so nhctl copies it from a container only when you name it"
}

// contents keeps the /. that making a path absolute loses.
func contents(path string, source bool) string {
	if source && (path == "." || strings.HasSuffix(path, "/.")) {
		return "/."
	}
	return ""
}

// explain prefers what the far end's program ended with, where that did not begin to talk at all.
func explain(ctx context.Context, o *Options, err, farErr error) error {
	var exit problem.Exit
	if p := (*problem.Error)(nil); errors.As(farErr, &p) && !errors.As(farErr, &exit) {
		return farErr
	}
	if ctx.Err() != nil {
		return problem.New(problem.Interrupted, "the copy was interrupted").
			WithHint("call the command again: it goes on where it was")
	}
	return problem.New(problem.Command, "copy %s: %w", o.Local, err)
}
