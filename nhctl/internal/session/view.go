package session

import (
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

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
