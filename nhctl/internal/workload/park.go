package workload

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Before is what a workload was before it was parked, as the session's record has it.
type Before struct {
	Replicas, Kept int32
	Suspended      bool
}

// lever is the one field that parks a workload: where it is, and its value while parked and before. A nil free means no
// such field.
type lever struct {
	path         []string
	parked, free any
}

func leverOf(kind Kind, b Before) lever {
	switch kind {
	case Job, CronJob:
		return lever{[]string{"spec", "suspend"}, true, b.Suspended}
	case DaemonSet:
		return lever{[]string{"spec", "template", "spec", "nodeSelector", contract.LabelSession}, contract.RoleParked,
			nil}
	}
	return lever{[]string{"spec", "replicas"}, int64(b.Kept), int64(b.Replicas)}
}

// ParkPatch is the one merge patch that parks a workload. The API server refuses it (a conflict) when someone changed
// the workload since it was read.
func ParkPatch(kind Kind, object *unstructured.Unstructured, session string, b Before) ([]byte, error) {
	patch := map[string]any{"metadata": map[string]any{"resourceVersion": object.GetResourceVersion(),
		"labels": map[string]any{contract.LabelSession: session}}}
	l := leverOf(kind, b)
	if err := unstructured.SetNestedField(patch, l.parked, l.path...); err != nil {
		return nil, err
	}
	return json.Marshal(patch)
}

// UnparkPatch is the JSON patch that frees a parked workload, without a trace. It fails where the workload is not
// parked by this session, or someone freed it in the meantime.
func UnparkPatch(kind Kind, object *unstructured.Unstructured, session string, b Before) ([]byte, error) {
	l := leverOf(kind, b)
	patch := unlabel(session)
	if l.free != nil {
		return json.Marshal(append(patch, op("test", l.path, l.parked), op("replace", l.path, l.free)))
	}
	// A selector that has nothing else did not exist before.
	if around, _, _ := unstructured.NestedMap(object.Object, l.path[:len(l.path)-1]...); len(around) == 1 {
		l.path, l.parked = l.path[:len(l.path)-1], around
	}
	return json.Marshal(append(patch, op("test", l.path, l.parked), op("remove", l.path, nil)))
}

// UnlabelPatch takes the session's label off a workload that someone else has freed.
func UnlabelPatch(session string) ([]byte, error) { return json.Marshal(unlabel(session)) }

func unlabel(session string) []map[string]any {
	label := []string{"metadata", "labels", contract.LabelSession}
	return []map[string]any{op("test", label, session), op("remove", label, nil)}
}

// op is an operation of a JSON patch; a nil value is left out.
func op(name string, path []string, value any) map[string]any {
	pointer := ""
	for _, part := range path {
		pointer += "/" + strings.ReplaceAll(part, "/", "~1")
	}
	o := map[string]any{"op": name, "path": pointer}
	if value != nil {
		o["value"] = value
	}
	return o
}

// Freed says what someone did to a parked workload, or "".
func Freed(ref Ref, object *unstructured.Unstructured, b Before) string {
	l := leverOf(ref.Kind, b)
	now, found, _ := unstructured.NestedFieldNoCopy(object.Object, l.path...)
	if now == l.parked {
		return ""
	}
	switch ref.Kind {
	case Job, CronJob:
		return fmt.Sprintf("someone resumed %s", ref)
	case DaemonSet:
		return fmt.Sprintf("someone gave %s its nodes again", ref)
	}
	if !found {
		now = 1
	}
	return fmt.Sprintf("someone scaled %s to %v", ref, now)
}

// Restored says whether a workload has the pods again that it asks for.
func Restored(kind Kind, object *unstructured.Unstructured) (bool, error) {
	decode := func(into any) error {
		return runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into)
	}
	switch kind {
	case Deployment:
		var d appsv1.Deployment
		err := decode(&d)
		want, s := wanted(d.Spec.Replicas), d.Status
		return s.ObservedGeneration >= d.Generation && s.AvailableReplicas >= want && s.UpdatedReplicas >= want, err
	case ReplicaSet:
		var r appsv1.ReplicaSet
		err := decode(&r)
		return r.Status.ObservedGeneration >= r.Generation && r.Status.AvailableReplicas >= wanted(r.Spec.Replicas), err
	case StatefulSet:
		var s appsv1.StatefulSet
		err := decode(&s)
		return s.Status.ObservedGeneration >= s.Generation && s.Status.AvailableReplicas >= wanted(s.Spec.Replicas), err
	case DaemonSet:
		var d appsv1.DaemonSet
		err := decode(&d)
		return d.Status.ObservedGeneration >= d.Generation &&
			d.Status.NumberAvailable >= d.Status.DesiredNumberScheduled, err
	case Job:
		var j batchv1.Job
		err := decode(&j)
		return j.Status.Active > 0 || finished(object), err
	}
	return true, nil
}

func wanted(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

// GoesOn says whether a pod of a StatefulSet is one of those that go on while it is parked.
func GoesOn(pod *corev1.Pod, set *unstructured.Unstructured, b Before) bool {
	begin, _, _ := unstructured.NestedInt64(set.Object, "spec", "ordinals", "start")
	var names []string
	for i := range int64(b.Kept) {
		names = append(names, fmt.Sprintf("%s-%d", set.GetName(), begin+i))
	}
	return slices.Contains(names, pod.Name)
}
