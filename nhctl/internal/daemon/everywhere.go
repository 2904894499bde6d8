package daemon

import (
	"context"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// everywhere lists the sessions of this computer, in whatever cluster, from what is known here: no cluster has to answer.
func (d *Daemon) everywhere(ctx context.Context, caller rpc.Caller) []rpc.Session {
	var v *visitor
	if c, err := cluster(caller); err == nil { // sessions are listed without a cluster of the call's own, too
		v = &visitor{client: c}
	}
	d.adopt(ctx, caller, v)
	states, err := d.paths.load()
	if err != nil {
		d.logger.Error("saved sessions", "error", err)
	}
	sessions := []rpc.Session{}
	for _, state := range states {
		view := recordView(state.Record)
		view.Mine, view.Context = true, state.Context
		d.mu.Lock()
		s, live := d.sessions[state.Record.Session]
		d.mu.Unlock()
		if live {
			link := s.interactive.State()
			view.Live, view.Link, view.Pod, view.Server = true, &link, link.Pod, s.client().Server()
		} else {
			view.Notices = append(view.Notices, "its cluster does not answer, or context "+state.Context+" of "+state.Kubeconfig+" leads elsewhere by now")
		}
		sessions = append(sessions, view)
	}
	slices.SortFunc(sessions, func(a, b rpc.Session) int {
		return strings.Compare(a.Context+"/"+a.Namespace+"/"+a.Workload, b.Context+"/"+b.Namespace+"/"+b.Workload)
	})
	return sessions
}
