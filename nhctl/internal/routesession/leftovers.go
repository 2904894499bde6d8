package routesession

import (
	"context"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Leftovers are the routes of the namespace, everyone's, and fronts and previews that no route has. Those are listed
// first: a route's Lease comes before its front.
func (k *Kind) Leftovers(ctx context.Context, caller rpc.Caller, v *session.Visitor) ([]session.Leftover, error) {
	c := v.Client
	fronts, err := front.Left(ctx, c)
	if err != nil {
		return nil, err
	}
	found, unreadable, err := lease.Scan(ctx, c, contract.RoleRoute, record.RouteFromLease)
	if err != nil {
		return nil, err
	}
	witness, err := session.WitnessOf(ctx, c, caller)
	if err != nil {
		return nil, err
	}
	var all []session.Leftover
	for _, u := range unreadable {
		all = append(all, session.UnclearLease(record.RouteKind, c.Namespace, u.Lease, u.Err))
	}
	for _, r := range found {
		live, err := registry.Matching(ctx, k.registry, v, func(s *Session) bool { return s.ID() == r.Session })
		if err != nil {
			return nil, err
		}
		l := rpc.Leftover{
			Key:       "route/" + r.Session,
			Namespace: c.Namespace,
			Kind:      record.RouteKind,
			What:      "route of Service " + r.Service,
			Session:   r.Session,
		}
		l = witness.Judge(l, r.Holder, r.Since, r.Silent(witness.Now), len(live) > 0, r.Abandoned(witness.Now))
		all = append(all, session.Leftover{Leftover: l, Remove: func(ctx context.Context) error {
			if len(live) > 0 {
				return k.end(ctx, live[0])
			}
			return takeDown(ctx, c, r)
		}})
	}
	for _, p := range fronts {
		if !slices.ContainsFunc(found, func(r record.Route) bool { return r.Front == p.ID }) {
			all = append(all, withoutRoutes(c, p))
		}
	}
	return all, nil
}

// withoutRoutes is a front, or a preview, that no route has.
func withoutRoutes(c *kube.Client, p front.Remains) session.Leftover {
	l := session.Leftover{
		Leftover: rpc.Leftover{
			Key:       "front/" + p.ID,
			Namespace: p.Namespace,
			Kind:      record.RouteKind,
			What:      "front of Service " + p.Service,
			State:     rpc.LeftoverAbandoned,
			Reason:    "no route is left",
		},
		Remove: func(ctx context.Context) error {
			return takeDown(ctx, c, record.Route{Namespace: p.Namespace, Service: p.Service, Front: p.ID})
		},
	}
	switch {
	case p.Service == "":
		l.What, l.Reason = "front "+p.ID, "no Service leads there"
		l.Remove = func(ctx context.Context) error { return front.Remove(ctx, c, p.Plan) }
	case p.Err != nil:
		l.State, l.Reason, l.Remove = rpc.LeftoverUnclear, p.Err.Error(), nil
	case p.Preview:
		l.What = "preview " + p.Service
	}
	return l
}
