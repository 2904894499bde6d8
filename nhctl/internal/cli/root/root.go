// Package root puts the commands together.
package root

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clean"
	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/config/create"
	"github.com/nhctl/nhctl/nhctl/internal/cli/config/imports"
	"github.com/nhctl/nhctl/nhctl/internal/cli/config/schema"
	"github.com/nhctl/nhctl/nhctl/internal/cli/config/set"
	"github.com/nhctl/nhctl/nhctl/internal/cli/config/show"
	"github.com/nhctl/nhctl/nhctl/internal/cli/config/trust"
	"github.com/nhctl/nhctl/nhctl/internal/cli/config/validate"
	"github.com/nhctl/nhctl/nhctl/internal/cli/connect"
	daemonstart "github.com/nhctl/nhctl/nhctl/internal/cli/daemon/start"
	daemonstatus "github.com/nhctl/nhctl/nhctl/internal/cli/daemon/status"
	daemonstop "github.com/nhctl/nhctl/nhctl/internal/cli/daemon/stop"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dap"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/build"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/cp"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/debug"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/end"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/exec"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/forward"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/list"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/logs"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/restart"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/run"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/start"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/status"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/stop"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/act"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/conflicts"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/explain"
	syncfolder "github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/folder"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/resolve"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/restore"
	syncstatus "github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/status"
	syncwait "github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/wait"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/terminal"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/test"
	volumesclean "github.com/nhctl/nhctl/nhctl/internal/cli/dev/volumes/clean"
	volumeslist "github.com/nhctl/nhctl/nhctl/internal/cli/dev/volumes/list"
	"github.com/nhctl/nhctl/nhctl/internal/cli/disconnect"
	"github.com/nhctl/nhctl/nhctl/internal/cli/doctor"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/ide"
	"github.com/nhctl/nhctl/nhctl/internal/cli/leave"
	"github.com/nhctl/nhctl/nhctl/internal/cli/lsp"
	"github.com/nhctl/nhctl/nhctl/internal/cli/route"
	localrun "github.com/nhctl/nhctl/nhctl/internal/cli/run"
	overview "github.com/nhctl/nhctl/nhctl/internal/cli/status"
	"github.com/nhctl/nhctl/nhctl/internal/cli/support"
	"github.com/nhctl/nhctl/nhctl/internal/cli/uninstall"
	"github.com/nhctl/nhctl/nhctl/internal/cli/version"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/program"
)

// New returns the whole command line.
func New(f *factory.Factory) *cobra.Command {
	f.CompleteWorkloads = clusters.CompleteWorkloads(f)
	cmd := &cobra.Command{
		Use:   "nhctl",
		Short: "Develop inside Kubernetes from your own editor",
		Long: `nhctl takes a workload of your cluster into dev mode: it syncs your sources into it in milliseconds, and
they run there with the service's real neighbours. You build and push no image, and nhctl restores the workload as it
was.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return f.CheckOutput() },
		RunE:              group,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.Kubeconfig, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG, or ~/.kube/config)")
	flags.StringVar(&f.Context, "context", "", "kubeconfig context")
	flags.StringVarP(&f.Namespace, "namespace", "n", "", "namespace (default: the context's)")
	flags.StringVarP(&f.Output, "output", "o", "text",
		"text, or json: a document for a query, JSON lines for long work")
	_ = cmd.RegisterFlagCompletionFunc("namespace", clusters.CompleteNamespaces(f))
	_ = cmd.RegisterFlagCompletionFunc("context", clusters.CompleteContexts(f))
	_ = cmd.RegisterFlagCompletionFunc("output",
		cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return problem.New(problem.Usage, "%w", err).WithHint("see %s --help", cmd.CommandPath())
	})

	sync := noun("sync", "File sync of a session", syncstatus.New(f), syncwait.New(f), act.Pause(f), act.Resume(f),
		act.Override(f),
		act.Reset(f), act.Accept(f), conflicts.New(f), resolve.New(f), restore.New(f), explain.New(f),
		syncfolder.New(f))
	volumes := noun("volumes", "Volumes of yours that outlive dev mode (persistentVolumeDirs)", volumeslist.New(f),
		volumesclean.New(f))
	dev := noun("dev", "Dev mode: work on a workload inside the cluster",
		start.New(f), end.New(f), list.New(f), status.New(f), build.New(f), run.New(f), debug.New(f), restart.New(f),
		stop.New(f),
		test.New(f), logs.New(f), terminal.New(f), exec.New(f), cp.New(f), forward.New(f), sync, volumes)
	daemon := noun("daemon", "The background process that keeps your sessions", daemonstart.New(f), daemonstop.New(f),
		daemonstatus.New(f))
	config := noun("config", "The config of a folder: write, check and show it", create.New(f), validate.New(f),
		show.New(f), set.New(f), trust.New(f), imports.New(f), schema.New(f))
	cmd.AddCommand(dev, connect.New(f), disconnect.New(f), localrun.New(f), route.Exchange(f),
		route.Mesh(f), route.Mirror(f), route.Preview(f), leave.New(f), clean.New(f), overview.New(f), config,
		dap.New(f),
		doctor.New(f), daemon, ide.New(f), lsp.New(f), support.New(f), uninstall.New(f), version.New(f))
	// Where only the name is shown, as in a usage, cobra itself puts it in.
	cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: string(program.CallOf(f.Program))}
	return cmd
}

// noun groups commands.
func noun(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, RunE: group}
	cmd.AddCommand(commands...)
	return cmd
}

// group shows the help of a command that only groups others; a word that it does not know is an error.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	p := problem.New(problem.Usage, "%s has no command %q", cmd.CommandPath(), args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return p.WithHint("did you mean %s?", strings.Join(near, " or "))
	}
	return p.WithHint("see %s --help", cmd.CommandPath())
}
