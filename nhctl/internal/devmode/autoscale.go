package devmode

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// pausedAnnotation is KEDA's own: it leaves the replicas alone as long as it is there.
const pausedAnnotation = "autoscaling.keda.sh/paused"

func scaledObjects() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}
}

func autoscalers() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
}

// targeting lists the autoscalers of a workload. Where the cluster has no such kind, or the user may not look, there
// are none.
func targeting(
	ctx context.Context, c *kube.Client, resource schema.GroupVersionResource, ref workload.Ref,
) ([]unstructured.Unstructured, error) {
	list, err := c.Dynamic.Resource(resource).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", resource.Resource, c.Explain(err))
	}
	var found []unstructured.Unstructured
	for _, o := range list.Items {
		target, _, _ := unstructured.NestedStringMap(o.Object, "spec", "scaleTargetRef")
		kind := target["kind"]
		if kind == "" {
			kind = string(workload.Deployment)
		}
		same := strings.EqualFold(kind, string(ref.Kind))
		if ref.Kind.Custom() { // a plural resource, whose kind only its definition says
			same = strings.HasPrefix(string(ref.Kind), strings.ToLower(kind))
		}
		if same && target["name"] == ref.Name {
			found = append(found, o)
		}
	}
	return found, nil
}

// findAutoscalers looks for what would scale the original while it is parked. At 0 replicas a HorizontalPodAutoscaler
// rests by itself.
func (e *entry) findAutoscalers(ctx context.Context) error {
	switch kind := e.spec.Workload.Kind; {
	case e.duplicate(),
		kind == workload.Pod, kind == workload.DaemonSet, kind == workload.Job, kind == workload.CronJob:
		return nil
	}
	scaled, err := targeting(ctx, e.Cluster, scaledObjects(), e.spec.Workload)
	if err != nil {
		return err
	}
	for _, o := range scaled {
		if _, paused := o.GetAnnotations()[pausedAnnotation]; !paused {
			e.record.Paused = append(e.record.Paused, o.GetName())
		}
	}
	if e.record.Kept == 0 || len(scaled) > 0 { // KEDA's own autoscaler goes while it is paused
		return nil
	}
	hpas, err := targeting(ctx, e.Cluster, autoscalers(), e.spec.Workload)
	if err != nil || len(hpas) == 0 {
		return err
	}
	return problem.New(problem.Refused, "the HorizontalPodAutoscaler %s would bring back the pods of %s: "+
		"it rests only at 0 replicas, and %d go on", hpas[0].GetName(), e.spec.Workload, e.record.Kept).
		WithHint("park all pods (--all), or develop on a copy: --mode duplicate")
}

// pause lets KEDA leave the original alone.
func (e *entry) pause(ctx context.Context) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{pausedAnnotation: "true"},
		"labels":      map[string]any{contract.LabelSession: e.record.Session},
	}})
	if err != nil {
		return err
	}
	objects := e.Cluster.Dynamic.Resource(scaledObjects()).Namespace(e.record.Namespace)
	for _, name := range e.record.Paused {
		_, err := objects.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("pause the ScaledObject %s: %w", name, e.Cluster.Explain(err))
		}
	}
	return nil
}

// resume takes the pause back, where it is still ours.
func resume(ctx context.Context, c *kube.Client, r Record) error {
	path := func(field, key string) string {
		return "/metadata/" + field + "/" + strings.ReplaceAll(key, "/", "~1")
	}
	label := path("labels", contract.LabelSession)
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": label, "value": r.Session},
		{"op": "remove", "path": label},
		{"op": "remove", "path": path("annotations", pausedAnnotation)},
	})
	if err != nil {
		return err
	}
	objects := c.Dynamic.Resource(scaledObjects()).Namespace(r.Namespace)
	for _, name := range r.Paused {
		_, err := objects.Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsInvalid(err) {
			return fmt.Errorf("let the ScaledObject %s go on: %w", name, c.Explain(err))
		}
	}
	return nil
}
