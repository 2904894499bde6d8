package devmode

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// parker stops and starts the original's pods. Each kind of workload has its own way.
type parker interface {
	// park stops the pods, by one change that is guarded against others'.
	park(context.Context, Record) error
	// unpark starts them again; it returns a notice when somebody else has done so already.
	unpark(context.Context, Record) (notice string, err error)
	// gone says whether no pod of the original is ready any more.
	gone(context.Context, Record) (bool, error)
	// restored says whether all pods of the original are ready.
	restored(context.Context, Record) (bool, error)
}

// parkerFor returns the way of a kind.
func parkerFor(c *kube.Client, ref workload.Ref) (parker, error) {
	if ref.Kind == workload.Deployment {
		return deployments{c}, nil
	}
	return nil, problem.New(problem.Refused, "dev mode does not know %ss yet", ref.Kind)
}

// deployments parks Deployments: replicas 0 and a label.
type deployments struct{ *kube.Client }

func (d deployments) park(ctx context.Context, r Record) error {
	const tries = 5
	for range tries {
		original, err := d.API.AppsV1().Deployments(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
		if err != nil {
			return d.Explain(err)
		}
		if other := original.Labels[contract.LabelSession]; other != "" && other != r.Session {
			return problem.New(problem.Held, "%s is parked by session %s", r.Workload, other).WithHint("`nhctl dev list` shows the sessions")
		}
		patch, err := workload.ParkPatch(original.ResourceVersion, r.Session)
		if err != nil {
			return err
		}
		_, err = d.API.AppsV1().Deployments(r.Namespace).Patch(ctx, r.Workload.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		if !apierrors.IsConflict(err) {
			return d.Explain(err)
		}
	}
	return fmt.Errorf("%s changes all the time: somebody else is at work on it", r.Workload)
}

func (d deployments) unpark(ctx context.Context, r Record) (string, error) {
	original, err := d.API.AppsV1().Deployments(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("%s was deleted meanwhile: there is nothing to restore", r.Workload), nil
	}
	if err != nil {
		return "", d.Explain(err)
	}
	if original.Labels[contract.LabelSession] != r.Session {
		return "", nil // it is not parked, or not by this session
	}
	notice := ""
	patch, err := workload.UnparkPatch(r.Session, r.Replicas)
	if original.Spec.Replicas != nil && *original.Spec.Replicas != 0 {
		notice = fmt.Sprintf("somebody scaled %s to %d meanwhile: it stays so", r.Workload, *original.Spec.Replicas)
		patch, err = workload.UnlabelPatch(r.Session)
	}
	if err != nil {
		return "", err
	}
	_, err = d.API.AppsV1().Deployments(r.Namespace).Patch(ctx, r.Workload.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	return notice, d.Explain(err)
}

func (d deployments) gone(ctx context.Context, r Record) (bool, error) {
	original, err := d.API.AppsV1().Deployments(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if err != nil {
		return false, d.Explain(err)
	}
	selector, err := metav1.LabelSelectorAsSelector(original.Spec.Selector)
	if err != nil {
		return false, err
	}
	pods, err := d.API.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return false, d.Explain(err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.Labels[contract.LabelRole] != contract.RoleTwin && workload.Ready(p) {
			return false, nil
		}
	}
	return true, nil
}

func (d deployments) restored(ctx context.Context, r Record) (bool, error) {
	original, err := d.API.AppsV1().Deployments(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, d.Explain(err)
	}
	want := int32(1)
	if original.Spec.Replicas != nil {
		want = *original.Spec.Replicas
	}
	s := original.Status
	return s.ObservedGeneration >= original.Generation && s.AvailableReplicas >= want && s.UpdatedReplicas >= want, nil
}

// park stops the original and returns when no Service has an endpoint of it any more.
func (e *entry) park(ctx context.Context) error {
	p, err := parkerFor(e.Cluster, e.record.Workload)
	if err != nil {
		return err
	}
	if err := p.park(ctx, e.record); err != nil {
		return err
	}
	return poll(ctx, func(ctx context.Context) (bool, error) { return p.gone(ctx, e.record) })
}

func (e *entry) unpark(ctx context.Context) error {
	p, err := parkerFor(e.Cluster, e.record.Workload)
	if err != nil {
		return err
	}
	_, err = p.unpark(ctx, e.record)
	return err
}

// route lets the twin receive the Services' traffic: this pod, and any that comes after it.
func (e *entry) route(ctx context.Context) error {
	if err := e.Link.SetReady(ctx, true); err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"stringData": map[string]any{contract.SecretReady: "true"}})
	if err != nil {
		return err
	}
	if _, err := e.Cluster.API.CoreV1().Secrets(e.record.Namespace).Patch(ctx, e.record.Twin, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return e.Cluster.Explain(err)
	}
	begin := time.Now()
	return poll(ctx, func(ctx context.Context) (bool, error) {
		pod, err := Pod(ctx, e.Cluster, e.record)
		if err != nil {
			return false, err
		}
		if ready := workload.Ready(pod); ready || time.Since(begin) < 30*time.Second {
			return ready, nil
		}
		return false, problem.New(problem.NotReady, "the dev pod runs, but does not become ready: %s", notReady(pod)).
			WithHint("a container beside the dev container is not ready; `kubectl describe pod` shows its probe")
	})
}

func notReady(pod *corev1.Pod) string {
	if pod == nil {
		return "it went away"
	}
	text := "containers that are not ready:"
	for _, s := range pod.Status.ContainerStatuses {
		if !s.Ready {
			text += " " + s.Name
		}
	}
	return text
}

func (e *entry) activate(ctx context.Context) error {
	e.record.Phase = Active
	if err := update(ctx, e.Cluster, e.record); err != nil {
		return err
	}
	return e.Link.Save(e.record, e.token)
}

// Drift says what somebody did to the original while it was parked, or "".
func Drift(ctx context.Context, c *kube.Client, r Record) (string, error) {
	original, err := c.API.AppsV1().Deployments(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("%s was deleted", r.Workload), nil
	}
	if err != nil {
		return "", c.Explain(err)
	}
	if original.UID != r.UID {
		return fmt.Sprintf("%s was deleted and made anew", r.Workload), nil
	}
	if original.Spec.Replicas != nil && *original.Spec.Replicas != 0 {
		return fmt.Sprintf("somebody scaled %s to %d while it was parked", r.Workload, *original.Spec.Replicas), nil
	}
	return "", nil
}

func notice(text string) event.Event { return event.Event{Type: event.Notice, Message: text} }
