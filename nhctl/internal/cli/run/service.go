package run

import (
	"fmt"
	"maps"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/localservice"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
)

// split tells the service from the command; dash is how many arguments stand before --, or -1 without one.
func split(args []string, dash int) (service string, argv []string, err error) {
	if dash < 0 {
		dash = len(args)
	}
	if dash > 1 {
		return "", nil, problem.New(problem.Usage, "nhctl run takes one service, and a command behind --").
			WithHint("for example: nhctl run -- python3 app.py")
	}
	if dash == 1 {
		service = args[0]
	}
	return service, args[dash:], nil
}

// complete has the config say what the flags don't. A command alone needs no config, and asks none.
func (o *Options) complete(f *factory.Factory) error {
	o.Dir = f.Dir
	switch alone := len(o.Argv) > 0 || o.PrintEnv != ""; {
	case o.Enter != 0 && o.Service != "":
		return problem.New(problem.Usage, "--enter joins a command that runs, and no service").
			WithHint("leave out %s", o.Service)
	case o.Enter != 0 && len(o.Argv) == 0:
		return problem.New(problem.Usage, "nhctl run --enter needs a command behind --").
			WithHint("for example: nhctl run --enter %d -- sh", o.Enter)
	case o.Service == "" && alone && o.Profile != "":
		return problem.New(problem.Usage, "--profile is about a service of the config").
			WithHint("name that: nhctl run SERVICE --profile %s", o.Profile)
	case o.Service == "" && alone:
		return nil
	}
	s, err := o.configured(f)
	if err != nil {
		return err
	}
	if err := trusted(f, s.Asks); err != nil {
		return err
	}
	o.lay(s)
	if len(o.Argv) == 0 && o.PrintEnv == "" {
		return problem.New(problem.Usage, "the config has no local.command of %s", s.Workload).
			WithHint("add it, or name a command: nhctl run %s -- npm start", s.Workload)
	}
	return nil
}

// configured is what the folder's own config says. What the cluster has of the team's says nothing of this computer.
func (o *Options) configured(f *factory.Factory) (localservice.Service, error) {
	none := localservice.Service{}
	file, err := f.Config("", o.Profile)
	if p := problem.From(err); err != nil && p.Code == problem.NotFound {
		code := problem.NotFound
		if o.Service == "" {
			code = problem.Usage
		}
		return none, problem.New(code, "nothing to run: no command stands behind --, and %s", p.Message).
			WithHint("name a command, such as: nhctl run -- python3 app.py; or say in a config how the service runs " +
				"here: local: {command: npm start}")
	}
	if err == nil {
		err = file.Problem()
	}
	if err != nil {
		return none, err
	}
	for _, x := range file.Findings {
		if x.Severity == source.Warning {
			fmt.Fprintln(f.Err(), x)
		}
	}
	return localservice.Of(file, o.Service)
}

// trusted refuses what a config asks of this computer until the user agrees, at a terminal or by nhctl config trust.
func trusted(f *factory.Factory, asks trust.Request) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	store := trust.Store{Dir: dirs.Trust()}
	known, err := store.Trusted(asks)
	if err != nil {
		return fmt.Errorf("look up whether the config is trusted: %w", err)
	}
	if known {
		return nil
	}
	if f.JSON() || f.Ask(asks.Question()) != problem.Yes {
		return trust.Asking(problem.New(problem.Untrusted, "this needs your trust first, once: %s", asks.Text()).
			WithHint("look at it, then: nhctl config trust"), asks)
	}
	if err := store.Trust(asks); err != nil {
		return fmt.Errorf("remember that the config is trusted: %w", err)
	}
	return nil
}

// lay lays a service below what the command line says.
func (o *Options) lay(s localservice.Service) {
	o.Dir, o.Env = s.Dir, maps.Clone(s.Env)
	o.Env["PWD"] = s.Dir
	if len(o.Argv) == 0 && o.PrintEnv == "" {
		o.Argv = s.Argv
	}
	if o.Tunnel.Workload == "" {
		o.Tunnel.Workload = s.Workload
		if o.Tunnel.Container == "" {
			o.Tunnel.Container = s.Container
		}
	}
	if !s.Files && len(o.NoFiles) == 0 {
		o.NoFiles = []string{allFiles}
	}
	switch {
	case o.NoRoutes || len(o.Exchange)+len(o.Mesh)+len(o.Mirror) > 0:
	case s.Mesh:
		o.Mesh = s.Routes
		for _, m := range s.Matches {
			o.Matches = append(o.Matches, rpc.Match(m))
		}
	default:
		o.Exchange = s.Routes
	}
}
