package devsession

import (
	"context"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// Leftovers are the sessions of the namespace, everyone's, and what is left of those whose Lease is lost.
func (k *Kind) Leftovers(ctx context.Context, caller rpc.Caller, v *session.Visitor) ([]session.Leftover, error) {
	c := v.Client
	listed, err := lease.List(ctx, c)
	if err != nil {
		return nil, err
	}
	witness, err := session.WitnessOf(ctx, c, caller)
	if err != nil {
		return nil, err
	}
	var all []session.Leftover
	for _, u := range listed.Unreadable {
		all = append(all, session.UnclearLease(record.DevMode, c.Namespace, u.Lease, u.Err))
	}
	for _, r := range listed.Records {
		live, err := k.live(ctx, v, r.Session)
		if err != nil {
			return nil, err
		}
		l := witness.Judge(k.leftover(r, "dev/"+r.Session), r.Holder, r.Since, r.Silent(witness.Now), live != nil,
			r.Abandoned(witness.Now))
		end := rpc.End{Target: rpc.Target{Caller: caller, Session: r.Session}}
		one := session.Leftover{Leftover: l, Remove: func(ctx context.Context) error {
			return k.endOne(ctx, v, end, r)
		}}
		if live == nil {
			if err := k.vouched(ctx, v, r, &one); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	lost, err := devmode.Orphans(ctx, c, listed.Records)
	if err != nil {
		return nil, err
	}
	for _, o := range lost {
		all = append(all, k.lost(ctx, v, o))
	}
	return all, nil
}

func (k *Kind) leftover(r devmode.Record, key string) rpc.Leftover {
	return rpc.Leftover{
		Key:       key,
		Namespace: r.Namespace,
		Kind:      record.DevMode,
		What:      "dev mode of " + r.Workload.String(),
		Session:   r.Session,
	}
}

// vouched leaves a custom resource alone that a Lease alone says is parked: whoever may write Leases could have it
// scaled so. All other kinds of workloads have a label, or a manifest, of the session that has parked them.
func (k *Kind) vouched(ctx context.Context, v *session.Visitor, r devmode.Record, l *session.Leftover) error {
	if !r.Workload.Kind.Custom() || r.Mode == record.Duplicate {
		return nil
	}
	there, err := devmode.HasTwin(ctx, v.Client, r)
	if err == nil && !there {
		l.State, l.Remove = rpc.LeftoverUnclear, nil
		l.Reason = fmt.Sprintf("nothing but its Lease says that %s is parked: nhctl dev end --force --session %s",
			r.Workload, r.Session)
	}
	return err
}

// lost is what a session without a Lease has left.
func (k *Kind) lost(ctx context.Context, v *session.Visitor, o devmode.Left) session.Leftover {
	if o.Err != nil {
		return session.Leftover{Leftover: rpc.Leftover{
			Key:       "twin/" + o.Twin,
			Namespace: v.Client.Namespace,
			Kind:      record.DevMode,
			What:      "Deployment " + o.Twin,
			State:     rpc.LeftoverUnclear,
			Reason:    o.Err.Error(),
		}}
	}
	r := o.Record
	l := k.leftover(r, "lost/"+r.Session+"/"+r.Workload.String())
	l.State, l.Reason = rpc.LeftoverAbandoned, "its Lease is lost"
	return session.Leftover{Leftover: l, Remove: func(ctx context.Context) error {
		if o.Guessed != "" {
			event.Sink(ctx)(event.Event{Type: event.Notice, Message: o.Guessed})
		}
		place, err := v.Where(ctx)
		if err != nil {
			return err
		}
		release, err := k.registry.Reserve(work(place, r))
		if err != nil {
			return err
		}
		defer release()
		kept, err := k.endFrom(ctx, v.Client, r, devmode.LeaveOptions{})
		if kept != "" {
			text := fmt.Sprintf("the files of the pod of %s are in %s", r.Workload, kept)
			event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
		}
		return err
	}}
}
