package tunnelsession

import (
	"context"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/gateway"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Leftovers are the tunnels into the namespace, everyone's, and gateways that belong to none. Gateways are listed
// first: a tunnel's Lease comes before its gateway.
func (k *Kind) Leftovers(ctx context.Context, caller rpc.Caller, v *session.Visitor) ([]session.Leftover, error) {
	c := v.Client
	gateways, err := gateway.Sessions(ctx, c)
	if err != nil {
		return nil, err
	}
	found, unreadable, err := lease.Scan(ctx, c, contract.RoleTunnel, record.TunnelFromLease)
	if err != nil {
		return nil, err
	}
	witness, err := session.WitnessOf(ctx, c, caller)
	if err != nil {
		return nil, err
	}
	var all []session.Leftover
	for _, u := range unreadable {
		all = append(all, session.UnclearLease(record.TunnelKind, c.Namespace, u.Lease, u.Err))
	}
	for _, t := range found {
		live, err := registry.Matching(ctx, k.registry, v, func(s *Session) bool { return s.ID() == t.Session })
		if err != nil {
			return nil, err
		}
		l := rpc.Leftover{
			Key:       "tunnel/" + t.Session,
			Namespace: c.Namespace,
			Kind:      record.TunnelKind,
			What:      what(t),
			Session:   t.Session,
		}
		l = witness.Judge(l, t.Holder, t.Since, t.Silent(witness.Now), len(live) > 0, t.Abandoned(witness.Now))
		all = append(all, session.Leftover{Leftover: l, Remove: func(ctx context.Context) error {
			if len(live) > 0 {
				return k.end(ctx, live[0])
			}
			return takeDown(ctx, c, t)
		}})
	}
	for _, id := range gateways {
		if slices.ContainsFunc(found, func(t record.Tunnel) bool { return t.Session == id }) {
			continue
		}
		of := record.Tunnel{Session: id, Namespace: c.Namespace}
		all = append(all, session.Leftover{
			Leftover: rpc.Leftover{
				Key:       "gateway/" + id,
				Namespace: c.Namespace,
				Kind:      record.TunnelKind,
				What:      "gateway of session " + id,
				Session:   id,
				State:     rpc.LeftoverAbandoned,
				Reason:    "its Lease is lost",
			},
			Remove: func(ctx context.Context) error { return gateway.Remove(ctx, c, of, nil) },
		})
	}
	return all, nil
}
