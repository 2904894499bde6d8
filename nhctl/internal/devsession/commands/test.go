package commands

import (
	"context"
	"maps"
	"path"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold/sources"
	"github.com/nhctl/nhctl/nhctl/internal/testcase"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// testCommand is the command line that runs tests, and its folder in the container.
func (c *Container) testCommand(t rpc.Test) (argv []string, dir string, err error) {
	if t.File != "" {
		s, dir, err := c.selected(t)
		return s.Command(), dir, err
	}
	g, err := scaffold.LookAt(c.root())
	if c.root() == "" || err != nil || g.Test == "" {
		return nil, "", problem.New(problem.Usage, "the sources in %s don't show how they are tested", c.root()).
			WithHint("name the command: nhctl dev test -- COMMAND")
	}
	return config.Command{Line: []string{g.Test}}.Args(c.Shell), c.WorkDir, nil
}

// selected are tests of a file, and the folder in the container where they are run.
func (c *Container) selected(t rpc.Test) (s testcase.Selection, dir string, err error) {
	for _, f := range c.Folders {
		below, err := filepath.Rel(f.Local, t.File)
		if err != nil || !filepath.IsLocal(below) {
			continue
		}
		file := filepath.ToSlash(below)
		folder, closer, err := sources.Open(f.Local)
		if err != nil {
			return s, "", err
		}
		defer closer.Close()
		if !sources.Has(folder, file) {
			return s, "", problem.New(problem.NotFound, "there is no file %s", t.File)
		}
		s, err = testcase.Select(file, sources.Content(folder, file), t.Line)
		return s, path.Join(f.Remote, s.Dir()), err
	}
	return s, "", problem.New(problem.Usage, "%s is not in a folder that is synced to container %s", t.File, c.Name).
		WithHint("its sources are in %s", c.root())
}

// debugTest starts tests under their debugger, in the place of the service's program.
func (c *Container) debugTest(ctx context.Context, p rpc.Debug) (event.DebugData, error) {
	s, dir, err := c.selected(*p.Test)
	if err != nil {
		return event.DebugData{}, err
	}
	configured, err := c.Host.Dev(p.Target)
	if err != nil {
		return event.DebugData{}, err
	}
	dev := config.Dev{Debug: configured.Debug}
	if dev.Debug.Language != s.Language {
		dev.Debug = config.Debug{Language: s.Language}
	}
	port, err := debugger.Port(dev.Debug)
	if err != nil {
		return event.DebugData{}, err
	}
	a := &Debugger{Language: s.Language, Port: port, Waits: true, Tool: debugger.Tool(dev)}
	if err := c.bring(ctx, p.Caller, a.Tool); err != nil {
		return event.DebugData{}, err
	}
	env := map[string]string{"PWD": dir} // by which compilers name the sources, where it is a link
	maps.Copy(env, p.Env)
	w := &Wanted{
		Command:  supervise.Debug,
		Spec:     supervise.Spec{Argv: debugger.Test(s, port), Dir: dir, Env: env, Refuse: p.KeepRunning},
		Debugger: a,
	}
	status, err := c.launch(ctx, w, false)
	if err != nil {
		return event.DebugData{}, err
	}
	c.want(nil) // in another pod, no one waits for the tests
	return c.attachable(ctx, p, a, status, "")
}
