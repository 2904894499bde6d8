package routesession

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// duplicate is a session that has a duplicate of a workload in the cluster.
type duplicate interface {
	session.Live
	Holder() record.Holder
	// Duplicate is the workload; ok is false where the session stands in for it.
	Duplicate() (of workload.Ref, ok bool)
	// DuplicatePod is the duplicate's own pod; nil where it has none.
	DuplicatePod(ctx context.Context) (*corev1.Pod, error)
}

// toDuplicate has a route lead to the developer's duplicate, where its ports say so.
func (k *Kind) toDuplicate(
	ctx context.Context, v *session.Visitor, plan front.Plan, r *record.Route, preview bool,
) error {
	is := func(p record.RoutePort) bool { return p.Local == record.LocalDev }
	switch {
	case !slices.ContainsFunc(r.Ports, is):
		return nil
	case preview || r.Mirror:
		return problem.New(problem.Usage, "only an exchange or a mesh leads to your duplicate")
	case slices.ContainsFunc(r.Ports, func(p record.RoutePort) bool { return !is(p) }):
		return problem.New(problem.Usage, "ports of Service %s lead to your duplicate and to this computer", r.Service).
			WithHint("begin two meshes, each with conditions of its own")
	}
	of, err := k.duplicateFor(ctx, v, plan, r.Holder)
	r.Dev = of.String()
	return err
}

// duplicateFor is the workload behind a Service of which the developer has a duplicate.
func (k *Kind) duplicateFor(
	ctx context.Context, v *session.Visitor, plan front.Plan, holder record.Holder,
) (of workload.Ref, err error) {
	all, err := registry.Matching(ctx, k.registry, v, func(d duplicate) bool {
		_, ok := d.Duplicate()
		return ok && d.Holder() == holder
	})
	if err != nil {
		return of, err
	}
	var behind, apart []string
	for _, d := range all {
		ref, _ := d.Duplicate()
		original, err := v.Client.Original(ctx, ref, "")
		if err != nil && problem.From(err).Code != problem.NotFound {
			return of, err
		}
		if err == nil && labels.SelectorFromSet(plan.Selector).Matches(labels.Set(original.Template.Labels)) {
			of, behind = ref, append(behind, ref.Argument())
		} else {
			apart = append(apart, ref.Argument())
		}
	}
	switch {
	case len(behind) > 1:
		return of, problem.New(problem.Refused, "you have duplicates of several workloads that Service %s leads to: %s",
			plan.Service, strings.Join(behind, ", ")).WithHint("end the others: nhctl dev end %s", behind[0])
	case len(behind) == 1:
		return of, nil
	}
	why := ""
	if len(apart) > 0 {
		why = fmt.Sprintf(" (the Service does not lead to %s)", strings.Join(apart, ", "))
	}
	return of, problem.New(problem.NoSession, "you have no duplicate of a workload that Service %s leads to%s",
		plan.Service, why).WithHint("start one: nhctl dev start WORKLOAD --mode duplicate")
}

// target is where a route to a duplicate leads at the moment.
type target struct {
	mu sync.Mutex
	// address is the pod's; empty while it is not ready, and then why says so.
	address, why string
}

func (t *target) set(address, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.address, t.why = address, why
}

func (t *target) get() (address, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.address, t.why
}

// followDuplicates says whenever the duplicate's pod may be another one, until ctx ends.
func (s *Session) followDuplicates(ctx context.Context, changed func()) {
	stop := s.kind.registry.Watch(changed)
	defer stop()
	s.Client().Follow(ctx, kube.Selection{
		Resource:  schema.GroupVersionResource{Version: "v1", Resource: "pods"},
		Namespace: s.record().Namespace,
		Labels:    contract.LabelRole + "=" + contract.RoleTwin,
	}, kube.NewObjects(changed))
}

// find looks for the duplicate's pod among this daemon's own sessions, and returns its address.
func (s *Session) find(ctx context.Context) (address string) {
	address, why := s.podOf(ctx)
	s.target.set(address, why)
	return address
}

// podOf is the address of the pod of the developer's duplicate, or why there is none. Only what the twin of a session
// of this daemon has made is a pod of it, whatever the cluster says of others.
func (s *Session) podOf(ctx context.Context) (address, why string) {
	mine := s.record()
	for _, d := range registry.Of[duplicate](s.kind.registry) {
		of, ok := d.Duplicate()
		if namespace, place := d.Home(); !ok || of.String() != mine.Dev || namespace != mine.Namespace ||
			!place.Same(mine.Place) || d.Holder() != mine.Holder {
			continue
		}
		pod, err := d.DuplicatePod(ctx)
		if err != nil {
			return "", "your duplicate of " + of.String() + " can't be seen: " + escape.Line(err.Error())
		}
		if pod == nil || !workload.Ready(pod) {
			return "", "your duplicate of " + of.String() + " is not ready"
		}
		rule := mine.Rule()
		if rule.Address = pod.Status.PodIP; rule.Address == "" || rule.Check() != nil {
			return "", "your duplicate of " + of.String() + " has no address yet"
		}
		return rule.Address, ""
	}
	ref, err := workload.ParseRef(mine.Dev)
	if err != nil {
		return "", err.Error()
	}
	const over = "your duplicate of %s has ended; start it again: nhctl dev start %s --mode duplicate; or end the " +
		"route: nhctl leave %s"
	return "", fmt.Sprintf(over, ref, ref.Argument(), mine.Service)
}
