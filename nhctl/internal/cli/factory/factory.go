// Package factory gives commands what they need: streams, the caller, the daemon, a printer. Tests give them others.
package factory

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/environment"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/program"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Factory is shared by all commands of one invocation.
type Factory struct {
	Streams ui.Streams
	// Program is the file that the caller ran.
	Program string
	// Environ is the caller's environment, as KEY=VALUE; Dir their folder.
	Environ []string
	Dir     string
	// Kubeconfig, Context, Namespace and Output are the global flags.
	Kubeconfig, Context, Namespace, Output string
	// CompleteWorkloads completes workloads of the cluster, which this package does not reach; nil completes none.
	CompleteWorkloads cobra.CompletionFunc
	// Serve makes this process the daemon.
	Serve   func(context.Context, userdirs.Dirs) error
	printer *ui.Printer
}

// Env is the environment as a map; of a name that is there twice the last counts.
func (f *Factory) Env() map[string]string {
	env := map[string]string{}
	for _, e := range f.Environ {
		if key, value, ok := strings.Cut(e, "="); ok {
			env[key] = value
		}
	}
	return env
}

// Caller is who calls, for the daemon. Of the environment only what the call may need goes with it.
func (f *Factory) Caller() rpc.Caller { return f.CallerAt(f.Dir) }

// CallerAt is Caller, with the variables that the config of a folder names.
func (f *Factory) CallerAt(dir string) rpc.Caller {
	return rpc.Caller{
		Env:        forCall(f.Env(), dir),
		Dir:        f.Dir,
		Kubeconfig: f.Kubeconfig,
		Context:    f.Context,
		Namespace:  f.Namespace,
	}
}

// EnvAt is what a call brings of an environment, with the variables that the config of a folder names; nil means the
// caller's own environment.
func (f *Factory) EnvAt(env map[string]string, dir string) map[string]string {
	if env == nil {
		env = f.Env()
	}
	return forCall(env, dir)
}

// CallerFrom is who calls from elsewhere: what given leaves out is this invocation's, as far as that fits.
func (f *Factory) CallerFrom(given rpc.Caller) rpc.Caller {
	c := given.Within(rpc.Caller{
		Dir:        f.Dir,
		Kubeconfig: f.Kubeconfig,
		Context:    f.Context,
		Namespace:  f.Namespace,
	})
	c.Env = f.EnvAt(given.Env, c.Dir)
	return c
}

func forCall(env map[string]string, dir string) map[string]string {
	var named []string
	if name := config.Find(dir); name != "" {
		if file, err := config.Read(name, config.Options{Env: env}); err == nil {
			named = file.Variables
		}
	}
	return environment.ForCall(env, named)
}

// CheckOutput checks the -o flag.
func (f *Factory) CheckOutput() error {
	if f.Output != string(ui.Text) && f.Output != string(ui.JSON) {
		return problem.New(problem.Usage, "-o %s: want text or json", f.Output)
	}
	return nil
}

// Printer is the invocation's printer.
func (f *Factory) Printer() *ui.Printer {
	if f.printer == nil {
		format := ui.Text
		if f.Output == string(ui.JSON) {
			format = ui.JSON
		}
		f.printer = ui.New(f.Streams, format)
		f.printer.Call = f.call()
	}
	return f.printer
}

// Out is standard output, for text: its commands are shown as the user calls them, and what others may have put in it
// can't steer the terminal. Programs' own output goes to Streams.
func (f *Factory) Out() io.Writer { return f.call().Writer(f.FileOut()) }

// Err is standard error likewise.
func (f *Factory) Err() io.Writer { return f.call().Writer(escape.Writer(f.Streams.Err)) }

// FileOut is standard output for what is or will be in a file: it is shown as it is there.
func (f *Factory) FileOut() io.Writer { return escape.Writer(f.Streams.Out) }

func (f *Factory) call() program.Call { return program.CallOf(f.Program) }

// JSON says whether results are printed as JSON.
func (f *Factory) JSON() bool { return f.Output == string(ui.JSON) }

// Absolute is a path as the caller means it.
func (f *Factory) Absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.Dir, path)
}

// Relative is a path as the caller would write it.
func (f *Factory) Relative(path string) string {
	if rel, err := filepath.Rel(f.Dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// Dirs are where the daemon keeps things.
func (f *Factory) Dirs() (userdirs.Dirs, error) { return userdirs.New(f.Env()) }

// Daemon connects to the daemon, which is started when there is none; progress is printed.
func (f *Factory) Daemon(ctx context.Context) (*client.Client, error) {
	dirs, err := f.Dirs()
	if err != nil {
		return nil, err
	}
	return client.Connect(ctx, dirs, f.Environ, f.Printer().Event)
}

// Call makes a call to the daemon. Where that asks a question, and there is a terminal, the user answers, and the call
// is repeated with the answer.
func (f *Factory) Call(ctx context.Context, method string, params, result any) error {
	c, err := f.Daemon(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return f.asking(params, func(params any) error { return c.Call(ctx, method, params, result) })
}

// Follow calls onUpdate with a topic's snapshot and its changes until ctx ends, which is no error.
func (f *Factory) Follow(ctx context.Context, p rpc.Subscribe, onUpdate func(rpc.Update)) error {
	return client.Follow(ctx, f.Daemon, p, onUpdate)
}

// ClusterFlags are the global flags that led to the cluster, for another command that shall reach it too.
func (f *Factory) ClusterFlags() []string {
	var all []string
	for _, flag := range [...][2]string{{"--kubeconfig", f.Kubeconfig}, {"--context", f.Context}, {"-n", f.Namespace}} {
		if flag[1] != "" {
			all = append(all, flag[:]...)
		}
	}
	return all
}

// Target is the session that a command means.
type Target struct {
	Workload, Session, Container string
}

// AddFlags adds the flags that choose a session.
func (t *Target) AddFlags(cmd *cobra.Command) {
	t.addFlags(cmd, "container in dev mode (default: the first)")
}

// AddLocalPathsFlag adds the flag that shows paths as they are on this computer.
func AddLocalPathsFlag(cmd *cobra.Command, local *bool) {
	cmd.Flags().BoolVar(local, "local-paths", false,
		"show paths of the synced folders as they are on this computer, as for the links of an editor")
}

// AddFolderFlags adds the flags that choose a session's synced folders.
func (t *Target) AddFolderFlags(cmd *cobra.Command) {
	t.addFlags(cmd, "only the folders of this container (default: those of all)")
}

func (t *Target) addFlags(cmd *cobra.Command, container string) {
	cmd.Flags().StringVar(&t.Session, "session", "", "session id, where the workload alone is ambiguous")
	cmd.Flags().StringVarP(&t.Container, "container", "c", "", container)
}

// AddWorkloadFlag adds the workload as a flag, for commands whose arguments are something else.
func (t *Target) AddWorkloadFlag(cmd *cobra.Command, f *Factory) {
	cmd.Flags().StringVar(&t.Workload, "workload", "",
		"workload in dev mode (default: the one of this folder's config)")
	_ = cmd.RegisterFlagCompletionFunc("workload", f.CompleteWorkloads)
}

// RPC is the target as the daemon takes it.
func (t *Target) RPC(f *Factory) rpc.Target {
	return rpc.Target{Caller: f.Caller(), Workload: t.Workload, Session: t.Session, Container: t.Container}
}

// Subscribe asks for a topic about the target.
func (t *Target) Subscribe(f *Factory, topic rpc.Topic) rpc.Subscribe {
	return rpc.Subscribe{
		Topic:     topic,
		Caller:    f.Caller(),
		Workload:  t.Workload,
		Session:   t.Session,
		Container: t.Container,
	}
}

// Command completes a command whose one argument is the workload.
func (t *Target) Command(f *Factory, cmd *cobra.Command, run func(context.Context) error) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = OneWorkload, f.CompleteWorkloads
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t.SetWorkload(args)
		return run(cmd.Context())
	}
	return cmd
}

// OwnCommand completes a command whose arguments are the workload and the user's own command, which it keeps in argv.
func (t *Target) OwnCommand(
	f *Factory, cmd *cobra.Command, argv *[]string, run func(context.Context) error,
) *cobra.Command {
	cmd.ValidArgsFunction = f.CompleteWorkloads
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if *argv, err = t.setWorkloadAndArgv(cmd, args); err != nil {
			return err
		}
		return run(cmd.Context())
	}
	t.AddFlags(cmd)
	return cmd
}

// OneWorkload takes at most one argument, the workload.
func OneWorkload(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return problem.New(problem.Usage, "%s takes one workload, got %d: %s", cmd.CommandPath(), len(args),
			strings.Join(args, " ")).WithHint("see %s --help", cmd.CommandPath())
	}
	return nil
}

// commands are those of a dev container.
var commands = [...]string{"build", "run", "debug"}

// SetWorkloadAndCommand keeps the workload, and returns the command, of the arguments [WORKLOAD] [build|run|debug].
func (t *Target) SetWorkloadAndCommand(cmd *cobra.Command, args []string) (string, error) {
	command := ""
	if n := len(args); n > 0 && slices.Contains(commands[:], args[n-1]) {
		command, args = args[n-1], args[:n-1]
	}
	if len(args) > 1 {
		return "", problem.New(problem.Usage, "%s takes a workload and one of %s, got: %s", cmd.CommandPath(),
			strings.Join(commands[:], ", "), strings.Join(args, " ")).
			WithHint("see %s --help", cmd.CommandPath())
	}
	t.SetWorkload(args)
	return command, nil
}

// setWorkloadAndArgv keeps the workload, and returns the user's own command, of the arguments [WORKLOAD] [-- COMMAND
// ARGS...].
func (t *Target) setWorkloadAndArgv(cmd *cobra.Command, args []string) ([]string, error) {
	var argv []string
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		args, argv = args[:dash], args[dash:]
	}
	if len(args) > 1 {
		return nil, problem.New(problem.Usage, "%s takes one workload, got %d", cmd.CommandPath(), len(args)).
			WithHint("put a command of your own behind --")
	}
	t.SetWorkload(args)
	return argv, nil
}

// SetWorkload keeps the first argument as the workload.
func (t *Target) SetWorkload(args []string) {
	if len(args) > 0 {
		t.Workload = args[0]
	}
}

// System is the factory of the real program.
func System() (*Factory, error) {
	dir, err := os.Getwd()
	return &Factory{
		Streams: ui.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr},
		Program: os.Args[0],
		Environ: os.Environ(),
		Dir:     dir,
	}, err
}
