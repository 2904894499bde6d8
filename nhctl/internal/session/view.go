package session

import (
	"cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// ViewOfTunnel is a tunnel's record as clients see it.
func ViewOfTunnel(t record.Tunnel) rpc.Session {
	view := rpc.Session{
		ID:        t.Session,
		Namespace: t.Namespace,
		Kind:      rpc.KindTunnel,
		Holder:    rpc.Holder(t.Holder),
		Since:     t.Since,
		Heartbeat: t.Heartbeat,
		Container: cmp.Or(t.Container, contract.AgentContainer),
		Image:     t.Image,
	}
	if t.Companion() {
		view.Workload = t.Workload.String()
	}
	return view
}

// ViewOfRoute is a route's record as clients see it, without what is the route's own.
func ViewOfRoute(r record.Route) rpc.Session {
	return rpc.Session{
		ID:        r.Session,
		Namespace: r.Namespace,
		Kind:      rpc.KindRoute,
		Holder:    rpc.Holder(r.Holder),
		Since:     r.Since,
		Heartbeat: r.Heartbeat,
		Container: contract.AgentContainer,
		Image:     r.Image,
	}
}

// ViewOf is a record as clients see it.
func ViewOf(r record.Record) rpc.Session {
	var all []string
	if len(r.Extra) > 0 {
		for _, c := range r.Containers() {
			all = append(all, c.Name)
		}
	}
	return rpc.Session{
		ID:         r.Session,
		Namespace:  r.Namespace,
		Workload:   r.Workload.String(),
		Mode:       rpc.Mode(r.Mode),
		Phase:      string(r.Phase),
		Holder:     rpc.Holder(r.Holder),
		Since:      r.Since,
		Heartbeat:  r.Heartbeat,
		Twin:       r.Twin(),
		Container:  r.Container,
		Containers: all,
		Image:      r.Image,
		Folder:     r.Folder,
		WorkDir:    r.WorkDir,
	}
}
