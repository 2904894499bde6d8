package daemon

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/supervise"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// developed is one of a session's containers: where commands run.
type developed struct {
	*session
	record.Container
	at int // among the record's containers
}

// containers are all in dev mode, the first one first.
func (s *session) containers() []*developed {
	var all []*developed
	for i, c := range s.record().Containers() {
		all = append(all, &developed{session: s, Container: c, at: i})
	}
	return all
}

// developed finds a call's session and container; where none is named, the first is meant.
func (d *Daemon) developed(ctx context.Context, t rpc.Target) (*developed, error) {
	s, err := d.find(ctx, t)
	if err != nil {
		return nil, err
	}
	all := s.containers()
	var names []string
	for _, c := range all {
		if t.Container == "" || t.Container == c.Name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return nil, problem.New(problem.Usage, "container %s is not in dev mode", t.Container).WithHint("in dev mode: %s", strings.Join(names, ", "))
}

func (c *developed) supervisor() *supervise.Client {
	return supervise.NewClient(func(ctx context.Context) (net.Conn, error) {
		return c.interactive.Open(ctx, wire.KindSupervisor, wire.SupervisorParams{Container: c.Name})
	})
}

// root is the folder on this computer that has the container's sources; empty where it has none.
func (c *developed) root() string {
	for _, f := range c.record().Folders() {
		if f.Container == c.Name {
			return f.Local
		}
	}
	return ""
}

// dev is what the config says of the container now: commands may be edited while dev mode goes on.
func (c *developed) dev(env map[string]string) (config.Dev, error) {
	c.mu.Lock()
	saved := c.saved
	c.mu.Unlock()
	known := savedContainer{Section: saved.Section, Dev: saved.Dev}
	if c.at > 0 {
		known = savedContainer{}
		if c.at <= len(saved.Beside) {
			known = saved.Beside[c.at-1]
		}
	}
	if saved.Config == "" {
		return known.Dev, nil
	}
	file, err := config.Load(filepath.Dir(saved.Config), config.Options{Env: env, Profile: saved.Profile})
	if err != nil || file == nil || lacks(env, saved.Variables) {
		return known.Dev, err
	}
	if service, err := file.Service(saved.Record.Workload); err == nil && service != nil {
		if err := c.session.stillTrusted(file, service, saved.Trusted); err != nil {
			return known.Dev, err
		}
		if c, ok := known.Section.find(service); ok {
			return c.Dev, nil
		}
	}
	return known.Dev, nil
}

// data is a supervisor's status as an event has it; it names the container where there are several.
func (c *developed) data(st supervise.Status) event.CommandData {
	d := commandData(st)
	if len(c.record().Beside) > 0 {
		d.Container = c.Name
	}
	return d
}

// lacks says whether a caller has not set what the config was started with: they are in another folder, or another shell. Then what it said
// at the start counts, rather than one with gaps.
func lacks(env map[string]string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, set := env[name]
		return !set
	})
}
