package front

import (
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/route"
)

// Overlap refuses a route that claims what another one does, and names its holder. Routes that were silent for long
// block no one.
func Overlap(mine record.Route, others []record.Route, now time.Time) error {
	for _, o := range others {
		if o.Service != mine.Service || o.Session == mine.Session || o.Abandoned(now) || !claimsSame(mine, o) {
			continue
		}
		what := "exchanges Service " + o.Service
		if !o.Exchange() {
			what = "has a mesh of Service " + o.Service + " for " + conditions(o.Matches)
		}
		return problem.New(problem.Held, "%s %s, for %s", o.Holder, what, now.Sub(o.Since).Round(time.Second)).
			WithHint("choose conditions of which no request can have both, ask %s to end it (nhctl leave %s), or take "+
				"it over: --take-over", o.Holder.Local, o.Service)
	}
	return nil
}

func conditions(matches []route.Match) string {
	var all []string
	for _, m := range matches {
		all = append(all, m.String())
	}
	return strings.Join(all, " and ")
}

// claimsSame says whether there can be traffic that both routes claim. A mesh wins over an exchange next to it, unless
// that takes whole connections. A mirror claims nothing.
func claimsSame(a, b record.Route) bool {
	switch {
	case a.Mirror || b.Mirror || !samePort(a, b):
		return false
	case a.Raw || b.Raw:
		return true
	case a.Exchange() != b.Exchange():
		return false
	}
	for _, m := range a.Matches {
		for _, n := range b.Matches {
			if excludes(m, n) {
				return false
			}
		}
	}
	return true
}

func samePort(a, b record.Route) bool {
	for _, p := range a.Ports {
		for _, q := range b.Ports {
			if p.Target == q.Target {
				return true
			}
		}
	}
	return false
}

// excludes says whether no value has both conditions. Regular expressions are taken for ones that may overlap. A
// request with two lines of a header may have both values nevertheless: then the first route by its id takes it.
func excludes(a, b route.Match) bool {
	if a.Of != b.Of || !strings.EqualFold(a.Name, b.Name) {
		return false
	}
	begin, prefixed := strings.CutPrefix(a.Value, "^")
	other, otherPrefixed := strings.CutPrefix(b.Value, "^")
	switch {
	case strings.HasPrefix(a.Value, "~") || strings.HasPrefix(b.Value, "~"):
		return false
	case prefixed && otherPrefixed:
		return !strings.HasPrefix(begin, other) && !strings.HasPrefix(other, begin)
	case prefixed:
		return !strings.HasPrefix(b.Value, begin)
	case otherPrefixed:
		return !strings.HasPrefix(a.Value, other)
	}
	return a.Value != b.Value
}
