package devsession

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/document"
)

// end leaves dev mode: sessions that live here, and those of the same developer that only the cluster knows.
func (k *Kind) end(ctx context.Context, p rpc.End) (rpc.Ended, error) {
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return rpc.Ended{}, err
	}
	k.registry.News(ctx, v)
	records, err := k.meant(ctx, v, p)
	if err != nil {
		return rpc.Ended{Sessions: []rpc.Session{}}, k.forgetLive(ctx, v, p, err)
	}
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	for _, r := range records {
		if err := k.endOne(ctx, v, p, r); err != nil {
			return ended, fmt.Errorf("end dev mode of %s: %w", r.Workload, err)
		}
		ended.Sessions = append(ended.Sessions, session.ViewOf(r))
	}
	return ended, nil
}

// forgetLive drops what this computer has of a session by force, where the cluster refuses to say anything of its
// namespace: that may be gone, or is not the user's any more. What is left of the session there can be ended by whoever
// may.
func (k *Kind) forgetLive(ctx context.Context, v *session.Visitor, p rpc.End, refused error) error {
	switch problem.From(refused).Code {
	case problem.Forbidden, problem.Unauthorized:
	default:
		return refused
	}
	meant, err := endTarget(p)
	if err != nil || p.Abandoned {
		return refused
	}
	live, err := k.matching(ctx, v, meant.includes)
	if err != nil || len(live) == 0 || meant.unnamed != nil && len(live) > 1 {
		return refused
	}
	if !p.Force {
		r := live[0].record()
		return problem.New(problem.From(refused).Code, "%w", refused).
			WithHint("renew your credentials and end again; "+
				"where the namespace is gone for good: nhctl dev end --force %s", r.Workload.Argument())
	}
	for _, s := range live {
		r := s.record()
		k.drop(s, "it was ended by force, while the cluster did not answer for namespace "+r.Namespace)
		text := fmt.Sprintf("the cluster does not answer for namespace %s: %s is forgotten here; "+
			"where it is left in the cluster, `nhctl dev end --abandoned` ends it", r.Namespace, r.Workload)
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
	}
	return nil
}

// endTarget is the target of a call to end.
func endTarget(p rpc.End) (target, error) {
	if p.All || p.Abandoned && p.Session == "" && p.Workload == "" {
		return target{all: true}, nil
	}
	return targetOf(p.Target)
}

// meant lists the sessions that a call to end means.
func (k *Kind) meant(ctx context.Context, v *session.Visitor, p rpc.End) ([]devmode.Record, error) {
	c := v.Client
	t, err := endTarget(p)
	if err != nil {
		return nil, err
	}
	listed, err := lease.List(ctx, c)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(listed.Records, func(r devmode.Record) bool { return !t.includes(r) })
	if p.Abandoned {
		now, err := c.Now(ctx)
		return slices.DeleteFunc(all, func(r devmode.Record) bool { return !r.Abandoned(now) }), err
	}
	mine, others, err := k.divide(ctx, v, p, all)
	if err != nil {
		return nil, err
	}
	if t.unnamed != nil { // a session of another computer has to be named
		others = nil
		if mine, err = k.ofThisComputer(ctx, v, p, mine); err != nil {
			return nil, err
		}
	}
	if err := t.ambiguous(mine); err != nil {
		return nil, err
	}
	switch {
	case len(mine) > 0 || p.All:
		return mine, nil
	case len(others) > 0 && p.Session != "" && p.Force:
		return others, nil
	case len(others) > 0:
		now, err := c.Now(ctx)
		if err != nil {
			return nil, err
		}
		return nil, heldByOther(others[0], now)
	}
	if err := hidden(listed, t.workload, p.Force); err != nil {
		return nil, err
	}
	if p.Force && p.Session == "" {
		return orphans(ctx, c, p, t.workload)
	}
	return nil, notInDevMode(c, p, t.workload)
}

// divide splits sessions into the caller's and those of others. The caller's are those of this computer, and those of
// the same developer at another computer.
func (k *Kind) divide(
	ctx context.Context, v *session.Visitor, p rpc.End, all []devmode.Record,
) (mine, others []devmode.Record, err error) {
	me, err := session.HolderOf(ctx, v.Client, p.Caller)
	if err != nil {
		return nil, nil, err
	}
	here, err := k.ofThisComputer(ctx, v, p, all)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		same := func(o devmode.Record) bool { return o.Session == r.Session }
		if slices.ContainsFunc(here, same) || r.Holder.Developer() == me.Developer() {
			mine = append(mine, r)
		} else {
			others = append(others, r)
		}
	}
	return mine, others, nil
}

// ofThisComputer are the sessions that this computer serves or began.
func (k *Kind) ofThisComputer(
	ctx context.Context, v *session.Visitor, p rpc.End, all []devmode.Record,
) (here []devmode.Record, err error) {
	for _, r := range all {
		live, err := k.live(ctx, v, r.Session)
		if err != nil {
			return nil, err
		}
		if live != nil || r.Holder.Local == session.LocalOf(p.Caller) {
			here = append(here, r)
		}
	}
	return here, nil
}

// heldByOther is the problem of a session that another developer has.
func heldByOther(r devmode.Record, now time.Time) error {
	p := problem.New(problem.Held, "the session of %s is held by %s (%s)", r.Workload, r.Holder.Local, r.Holder.User).
		WithHint("ask them to end it, or take it over: nhctl dev start --take-over %s\n"+
			"once it is abandoned anyone may end it: nhctl dev end --abandoned\n"+
			"without the pod's own files: nhctl dev end --force --session %s", r.Workload.Argument(), r.Session)
	if r.Abandoned(now) {
		return p.WithRemedy(problem.Remedy{
			Title:  "end it: it is abandoned",
			Params: json.RawMessage(`{"abandoned":true,"session":"` + r.Session + `"}`), // a checked id
		})
	}
	return p
}

// hidden says why the session of a workload can't be ended, where its Lease can't be read. By force one is ended from
// what its twin and its original say, unless a newer nhctl has written it.
func hidden(listed lease.Listed, ref workload.Ref, force bool) error {
	for _, u := range listed.Unreadable {
		if u.Lease == (devmode.Record{Workload: ref}).Lease() &&
			(!force || errors.Is(u.Err, document.ErrNewer) || errors.Is(u.Err, record.ErrOtherKind)) {
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
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: guessed})
	}
	return found, err
}

// notInDevMode is the problem of a session that the namespace does not have.
func notInDevMode(c *kube.Client, p rpc.End, ref workload.Ref) error {
	name := ref.String()
	if p.Session != "" {
		name = "session " + p.Session
	}
	return problem.New(problem.NoSession, "%s is not in dev mode (namespace %s)", name, c.Namespace).
		WithHint("`nhctl dev list` shows the sessions of the namespace")
}

func (k *Kind) endOne(ctx context.Context, v *session.Visitor, p rpc.End, r devmode.Record) error {
	c := v.Client
	place, err := v.Where(ctx)
	if err != nil {
		return err
	}
	release, err := k.registry.Reserve(work(place, r))
	if err != nil {
		return err
	}
	defer release()
	s, err := k.live(ctx, v, r.Session)
	if err != nil {
		return err
	}
	options := devmode.LeaveOptions{Force: p.Force, FlushLimit: p.Timeout}
	switch {
	case s != nil:
		s.renew(c)
		return k.endLive(ctx, s, options)
	case p.Force || r.Holder.Local == session.LocalOf(p.Caller):
		kept, err := k.endFrom(ctx, c, r, options)
		if kept != "" {
			text := fmt.Sprintf("this computer knows nothing of the session, "+
				"so the files of its pod are in %s, and nothing was changed in %s", kept, r.Folder)
			event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
		}
		return err
	}
	me, err := session.HolderOf(ctx, c, p.Caller)
	if err != nil {
		return err
	}
	successor := lease.Successor{
		Cluster: c,
		Holder:  me,
		Emit:    event.Sink(ctx),
		Oust:    k.oust(c),
	}
	kept, err := successor.TakeOver(ctx, r)
	if kept != "" {
		text := fmt.Sprintf("the files of the pod of %s are in %s", r.Workload, kept)
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
	}
	return err
}

// endLive ends a session that this daemon serves.
func (k *Kind) endLive(ctx context.Context, s *Session, options devmode.LeaveOptions) error {
	quiet := s.Tell(event.Sink(ctx))
	defer quiet()
	s.SetLeaving(true)
	r := s.record()
	if err := devmode.Leave(ctx, devmode.Deps{Cluster: s.Client(), Link: s, Emit: s.Emit}, r, options); err != nil {
		s.SetLeaving(false)
		return err
	}
	k.registry.Remove(s)
	s.Stop()
	return session.Remove(k.dirs, r.Session)
}
