package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/podenv"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// The methods by which a command gets into the cluster's network.
const (
	namespaces = "namespaces"
	socks      = "socks"
)

// Exit codes of commands that can't be started, as shells have them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// check says which flags make no sense together.
func (o *Options) check() error {
	switch {
	case o.Method != namespaces && o.Method != socks:
		return problem.New(problem.Usage, "--method %s: want %s or %s", o.Method, namespaces, socks)
	case o.Method == namespaces:
		return nil
	case len(o.Also)+len(o.Never)+len(o.ToPod) > 0:
		return problem.New(problem.Usage, "--also-proxy, --never-proxy and --to-pod need a network for the command").
			WithHint("leave them out: with --method socks, the gateway resolves and reaches all names but those in " +
				"$NO_PROXY")
	case len(o.Exchange)+len(o.Mesh)+len(o.Mirror) > 0:
		return problem.New(problem.Usage, "with --method socks, routes don't end with the command").
			WithHint("begin them by `nhctl exchange`, `nhctl mesh` or `nhctl mirror`, which last on their own; leave " +
				"out those of the config with --no-routes")
	}
	return nil
}

// bySocks runs the command with variables by which it finds the tunnel's proxy, in the place of this process: nothing
// is between the command and its terminal. It returns only where that fails, except on Windows.
func bySocks(ctx context.Context, f *factory.Factory, o *Options) error {
	own, err := o.own()
	if err != nil {
		return err
	}
	var s rpc.Session
	if err := f.Call(ctx, rpc.MethodConnect, o.Tunnel.Connect(f), &s); err != nil {
		return err
	}
	if s.Tunnel == nil {
		return problem.New(problem.Internal, "the daemon tells nothing of the tunnel")
	}
	changes, err := o.containers(ctx, f, own)
	if err != nil {
		return err
	}
	servers, err := clusters.Servers(f)
	if err != nil {
		return err
	}
	env := changes.Apply(f.Environ)
	variables := map[string]string{}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	maps.Copy(variables, way.Proxied(s.Tunnel.Port, variables, servers))
	env = env[:0]
	for name, value := range variables {
		env = append(env, name+"="+value)
	}
	if err := os.Chdir(o.Dir); err != nil {
		return problem.New(problem.NotFound, "run in %s: %w", o.Dir, err)
	}
	file, err := find(o.Argv[0])
	if err != nil {
		return err
	}
	return become(file, o.Argv, env)
}

// containers are the changes of the environment by a workload's container, if there is one, and then the command
// line's.
func (o *Options) containers(ctx context.Context, f *factory.Factory, own podenv.Changes) (podenv.Changes, error) {
	if o.Tunnel.Workload == "" {
		return own, nil
	}
	link, err := way.Link(ctx, f, o.Tunnel)
	if err != nil {
		return own, err
	}
	defer link.Close()
	if !o.withoutFiles("/") {
		fmt.Fprintf(f.Err(), "with --method %s, the files of %s don't appear on this computer\n", socks,
			o.Tunnel.Workload)
	}
	return o.changes(ctx, link, own)
}

// find is the file of a command.
func find(name string) (string, error) {
	file, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) { // as a shell would take it
		return file, nil
	}
	if err != nil {
		code := exitNotFound
		if errors.Is(err, os.ErrPermission) {
			code = exitNotExecutable
		}
		return "", problem.New(problem.NotFound, "run %s: %w", name, errors.Unwrap(err)).WithExit(code)
	}
	return file, nil
}
