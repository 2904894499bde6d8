// Package uninstall is `nhctl uninstall`.
package uninstall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Options are the command's flags and arguments.
type Options struct {
	Purge, Yes bool
	Timeout    time.Duration
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "List what nhctl has on this computer and in clusters, and with --purge remove it",
		Long: `List this computer's sessions in all clusters, nhctl's own folder, and the debuggers that it has made for
containers. With --purge, end the sessions, stop the daemon and remove all that. If a session can't be ended, nothing is
removed. Files that sync has kept because it would have lost them stay where they are; so does the program itself.`,
		Example: `  nhctl uninstall          # what there is
  nhctl uninstall --purge  # end it and remove it, after a question`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, o) },
	}
	cmd.Flags().BoolVar(&o.Purge, "purge", false, "end the sessions and remove nhctl's folder")
	cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "with --purge: do it without asking")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 2*time.Minute,
		"limit of copying back files that only a pod has, for each session")
	return cmd
}

// inventory is what there is of nhctl.
type inventory struct {
	Sessions []rpc.Session `json:"sessions"`
	Folder   string        `json:"folder"`
	Size     int64         `json:"size"` // of Folder, in bytes
	// Tools is the folder of debuggers for containers; empty where there are none.
	Tools string `json:"tools,omitempty"`
	// Kept is the folder of the files that sync has kept; empty where there are none.
	Kept    string `json:"kept,omitempty"`
	Program string `json:"program"`
	// Removed says that all of it is gone, but for Kept and Program.
	Removed bool `json:"removed"`
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	list := inventory{Folder: dirs.State}
	list.Program, _ = os.Executable()
	if list.Sessions, err = sessions(ctx, f, dirs); err != nil {
		return err
	}
	if list.Size, err = size(dirs.State); err != nil {
		return err
	}
	if _, err := os.Stat(dirs.Tools()); err == nil {
		list.Tools = dirs.Tools()
	}
	if kept, err := size(dirs.AllKept()); err != nil {
		return err
	} else if kept > 0 {
		list.Kept = dirs.AllKept()
	}
	if !o.Purge {
		return f.Printer().Result(list, func(w io.Writer) { show(w, list, "nhctl uninstall --purge removes this:") })
	}
	if !o.Yes {
		show(f.Err(), list, "This will be removed:")
		if !f.Confirm("End the sessions and remove nhctl's folder") {
			return problem.New(problem.Refused, "nothing was removed").
				WithHint("answer y at a terminal, or give --yes")
		}
	}
	if err := purge(ctx, f, o, dirs, list.Sessions); err != nil {
		return err
	}
	list.Removed = true
	return f.Printer().Result(list, func(w io.Writer) {
		for _, s := range list.Sessions {
			switch s.Kind {
			case rpc.KindTunnel:
				fmt.Fprintf(w, "ended session %s: disconnected from namespace %s\n", s.ID, s.Namespace)
				continue
			case rpc.KindRoute:
				fmt.Fprintf(w, "ended session %s: left a Service of namespace %s\n", s.ID, s.Namespace)
				continue
			}
			fmt.Fprintf(w, "ended session %s: %s is as it was\n", s.ID, s.Workload)
		}
		fmt.Fprintf(w, "removed %s\n", list.Folder)
		if list.Tools != "" {
			fmt.Fprintf(w, "removed %s\n", list.Tools)
		}
		if list.Kept != "" {
			fmt.Fprintf(w, "files that sync has kept are still in %s\n", list.Kept)
		}
		fmt.Fprintf(w, "to remove the program: delete %s\n", list.Program)
	})
}

// sessions are this computer's. A daemon is started only where there are some.
func sessions(ctx context.Context, f *factory.Factory, dirs userdirs.Dirs) ([]rpc.Session, error) {
	all := []rpc.Session{}
	entries, err := os.ReadDir(dirs.Sessions())
	if err != nil || len(entries) == 0 {
		return all, err
	}
	err = f.Call(ctx, rpc.MethodOverview, rpc.Overview{Caller: f.Caller()}, &all)
	return all, err
}

// show lists what there is.
func show(w io.Writer, list inventory, title string) {
	fmt.Fprintln(w, title)
	for _, s := range list.Sessions {
		fmt.Fprintf(w, "  session %s: %s in namespace %s of %s\n", s.ID, cmp.Or(s.Workload, s.Kind), s.Namespace,
			cmp.Or(s.Context, s.Server))
	}
	fmt.Fprintf(w, "  folder %s (%s)\n", list.Folder, ui.Bytes(list.Size))
	if list.Tools != "" {
		fmt.Fprintf(w, "  folder %s, debuggers for containers\n", list.Tools)
	}
	if list.Kept != "" {
		fmt.Fprintf(w, "This stays: %s, files that sync has kept because it would have lost them\n", list.Kept)
	}
}

// purge ends the sessions, stops the daemon and removes its folder, in this order: what a session needs to end is there
// until it has.
func purge(
	ctx context.Context, f *factory.Factory, o *Options, dirs userdirs.Dirs, sessions []rpc.Session,
) error {
	for _, s := range sessions {
		caller := f.Caller()
		caller.Context, caller.Namespace = cmp.Or(s.Context, caller.Context), s.Namespace
		if s.Kind == rpc.KindTunnel {
			p := rpc.Disconnect{Caller: caller, Session: s.ID}
			if err := f.Call(ctx, rpc.MethodDisconnect, p, nil); err != nil {
				return err
			}
			continue
		}
		if s.Kind == rpc.KindRoute {
			if err := f.Call(ctx, rpc.MethodLeave, rpc.Leave{Caller: caller, Session: s.ID}, nil); err != nil {
				return err
			}
			continue
		}
		target := rpc.Target{Caller: caller, Workload: s.Workload, Session: s.ID}
		err := f.Call(ctx, rpc.MethodEnd, rpc.End{Target: target, Timeout: o.Timeout}, nil)
		if err != nil {
			return problem.New(problem.From(err).Code, "end session %s (%s in namespace %s): %w", s.ID, s.Workload,
				s.Namespace, err).WithHint("end it by `nhctl dev end`, then repeat this; nhctl's folder is still there")
		}
	}
	if c, err := client.ConnectRunning(dirs); err == nil {
		if err := c.Stop(ctx, dirs); err != nil {
			return err
		}
	}
	return remove(dirs)
}

// remove removes the daemon's folder and the debuggers, but not the files that sync has kept.
func remove(dirs userdirs.Dirs) error {
	if err := os.RemoveAll(dirs.Tools()); err != nil {
		return err
	}
	_ = os.Remove(dirs.Cache) // unless others have files there
	entries, err := os.ReadDir(dirs.State)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dirs.State, entry.Name())
		if path == dirs.AllKept() {
			if kept, err := size(path); err != nil || kept > 0 {
				continue
			}
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	_ = os.Remove(dirs.State) // unless something was kept
	if run := filepath.Dir(dirs.Socket); run != dirs.State {
		return os.RemoveAll(run)
	}
	return nil
}

// size is how many bytes the files below a folder have; 0 where there is none.
func size(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if info, err := entry.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum, err
}
