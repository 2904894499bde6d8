package session

import (
	"context"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// Leftover is something of nhctl's in a namespace, as a kind of session finds it there.
type Leftover struct {
	rpc.Leftover
	// Remove ends it as its kind does; nil where nhctl leaves it alone.
	Remove func(context.Context) error
}

// Cleaner is a kind that finds what there is of its sessions in a namespace, and removes it.
type Cleaner interface {
	Leftovers(ctx context.Context, caller rpc.Caller, v *Visitor) ([]Leftover, error)
}

// Witness judges whose the sessions of a namespace are: by the cluster's clock, for one caller.
type Witness struct {
	Now time.Time
	Me  record.Holder
}

// WitnessOf is the caller's.
func WitnessOf(ctx context.Context, c *kube.Client, caller rpc.Caller) (w Witness, err error) {
	if w.Now, err = c.Now(ctx); err != nil {
		return w, err
	}
	w.Me, err = HolderOf(ctx, c, caller)
	return w, err
}

// Judge fills in what is known of a session by its record. One that this computer serves, or has begun, is the
// caller's. Another one is held until it was silent for so long that it blocks no one.
func (w Witness) Judge(l rpc.Leftover, by record.Holder, since time.Time, silent time.Duration, served, abandoned bool,
) rpc.Leftover {
	holder := rpc.Holder(by)
	l.Holder, l.Since, l.Silent = &holder, &since, silent.Seconds()
	switch {
	case served, by == w.Me:
		l.State = rpc.LeftoverYours
	case abandoned:
		l.State = rpc.LeftoverAbandoned
	default:
		l.State = rpc.LeftoverHeld
	}
	return l
}

// UnclearLease is a Lease with nhctl's labels that is no session's that this nhctl can read.
func UnclearLease(kind, namespace, name string, why error) Leftover {
	return Leftover{Leftover: rpc.Leftover{
		Key:       "lease/" + name,
		Namespace: namespace,
		Kind:      kind,
		What:      "Lease " + name,
		State:     rpc.LeftoverUnclear,
		Reason:    why.Error(),
	}}
}
