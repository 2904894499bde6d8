// Command playground runs a real one-node Kubernetes on this computer, made of upstream's own components, without
// Docker.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/examples/playground/internal/node"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// options are the flags of every command.
type options struct {
	name, ipRange, dir, kubernetes string
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use: "playground", Short: "A real one-node Kubernetes on this computer, without Docker",
		SilenceUsage: true, SilenceErrors: true, TraverseChildren: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return supported(cmd) },
	}
	root.PersistentFlags().StringVar(&o.name, "name", "default", "which playground; several run side by side")
	root.AddCommand(
		o.up(), o.down(), o.status(), o.load(), o.kubectl(), o.logs(), o.user(),
		o.part("stop", "Stop one part of the node, for tests"), o.part("start", "Start a part that was stopped"),
		o.part("pause", "Pause one part of the node (SIGSTOP), for tests"),
		o.part("resume", "Resume a part that was paused"),
	)
	return root
}

// supported says how to go on where a playground can't run.
func supported(cmd *cobra.Command) error {
	if cmd.Name() == "help" || cmd.Name() == "completion" {
		return nil
	}
	way := "use a cluster of your own instead: set KUBECONFIG to it, and push the images with `make push REGISTRY=...`"
	if runtime.GOOS != "linux" {
		return fmt.Errorf("the playground needs Linux; %s", way)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf(
			"the playground needs root (it makes network namespaces and containers); run it with sudo, or %s", way)
	}
	return nil
}

// locked runs do while no other command changes this playground; a second lock keeps address ranges apart.
func (o *options) locked(ctx context.Context, what string, do func() error) error {
	if err := os.MkdirAll("/var/lib/nhctl-playground", 0o700); err != nil {
		return err
	}
	lock := flock.New(filepath.Join("/var/lib/nhctl-playground", what+".lock"))
	if ok, err := lock.TryLock(); err != nil {
		return err
	} else if !ok {
		fmt.Fprintf(os.Stderr, "waiting for another command on playground %s\n", what)
		if _, err := lock.TryLockContext(ctx, 100_000_000); err != nil {
			return err
		}
	}
	defer func() { _ = lock.Unlock() }()
	return do()
}

// load reads the plan of the running playground.
func (o *options) plan() (*node.Plan, error) {
	p, err := node.Load(o.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("playground %s is not up; start it with: playground up --name %s", o.name, o.name)
	}
	return p, err
}

func (o *options) up() *cobra.Command {
	cmd := &cobra.Command{Use: "up", Short: "Start the playground, or do nothing when it runs", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&o.ipRange, "range", "", "address range inside "+node.Supernet+" (default: a free one)")
	cmd.Flags().StringVar(&o.dir, "dir", "",
		"folder to keep .playground/NAME/kubeconfig in (default: the one above this program's)")
	cmd.Flags().StringVar(&o.kubernetes, "kubernetes", "",
		"minor version of Kubernetes, such as 1.34 (default: the one that it has, or that of go.mod)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := node.CheckName(o.name); err != nil {
			return err
		}
		return o.locked(cmd.Context(), o.name, func() error {
			var p *node.Plan
			if err := o.locked(cmd.Context(), "all ranges",
				func() (err error) { p, err = o.newPlan(cmd.Context()); return err }); err != nil {
				return err
			}
			if err := node.Up(cmd.Context(), p, cmd.ErrOrStderr()); err != nil {
				return fmt.Errorf("start playground %s: %w", o.name, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "export KUBECONFIG=%s\n", p.Kubeconfig)
			return nil
		})
	}
	return cmd
}

// newPlan keeps the plan of a playground that exists, unless another range, folder or version is wanted.
func (o *options) newPlan(ctx context.Context) (*node.Plan, error) {
	kubeconfig, bin, err := o.own()
	if err != nil {
		return nil, err
	}
	plan := node.Plan{Name: o.name, Kubeconfig: kubeconfig}
	if o.ipRange != "" {
		if plan.Range, err = netip.ParsePrefix(o.ipRange); err != nil {
			return nil, err
		}
	}
	old, err := node.Load(o.name)
	if errors.Is(err, fs.ErrNotExist) {
		old = &node.Plan{}
	} else if err != nil {
		return nil, err
	} else if old.Kubeconfig != kubeconfig {
		return nil, foreign(old, "choose another --name, or take that one down there first")
	}
	known, err := readVersions(moduleFiles)
	if err != nil {
		return nil, err
	}
	if plan.Kubernetes, err = known.find(o.kubernetes, old.Kubernetes); err != nil {
		return nil, err
	}
	if plan.Range, err = unchanged(old, plan); err != nil {
		return nil, err
	}
	if plan.Binaries, err = programs(bin, plan.Kubernetes); err != nil {
		return nil, err
	}
	var used []netip.Prefix
	if !plan.Range.IsValid() {
		if used, err = node.UsedRanges(ctx); err != nil {
			return nil, err
		}
	}
	return node.NewPlan(plan, used)
}

// unchanged returns the range for a plan, which is the old one's if there is one, and an error if the plan wants what
// can't change while the playground is up.
func unchanged(old *node.Plan, wanted node.Plan) (netip.Prefix, error) {
	if old.Range.IsValid() && wanted.Range.IsValid() && wanted.Range.Masked() != old.Range {
		return netip.Prefix{}, fmt.Errorf("playground %s has the range %s; take it down first", old.Name, old.Range)
	}
	if old.Kubernetes != "" && minor(wanted.Kubernetes) != minor(old.Kubernetes) {
		return netip.Prefix{}, fmt.Errorf("playground %s has Kubernetes %s; take it down first", old.Name,
			old.Kubernetes)
	}
	if old.Range.IsValid() {
		return old.Range, nil
	}
	return wanted.Range, nil
}

// own returns the path of the kubeconfig that this playground has when it belongs to the caller's folder, and the
// folder of this program.
func (o *options) own() (kubeconfig, bin string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", "", err
	}
	bin = filepath.Dir(self)
	dir, err := filepath.Abs(cmp.Or(o.dir, filepath.Dir(bin)))
	return filepath.Join(dir, ".playground", o.name, "kubeconfig"), bin, err
}

// foreign is the error of a playground that another folder, such as another checkout, has made.
func foreign(p *node.Plan, hint string) error {
	return fmt.Errorf("playground %s belongs to another folder (%s); %s", p.Name,
		filepath.Dir(filepath.Dir(filepath.Dir(p.Kubeconfig))), hint)
}

func (o *options) down() *cobra.Command {
	cmd := &cobra.Command{Use: "down", Short: "Remove the playground and every trace of it", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&o.dir, "dir", "",
		"folder that the playground belongs to (default: the one above this program's)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return o.locked(cmd.Context(), o.name, func() error {
			p, err := node.Load(o.name)
			if errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintf(cmd.ErrOrStderr(), "playground %s is not up\n", o.name)
				return nil
			}
			if err != nil {
				return err
			}
			if kubeconfig, _, err := o.own(); err != nil {
				return err
			} else if _, gone := os.Stat(p.Kubeconfig); p.Kubeconfig != kubeconfig && gone == nil {
				return foreign(p, "take it down there, or name that folder with --dir")
			}
			if err := node.Down(cmd.Context(), p); err != nil {
				return fmt.Errorf("remove playground %s: %w", o.name, err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "playground %s is gone\n", o.name)
			return nil
		})
	}
	return cmd
}
