package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
)

// defaultTimeout limits a start.
const defaultTimeout = 5 * time.Minute

// local is who calls, and from which computer.
func local(c rpc.Caller) string {
	user := c.Env["USER"]
	if user == "" {
		user = c.Env["USERNAME"]
	}
	host, _ := os.Hostname()
	return user + "@" + host
}

// start takes a workload into dev mode, or returns the caller's session of it that lives already.
func (d *Daemon) start(ctx context.Context, p rpc.Start) (rpc.Session, error) {
	spec, state, said, err := plan(p, inCluster{ctx, p.Caller})
	if err != nil {
		return rpc.Session{}, err
	}
	for _, text := range said {
		emitter(ctx)(event.Event{Type: event.Notice, Message: text})
	}
	c, err := cluster(p.Caller)
	if err != nil {
		return rpc.Session{}, err
	}
	v := &visitor{client: c}
	d.adopt(ctx, p.Caller, v)
	d.news(ctx, v)
	d.tellAbandoned(ctx, c, spec)
	live, err := d.matching(ctx, v, func(r devmode.Record) bool { return r.Workload == spec.Workload && r.Mode == spec.Mode })
	if err != nil {
		return rpc.Session{}, err
	}
	if len(live) > 0 {
		live[0].renew(c)
		// A cluster or a namespace that was made anew knows nothing of it.
		if _, there, err := devmode.Lookup(ctx, c, live[0].record()); err != nil || there {
			if err := live[0].develops(spec); err != nil {
				return rpc.Session{}, err
			}
			view := live[0].status(ctx)
			view.Reattached = true
			return view, nil
		}
		d.over(live[0], "the cluster has nothing of it")
	}
	if err := d.trusted(p, state.Asks); err != nil {
		return rpc.Session{}, err
	}
	place, err := v.where(ctx)
	if err != nil {
		return rpc.Session{}, err
	}
	release, err := d.reserve(work(place, devmode.Record{Namespace: c.Namespace, Workload: spec.Workload}))
	if err != nil {
		return rpc.Session{}, err
	}
	defer release()
	return d.enter(ctx, c, p, spec, state)
}

// reserve keeps two calls of this user from working on one workload at once.
func (d *Daemon) reserve(key string) (release func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[key] {
		return nil, problem.New(problem.Held, "another command of yours is at work on %s", key).WithHint("wait for it, or stop it with Ctrl-C")
	}
	d.busy[key] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.busy, key)
	}, nil
}

func (d *Daemon) enter(ctx context.Context, c *kube.Client, p rpc.Start, spec devmode.Spec, state saved) (rpc.Session, error) {
	emit := emitter(ctx)
	timeout := p.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var err error
	if spec.Holder, err = holder(ctx, c, p.Caller); err != nil {
		return rpc.Session{}, err
	}
	state.kubeconfig(c)
	s := newSession(d.paths, d.logger, c, state, d)
	quiet := s.tell(emit)
	defer quiet()
	if _, err := devmode.Enter(ctx, devmode.Deps{Cluster: c, Link: s, Emit: s.emit, Oust: d.oust(c)}, spec); err != nil {
		s.stop()
		if id := s.record().Session; id != "" {
			err = errors.Join(err, d.forget(ctx, c, s))
		}
		return rpc.Session{}, err
	}
	d.mu.Lock()
	d.sessions[s.record().Session] = s
	d.mu.Unlock()
	s.serve()
	return s.status(ctx), nil
}

// forget removes a failed session's local state, unless the cluster still has something of it: then the next command tries again.
func (d *Daemon) forget(ctx context.Context, c *kube.Client, s *session) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, there, err := devmode.Lookup(ctx, c, s.record()); err != nil || there {
		return err
	}
	return d.paths.remove(s.record().Session)
}

// plan reads what to do from the call and the config, and what to say of the config. Folder and image stay empty where neither names one.
func plan(p rpc.Start, cluster facts) (devmode.Spec, saved, []string, error) {
	target := p.Target
	if p.Folder != "" {
		if !filepath.IsAbs(p.Folder) {
			p.Folder = filepath.Join(p.Caller.Dir, p.Folder)
		}
		target.Caller.Dir = p.Folder
	}
	ref, file, err := named(target, p.Profile)
	if err != nil {
		return devmode.Spec{}, saved{}, nil, err
	}
	if _, err := localsync.CheckRoot(p.Folder, p.Caller.Env["HOME"]); p.Folder != "" && err != nil && problem.From(err).Code == problem.Refused {
		return devmode.Spec{}, saved{}, nil, err // whatever the cluster says
	}
	entry := config.Default(p.Container)
	folder, podTemplate := p.Folder, ""
	var depend devmode.Depend
	state := saved{Profile: p.Profile}
	service, file, err := describe(ref, file, p.Profile, cluster)
	if err != nil {
		return devmode.Spec{}, saved{}, nil, err
	}
	if file != nil && !file.Shared() {
		state.Config = file.Path
		state.Variables = slices.DeleteFunc(slices.Clone(file.Variables), func(name string) bool {
			_, set := p.Caller.Env[name]
			return !set
		})
	}
	there := func() ([]corev1.Container, error) { return cluster.containers(ref, podTemplate) }
	state.Asks = trust.Of(file, service)
	state.Trusted = state.Asks.Hash()
	if service != nil {
		podTemplate, depend = service.PodTemplate, devmode.Depend(service.DependLabelSelector)
		if entry, state.Section, err = section(service, p.Container, there); err != nil {
			return devmode.Spec{}, saved{}, nil, err
		}
		folder = first(folder, file.Folder)
	}
	root := ""
	if folder != "" {
		if root, err = localsync.CheckRoot(folder, p.Caller.Env["HOME"]); err != nil {
			return devmode.Spec{}, saved{}, nil, whereFrom(err, folder, entry.Dev.GitURL)
		}
	}
	dev := entry.Dev
	if p.Image != "" {
		dev.Image = p.Image
	}
	dev, said, err := chosen(dev, root, file != nil)
	if err != nil {
		return devmode.Spec{}, saved{}, nil, err
	}
	spec, err := specify(p, dev, ref.Kind)
	spec.Workload, spec.Folder, spec.PodTemplate, spec.Depend, spec.Container = ref, root, podTemplate, depend, first(p.Container, entry.Name)
	if err != nil {
		return spec, saved{}, nil, err
	}
	state.Dev = dev
	folders, settings, err := planSync(p.Caller.Env, root, dev)
	if err != nil {
		return spec, saved{}, nil, err
	}
	if len(folders) > 0 {
		spec.Folder, spec.More, state.Settings, state.More = folders[0].Local, folders[1:], settings[0], settings[1:]
		if folders[0].Remote != dev.WorkDir {
			spec.MountPath = folders[0].Remote
		}
	}
	if state.Forwards, err = forwards(dev); err != nil {
		return spec, saved{}, nil, err
	}
	err = planBeside(p, root, service, there, &spec, &state)
	if err != nil {
		return spec, saved{}, nil, err
	}
	return spec, state, slices.Concat(file.Notices(), said, otherOrigin(root, dev.GitURL)), nil
}

// adopt takes up the saved sessions that no daemon serves, with the credentials of the caller: after a crash or a reboot, at the
// next command.
func (d *Daemon) adopt(ctx context.Context, caller rpc.Caller, v *visitor) {
	all, err := d.paths.load()
	if err != nil {
		d.logger.Error("saved sessions", "error", err)
		emitter(ctx)(event.Event{Type: event.Notice, Message: fmt.Sprintf("%v\nthe session itself is in the cluster: nhctl dev list; nhctl dev end", err)})
	}
	var adopting sync.WaitGroup
	defer adopting.Wait()
	for _, state := range all {
		r := state.Record
		d.mu.Lock()
		_, live := d.sessions[r.Session]
		busy := d.busy[work(r.Place, r)]
		d.mu.Unlock()
		if live || busy {
			continue
		}
		var own *visitor
		if v != nil {
			copied := *v // each asks for itself
			own = &copied
		}
		adopting.Go(func() {
			if err := d.takeUp(ctx, caller, own, state); err != nil {
				d.logger.Error("take up session", "session", r.Session, "error", err)
			}
		})
	}
}

// adoptLimit limits how long a call waits for a cluster whose session is taken up.
const adoptLimit = 3 * time.Second

func (d *Daemon) takeUp(ctx context.Context, caller rpc.Caller, v *visitor, state saved) error {
	ctx, cancel := context.WithTimeout(ctx, adoptLimit)
	defer cancel()
	r := state.Record
	c, err := lead(ctx, v, caller, state)
	if err != nil {
		return err
	}
	state.kubeconfig(c)
	s := newSession(d.paths, d.logger, c, state, d)
	if r.Phase != record.Active {
		// A start or an end that was cut short: put everything back.
		release, err := d.reserve(work(r.Place, r))
		if err != nil {
			return err
		}
		go func() {
			defer release()
			d.putBack(s)
		}()
		return nil
	}
	if err := s.Start(); err != nil {
		return err
	}
	d.logger.Info("session taken up again", "session", r.Session, "workload", r.Workload.String())
	d.mu.Lock()
	d.sessions[r.Session] = s
	d.mu.Unlock()
	if over := s.look(ctx); over != "" {
		d.over(s, over)
		return nil
	}
	s.serve()
	return nil
}

// putBack ends a session that never became active, or was leaving.
func (d *Daemon) putBack(s *session) {
	ctx, cancel := context.WithTimeout(d.context, 2*time.Minute)
	defer cancel()
	r := s.record()
	force := r.Phase == record.Entering // nothing was edited there yet
	err := devmode.Leave(ctx, devmode.Deps{Cluster: s.client(), Link: s, Emit: func(event.Event) {}}, r, devmode.LeaveOptions{Force: force})
	s.stop()
	if err != nil {
		d.logger.Error("put back", "session", r.Session, "error", err)
		return
	}
	if err := d.paths.remove(r.Session); err != nil {
		d.logger.Error("put back", "session", r.Session, "error", err)
	}
	d.logger.Info("put back a session that was cut short", "session", r.Session)
}
