package devmode

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Change is what someone did to the original while it was parked; without a text it is nothing.
type Change struct {
	Text string
	// Freed says that its pods are back, Lost that it is gone, or another one of the same name.
	Freed, Lost bool
	// Hint is what keeps it from happening again.
	Hint string
}

// Drift looks for what someone did to the original while it was parked.
func Drift(ctx context.Context, c *kube.Client, r Record) (Change, error) {
	return parkerFor(c, r.Workload).drift(ctx, r)
}

// drifted compares a parked workload with what it was.
func drifted(r Record, original *unstructured.Unstructured) Change {
	if original.GetUID() != r.UID {
		text := fmt.Sprintf("%s was deleted and created again, so there is nothing left to stand in for", r.Workload)
		return Change{Text: text, Lost: true}
	}
	if said := workload.Freed(r.Workload, original, r.Before()); said != "" && !r.Workload.Kind.Custom() {
		said += by(workload.Manager(original, r.Workload.Kind, r.Before()))
		return Change{
			Text:  said + " while it was parked",
			Freed: true,
			Hint:  workload.KeepAway(r.Workload, original, r.Before()),
		}
	}
	if r.Fingerprint != "" && workload.Fingerprint(r.Workload.Kind, original) != r.Fingerprint {
		text := fmt.Sprintf("someone changed the pod template of %s: the dev pod is made of the one before; "+
			"end dev mode and start again to develop on the new one", r.Workload)
		return Change{Text: text}
	}
	return Change{}
}

func by(manager string) string {
	if manager == "" {
		return ""
	}
	return " (with " + manager + ")"
}

func lost(r Record) Change {
	text := fmt.Sprintf("%s was deleted, so there is nothing to stand in for any more", r.Workload)
	return Change{Text: text, Lost: true}
}

// StepAside takes the twin out of the Services for good: this pod, and any that comes after it.
func StepAside(ctx context.Context, deps Deps, r Record) error {
	if err := closeGate(ctx, deps.Cluster, r); err != nil {
		return err
	}
	return deps.Link.SetReady(ctx, false)
}

// Watch calls changed whenever someone changes the original, until ctx or the watch ends.
func Watch(ctx context.Context, c *kube.Client, r Record, changed func()) {
	objects := c.Dynamic.Resource(r.Workload.Kind.Resource()).Namespace(r.Namespace)
	w, err := objects.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + r.Workload.Name})
	if err != nil {
		return
	}
	defer w.Stop()
	for range w.ResultChan() {
		changed()
	}
}

// comesUp says why the pods of an original that was given back never will, or "".
func comesUp(ctx context.Context, c *kube.Client, r Record) (string, error) {
	objects := c.Dynamic.Resource(r.Workload.Kind.Resource()).Namespace(r.Namespace)
	original, err := objects.Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	labels, err := workload.Selector(original)
	if err != nil || labels == nil {
		return "", err
	}
	selector, err := metav1.LabelSelectorAsSelector(labels)
	if err != nil {
		return "", err
	}
	pods, err := c.API.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return "", err
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.Labels[contract.LabelRole] == contract.RoleTwin ||
			p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded {
			continue
		}
		if _, fatal := workload.Diagnose(nil, p, 0); fatal != nil {
			return fatal.Message, nil
		}
	}
	return "", nil
}
