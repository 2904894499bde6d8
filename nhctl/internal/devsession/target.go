package devsession

import (
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// target says which sessions a call means: the one with an id, those of a workload, all, or the only one there is.
type target struct {
	session  string
	workload workload.Ref
	all      bool
	// unnamed says why no workload is known: neither the call nor a config names one. Then the only session is meant.
	unnamed error
}

// targetOf is what a call names: a session, a workload, or with its folder the workload of a config.
func targetOf(t rpc.Target) (target, error) {
	if t.Session != "" {
		return target{session: t.Session}, nil
	}
	ref, _, err := plan.Named(t, "")
	if err != nil && t.Workload != "" {
		return target{}, err
	}
	return target{workload: ref, unnamed: err}, nil
}

// includes says whether the call may mean a session.
func (t target) includes(r devmode.Record) bool {
	switch {
	case t.all || t.unnamed != nil:
		return true
	case t.session != "":
		return r.Session == t.session
	}
	return r.Workload == t.workload
}

// ambiguous is the problem of a call that does not say which of the sessions it means, out of those that it may mean.
func (t target) ambiguous(among []devmode.Record) error {
	switch {
	case t.all || len(among) == 1:
		return nil
	case t.unnamed != nil:
		return t.unnamed
	case len(among) == 0:
		return nil
	}
	var ids []string
	for _, r := range among {
		ids = append(ids, r.Session)
	}
	return problem.New(problem.Usage, "several sessions match: %s", strings.Join(ids, " ")).
		WithHint("choose one with --session; `nhctl dev list` shows them")
}
