package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// end leaves dev mode: sessions that live here, and those of the same developer that only the cluster knows.
func (d *Daemon) end(ctx context.Context, p rpc.End) (rpc.Ended, error) {
	c, err := cluster(p.Caller)
	if err != nil {
		return rpc.Ended{}, err
	}
	v := &visitor{client: c}
	d.adopt(ctx, p.Caller, v)
	d.news(ctx, v)
	records, err := d.meant(ctx, v, p)
	if err != nil {
		return rpc.Ended{Sessions: []rpc.Session{}}, d.forgetLive(ctx, v, p, err)
	}
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	for _, r := range records {
		if err := d.endOne(ctx, v, p, r); err != nil {
			return ended, fmt.Errorf("end dev mode of %s: %w", r.Workload, err)
		}
		ended.Sessions = append(ended.Sessions, recordView(r))
	}
	return ended, nil
}

// forgetLive drops what this computer has of a session by force, where the cluster refuses to say anything of its namespace: that may be
// gone, or is not the user's any more. What is left of the session there can be ended by whoever may.
func (d *Daemon) forgetLive(ctx context.Context, v *visitor, p rpc.End, refused error) error {
	switch problem.From(refused).Code {
	case problem.Forbidden, problem.Unauthorized:
	default:
		return refused
	}
	ref, _, err := named(p.Target, "")
	live, unknown := d.matching(ctx, v, func(r devmode.Record) bool {
		return p.All || r.Session == p.Session || p.Session == "" && err == nil && r.Workload == ref
	})
	if unknown != nil || len(live) == 0 {
		return refused
	}
	if !p.Force {
		r := live[0].record()
		return problem.New(problem.From(refused).Code, "%w", refused).
			WithHint("renew your credentials and end again; where the namespace is gone for good: nhctl dev end --force %s", r.Workload.Argument())
	}
	for _, s := range live {
		r := s.record()
		d.over(s, "it was ended by force, while the cluster did not answer for namespace "+r.Namespace)
		emitter(ctx)(event.Event{Type: event.Notice, Message: fmt.Sprintf("the cluster does not answer for namespace %s: %s is forgotten here; where it is left in the cluster, `nhctl dev end --abandoned` ends it",
			r.Namespace, r.Workload)})
	}
	return nil
}

// meant lists the sessions that a call to end means.
func (d *Daemon) meant(ctx context.Context, v *visitor, p rpc.End) ([]devmode.Record, error) {
	c := v.client
	listed, err := devmode.List(ctx, c)
	if err != nil {
		return nil, err
	}
	all := listed.Records
	var ref workload.Ref
	if !p.All && p.Session == "" && !(p.Abandoned && p.Workload == "") {
		if ref, _, err = named(p.Target, ""); err != nil {
			return nil, err
		}
	}
	if p.Abandoned {
		now, err := c.Now(ctx)
		return slices.DeleteFunc(all, func(r devmode.Record) bool {
			return !r.Abandoned(now) || p.Session != "" && r.Session != p.Session || ref.Name != "" && r.Workload != ref
		}), err
	}
	me, err := holder(ctx, c, p.Caller)
	if err != nil {
		return nil, err
	}
	var mine, others []devmode.Record
	for _, r := range all {
		if !p.All && r.Session != p.Session && (p.Session != "" || r.Workload != ref) {
			continue
		}
		live, err := d.live(ctx, v, r.Session)
		if err != nil {
			return nil, err
		}
		if live != nil || r.Holder.Local == local(p.Caller) || r.Holder.Developer() == me.Developer() {
			mine = append(mine, r)
		} else {
			others = append(others, r)
		}
	}
	switch {
	case len(mine) > 1 && !p.All:
		ids := ""
		for _, r := range mine {
			ids += " " + r.Session
		}
		return nil, problem.New(problem.Usage, "you have several sessions of %s:%s", ref, ids).WithHint("choose one with --session, or end all with --all")
	case len(mine) > 0 || p.All:
		return mine, nil
	case len(others) > 0 && p.Session != "" && p.Force:
		return others, nil
	case len(others) > 0:
		return nil, problem.New(problem.Held, "the session of %s is held by %s (%s)", others[0].Workload, others[0].Holder.Local, others[0].Holder.User).
			WithHint("ask them to end it, or take it over: nhctl dev start --take-over %s\nonce it is abandoned anybody may end it: nhctl dev end --abandoned\nwithout what only its pod has: nhctl dev end --force --session %s",
				others[0].Workload.Argument(), others[0].Session)
	}
	if err := hidden(listed, ref, p.Force); err != nil {
		return nil, err
	}
	if p.Force && p.Session == "" {
		return orphans(ctx, c, p, ref)
	}
	return nil, notInDevMode(c, p, ref)
}

// hidden says why the session of a workload can't be ended, where its Lease can't be read. By force one is ended from what its twin and
// its original say, unless a newer nhctl has written it.
func hidden(listed devmode.Listed, ref workload.Ref, force bool) error {
	for _, u := range listed.Unreadable {
		if u.Lease == (devmode.Record{Workload: ref}).Lease() && (!force || errors.Is(u.Err, record.ErrNewer)) {
			return u.Err
		}
	}
	return nil
}

// orphans are what is left of sessions whose Lease is lost.
func orphans(ctx context.Context, c *kube.Client, p rpc.End, ref workload.Ref) ([]devmode.Record, error) {
	found, guessed, err := devmode.Orphan(ctx, c, ref)
	if err == nil && len(found) == 0 {
		err = notInDevMode(c, p, ref)
	}
	if guessed != "" {
		emitter(ctx)(event.Event{Type: event.Notice, Message: guessed})
	}
	return found, err
}

// notInDevMode is the problem of a session that the namespace does not have.
func notInDevMode(c *kube.Client, p rpc.End, ref workload.Ref) error {
	name := ref.String()
	if p.Session != "" {
		name = "session " + p.Session
	}
	return problem.New(problem.NoSession, "%s is not in dev mode (namespace %s)", name, c.Namespace).WithHint("`nhctl dev list` shows the sessions of the namespace")
}

func (d *Daemon) endOne(ctx context.Context, v *visitor, p rpc.End, r devmode.Record) error {
	c := v.client
	place, err := v.where(ctx)
	if err != nil {
		return err
	}
	release, err := d.reserve(work(place, r))
	if err != nil {
		return err
	}
	defer release()
	s, err := d.live(ctx, v, r.Session)
	if err != nil {
		return err
	}
	options := devmode.LeaveOptions{Force: p.Force, FlushLimit: p.Timeout}
	switch {
	case s != nil:
		s.renew(c)
		return d.endLive(ctx, s, options)
	case p.Force || r.Holder.Local == local(p.Caller):
		kept, err := d.endFrom(ctx, c, r, options)
		if kept != "" {
			emitter(ctx)(event.Event{Type: event.Notice, Message: fmt.Sprintf("this computer knows nothing of the session, so the files of its pod are in %s, and nothing was changed in %s",
				kept, r.Folder)})
		}
		return err
	}
	me, err := holder(ctx, c, p.Caller)
	if err != nil {
		return err
	}
	kept, err := devmode.HandOver(ctx, devmode.Deps{Cluster: c, Emit: emitter(ctx), Oust: d.oust(c)}, r, me)
	if kept != "" {
		emitter(ctx)(event.Event{Type: event.Notice, Message: fmt.Sprintf("what the pod of %s had is kept in %s", r.Workload, kept)})
	}
	return err
}

// endLive ends a session that this daemon serves.
func (d *Daemon) endLive(ctx context.Context, s *session, options devmode.LeaveOptions) error {
	quiet := s.tell(emitter(ctx))
	defer quiet()
	s.setLeaving(true)
	r := s.record()
	if err := devmode.Leave(ctx, devmode.Deps{Cluster: s.client(), Link: s, Emit: s.emit}, r, options); err != nil {
		s.setLeaving(false)
		return err
	}
	d.mu.Lock()
	delete(d.sessions, r.Session)
	d.mu.Unlock()
	s.stop()
	return d.paths.remove(r.Session)
}
