package devsession

import (
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/commands"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/folders"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// container is one of a session's dev containers, and the host of its commands.
type container struct {
	*Session
	record.Container
	at int // among the record's containers
}

// containers are all in dev mode, the first one first.
func (s *Session) containers() []*container {
	var all []*container
	for i, c := range s.record().Containers() {
		all = append(all, &container{Session: s, Container: c, at: i})
	}
	return all
}

// container finds a call's session and container; where none is named, the first is meant.
func (k *Kind) container(ctx context.Context, t rpc.Target) (*container, error) {
	s, err := k.find(ctx, t)
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
	return nil, problem.New(problem.Usage, "container %s is not in dev mode", t.Container).
		WithHint("in dev mode: %s", strings.Join(names, ", "))
}

// commands runs commands in the container.
func (c *container) commands() *commands.Container {
	r := c.record()
	here := &commands.Container{
		Container:    c.Container,
		Host:         c,
		Logger:       c.Logger,
		Tools:        c.dirs.Tools(),
		OneOfSeveral: len(r.Extra) > 0,
	}
	for _, f := range r.Folders() {
		if f.Container == c.Name {
			here.Folders = append(here.Folders, event.PathData{Local: f.Local, Remote: f.Remote})
		}
	}
	return here
}

// keepRunning starts what is wanted in each pod that comes, until ctx ends.
func (s *Session) keepRunning(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.up:
		}
		for _, c := range s.containers() {
			c.commands().StartWanted(ctx)
		}
	}
}

// PodName names the pod that the interactive carrier is up to.
func (c *container) PodName() string { return c.Link().Pod }

// Exec runs a program in the container without the sidecar.
func (c *container) Exec(ctx context.Context, argv []string, stdout io.Writer) error {
	return c.Client().Exec(ctx, kube.ExecOptions{
		Pod:       c.PodName(),
		Container: c.Name,
		Command:   argv,
		Stdout:    stdout,
	})
}

// Converge returns when all that was saved before is in the pod, in whichever container.
func (c *container) Converge(ctx context.Context) error { return c.folders().Converge(ctx) }

// Allow lets files of the container's sources go to the pod whose names would keep them here.
func (c *container) Allow(ctx context.Context, files []string) {
	all := c.folders()
	at := slices.IndexFunc(all, func(f *folders.Folder) bool { return f.Container == c.Name }) // the sources come first
	if at < 0 {
		return
	}
	f := all[at]
	err := f.Choose(ctx, func(s *filesync.Settings) { s.Exceptions = files })
	if err != nil && ctx.Err() == nil {
		f.Logger.Warn("let the files of a command travel", "error", err)
	}
}

// Wanted is the command that the user wants to run in the container.
func (c *container) Wanted() *commands.Wanted { return c.document.Value().Wanted[c.Name] }

// SetWanted keeps the wanted command; nil is none.
func (c *container) SetWanted(w *commands.Wanted) error {
	return c.document.Edit(func(kept *saved) {
		kept.Wanted = maps.Clone(kept.Wanted)
		if w == nil {
			delete(kept.Wanted, c.Name)
			return
		}
		if kept.Wanted == nil {
			kept.Wanted = map[string]*commands.Wanted{}
		}
		kept.Wanted[c.Name] = w
	})
}

// Dev is what the config says of the container now: commands may be edited while dev mode goes on.
func (c *container) Dev(t rpc.Target) (config.Dev, error) {
	env, saved := t.Caller.Env, c.document.Value()
	known := plan.Container{Section: saved.Section, Dev: saved.Dev}
	if c.at > 0 {
		known = plan.Container{}
		if c.at <= len(saved.Extra) {
			known = saved.Extra[c.at-1]
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
		if err := c.stillTrusted(file, service, saved.Trusted, t.Answers); err != nil {
			return known.Dev, err
		}
		if c, ok := known.Section.Find(service); ok {
			return c.Dev, nil
		}
	}
	return known.Dev, nil
}

// lacks says whether a caller has not set what the config was started with: they are in another folder, or another
// shell. Then what it said at the start counts, rather than one with gaps.
func lacks(env map[string]string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, set := env[name]
		return !set
	})
}
