package devmode

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// parker stops and starts the original's pods. Each kind of workload has its own way.
type parker interface {
	// ask asks the server whether park may stop the pods of the original, as it was read: by one dry run.
	ask(ctx context.Context, r Record, original *unstructured.Unstructured) error
	// park stops the pods, by one change that is guarded against others'.
	park(context.Context, Record) error
	// unpark starts them again; it returns a notice when someone else has done so already.
	unpark(context.Context, Record) (notice string, err error)
	// gone says whether no pod of the original is ready any more; or, wholly, whether none has anything that the twin
	// needs.
	gone(ctx context.Context, r Record, wholly bool) (bool, error)
	// restored says whether all pods of the original are ready.
	restored(context.Context, Record) (bool, error)
	// drift says what someone did to the original while it was parked.
	drift(context.Context, Record) (Change, error)
}

// parkerFor returns the way of a kind.
func parkerFor(c *kube.Client, ref workload.Ref) parker {
	switch {
	case ref.Kind == workload.Pod:
		return storing{c}
	case ref.Kind.Custom():
		return scaling{c}
	case ref.Kind == workload.CronJob:
		return scheduling{patching{c}}
	}
	return patching{c}
}

// park stops the original and returns when no Service has an endpoint of it any more, and where the twin needs what
// only one pod can have, when its pods have ended.
func (e *entry) park(ctx context.Context) error {
	p := parkerFor(e.Cluster, e.record.Workload)
	if err := p.park(ctx, e.record); err != nil {
		return err
	}
	return poll(ctx, func(ctx context.Context) (bool, error) { return p.gone(ctx, e.record, e.first != "") })
}

func (e *entry) unpark(ctx context.Context) error {
	_, err := parkerFor(e.Cluster, e.record.Workload).unpark(ctx, e.record)
	return err
}

// present says whether a pod of the original is still there, as parker.gone asks.
func present(pod *corev1.Pod, wholly bool) bool {
	phase := pod.Status.Phase
	if pod.Labels[contract.LabelRole] == contract.RoleTwin ||
		phase == corev1.PodSucceeded || phase == corev1.PodFailed {
		return false
	}
	return wholly || workload.Ready(pod)
}

// changing is the problem of a change that fails again and again, because others change the workload, too.
func changing(r Record) error {
	return fmt.Errorf("%s changes all the time: someone else is at work on it", r.Workload)
}

// parkTries is how often a change is tried again after someone else's.
const parkTries = 5

// open lets the twin's pod be ready, and those that come after it.
func (e *entry) open(ctx context.Context) error {
	if err := e.Link.SetReady(ctx, true); err != nil {
		return err
	}
	return openGate(ctx, e.Cluster, e.record)
}

// route lets the twin receive the Services' traffic: this pod, and any that comes after it.
func (e *entry) route(ctx context.Context) error {
	if err := e.open(ctx); err != nil {
		return err
	}
	begin := time.Now()
	return poll(ctx, func(ctx context.Context) (bool, error) {
		pod, err := Pod(ctx, e.Cluster, e.record)
		if err != nil {
			return false, err
		}
		waiting := e.notReady(pod)
		if ready := waiting == ""; ready || time.Since(begin) < 30*time.Second {
			return ready, nil
		}
		return false, problem.New(problem.NotReady, "the dev pod runs, but does not become ready: %s", waiting).
			WithHint("another container of the pod is not ready; `kubectl describe pod` shows its probe")
	})
}

// notReady says why a pod gets no traffic yet, or "". A dev container with the original's probes is ready once its
// program runs, which is up to the developer.
func (e *entry) notReady(pod *corev1.Pod) string {
	if pod == nil {
		return "it went away"
	}
	if workload.Ready(pod) {
		return ""
	}
	names, own := "", map[string]bool{}
	for _, d := range e.spec.devs() {
		own[d.Name()] = d.Probes == workload.ProbesReadiness || d.Probes == workload.ProbesKeep
	}
	excused := false
	for _, s := range pod.Status.ContainerStatuses {
		excused = excused || !s.Ready && own[s.Name]
		if !s.Ready && !own[s.Name] {
			names += " " + s.Name
		}
	}
	if names == "" && excused {
		return ""
	}
	return "containers that are not ready:" + names
}

func (e *entry) activate(ctx context.Context) error {
	e.record.Phase = record.Active
	if err := lease.Update(ctx, e.Cluster, e.record); err != nil {
		return err
	}
	return e.Link.Save(e.record, e.token)
}

func notice(text string) event.Event { return event.Event{Type: event.Notice, Message: text} }
