// Package start is `nhctl dev start`.
package start

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/terminal"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target                         factory.Target
	Mode, Image, SidecarImage, Dir string
	Inject, Profile                string
	Containers                     []string
	AllContainers                  bool
	NoTerminal, All, Yes           bool
	TakeOver, Wait                 bool
	Ordinal                        int
	Timeout, AbandonAfter          time.Duration
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.Command(f, &cobra.Command{
		Use:   "start [WORKLOAD]",
		Short: "Take a workload into dev mode",
		Long: `Take a workload into dev mode: a twin with the dev image stands in for it (replace), or works next to it
(duplicate), and nhctl syncs the folder's sources into it. Without WORKLOAD it takes the one that the folder's
.dev/config.yaml names.

In replace mode the original is parked (scaled to 0 or suspended, never edited) and comes back with
` + "`nhctl dev end`" + `. Of a StatefulSet it parks only the chosen pod and those above it. It
duplicates a DaemonSet unless you choose replace. Starting again during the session re-attaches to it. Leaving the
terminal does not end dev mode.

If another developer has the workload in replace mode, nhctl refuses it and names them: work on a duplicate, --wait, or
--take-over. It first ends a session whose computer has been silent for longer than it may block others (10 minutes, or
its own --abandon-after). When it ends another's session, the files that only the pod has go to that session's own
computer if that is up, and else into a folder of this one.

Several containers of the pod can be developed at once, each with its own image, folders and commands; they must run as
the same user. Other commands then choose one with -c, and mean the first without it.`,
		Example: `  nhctl dev start                       # in a folder with a .dev/config.yaml
  nhctl dev start deploy/web --mode duplicate
  nhctl dev start sts/db --ordinal 1
  nhctl dev start web -c app -c worker   # two containers of one pod
  nhctl dev start rollouts.v1alpha1.argoproj.io/web
  nhctl dev start web --image auto --dir ./web    # without a config`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
	flags := cmd.Flags()
	flags.StringVar(&o.Mode, "mode", "", "replace the workload, or work on a duplicate next to it (default: the "+
		"config's, or replace; a DaemonSet is duplicated)")
	flags.StringArrayVarP(&o.Containers, "container", "c", nil,
		"container to develop; again for another one of the pod (default: the config's first, or the pod's only one)")
	flags.BoolVar(&o.AllContainers, "all-containers", false,
		"develop all containers that the config has a dev image for")
	flags.StringVar(&o.Image, "image", "", "dev image, or auto for one by the sources (default: the config's)")
	flags.StringVar(&o.SidecarImage, "sidecar-image", "",
		"image to plant the sidecar from (default: the config's, $NHCTL_SIDECAR_IMAGE, or the one of this release)")
	flags.StringVar(&o.Inject, "inject", injectAuto, "how the sidecar comes into the pod: from its image, by exec "+
		"(an image of the pod needs a shell), or auto, which is by exec where the image can't be pulled")
	flags.StringVar(&o.Dir, "dir", "", "folder to sync (default: the one that holds the config's .dev folder)")
	flags.StringVar(&o.Profile, "profile", "", "profile of the config to lay over it")
	flags.IntVar(&o.Ordinal, "ordinal", -1,
		"pod of a StatefulSet to stand in for (default: the config's, or the highest); those below it go on")
	flags.BoolVar(&o.All, "all", false, "park all pods of a StatefulSet")
	flags.BoolVarP(&o.Yes, "yes", "y", false, "answer yes to every question, such as whether to stop the pods of a "+
		"DaemonSet or Job, or to trust a config")
	flags.BoolVar(&o.NoTerminal, "no-terminal", false, "do not open a terminal afterwards")
	flags.BoolVar(&o.TakeOver, "take-over", false,
		"end the session that another developer has of the workload; nhctl keeps their files and tells them")
	flags.BoolVar(&o.Wait, "wait", false,
		"wait until another developer's session of the workload is over, as long as --timeout says")
	flags.DurationVar(&o.AbandonAfter, "abandon-after", 0,
		"how long the session blocks others once this computer is silent (default: the config's, or 10m)")
	flags.DurationVar(&o.Timeout, "timeout", 5*time.Minute, "limit of the whole start")
	_ = cmd.RegisterFlagCompletionFunc("mode",
		cobra.FixedCompletions([]string{"replace", "duplicate"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("inject",
		cobra.FixedCompletions([]string{injectAuto, injectImage, injectExec}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// The values of --inject.
const (
	injectAuto  = "auto"
	injectImage = "image"
	injectExec  = "exec"
)

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.TakeOver && o.Wait {
		return problem.New(problem.Usage, "--take-over and --wait exclude each other: choose one")
	}
	if o.Mode != "" && o.Mode != string(rpc.Replace) && o.Mode != string(rpc.Duplicate) {
		return problem.New(problem.Usage, "--mode %s: want replace or duplicate", o.Mode)
	}
	if o.Inject != injectAuto && o.Inject != injectImage && o.Inject != injectExec {
		return problem.New(problem.Usage, "--inject %s: want auto, image or exec", o.Inject)
	}
	stop := context.AfterFunc(ctx, func() {
		fmt.Fprintln(f.Err(), "\ninterrupted: putting everything back (Ctrl-C again leaves that to the daemon)")
	})
	defer stop()
	var session rpc.Session
	call := rpc.Start{
		Target:        o.Target.RPC(f),
		Mode:          rpc.Mode(o.Mode),
		Image:         o.Image,
		SidecarImage:  o.SidecarImage,
		ByExec:        o.Inject == injectExec,
		ByImage:       o.Inject == injectImage,
		Folder:        o.Dir,
		Profile:       o.Profile,
		AllPods:       o.All,
		Yes:           o.Yes,
		TakeOver:      o.TakeOver,
		Wait:          o.Wait,
		AbandonAfter:  o.AbandonAfter,
		Timeout:       o.Timeout,
		AllContainers: o.AllContainers,
	}
	if o.Dir != "" {
		call.Caller = f.CallerAt(f.Absolute(o.Dir))
	}
	if len(o.Containers) > 0 {
		call.Container, call.ExtraContainers = o.Containers[0], o.Containers[1:]
	}
	if o.Ordinal >= 0 {
		call.Ordinal = &o.Ordinal
	}
	if err := f.Call(ctx, rpc.MethodStart, call, &session); err != nil {
		return err
	}
	if err := f.Printer().Result(session, func(w io.Writer) { describe(w, session) }); err != nil {
		return err
	}
	if o.NoTerminal || f.JSON() || !ui.IsTerminal(f.Streams.In) || !ui.IsTerminal(f.Streams.Out) {
		return nil
	}
	fmt.Fprintln(f.Err(), "opening a terminal; leaving it does not end dev mode (nhctl dev end does)")
	return terminal.Shell(ctx, f, rpc.Target{Caller: f.Caller(), Session: session.ID}, false)
}

func describe(w io.Writer, s rpc.Session) {
	verb := "is in dev mode"
	if s.Reattached {
		verb = "is in dev mode already; attached to your session"
	}
	fmt.Fprintf(w, "%s %s (%s, session %s)\n", s.Workload, verb, s.Mode, s.ID)
	rows := [][]string{{"  pod", s.Pod + ", container " + s.ContainerNames()},
		{"  synced", s.Folder + " <-> " + s.WorkDir}}
	for _, p := range s.Forwards {
		rows = append(rows, []string{"  forwarded", fmt.Sprintf("localhost:%d -> %d", p.Local, p.Remote)})
	}
	_ = ui.Table(w, rows...)
	for _, n := range s.Notices {
		fmt.Fprintln(w, "note:", n)
	}
	fmt.Fprintf(w, "next: nhctl dev run       start the service's program from your sources\n"+
		"      nhctl dev logs -f   see what it prints\n      nhctl dev terminal  a shell in the container\n"+
		"      nhctl dev end       restore the workload\n")
}
