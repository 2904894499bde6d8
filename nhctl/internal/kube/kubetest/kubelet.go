package kubetest

import (
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Kubelet runs pods: it says of each that all its containers run and are ready.
type Kubelet struct {
	// Start is how long a pod takes until its containers run, Grace how long one takes to end.
	Start, Grace time.Duration
	// Ready says whether a pod's containers are ready, and Fails what a pod's status is in the place of running; nil
	// means ready, and no failure. They are asked under the cluster's lock, and may not ask the cluster.
	Ready func(*corev1.Pod) bool
	Fails func(*corev1.Pod) *corev1.PodStatus
}

// Controller is the kubelet at work.
func (l Kubelet) Controller() Controller {
	return Controller{timed: true, act: func(s *store) {
		s.lingers = func(o *unstructured.Unstructured) bool {
			phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
			return l.Grace > 0 && o.GetKind() == "Pod" && phase == string(corev1.PodRunning)
		}
		each(s, func(s *store, k Kind, pod *corev1.Pod) {
			if isSet(pod.DeletionTimestamp) {
				if len(pod.Finalizers) == 0 && !s.now().Before(pod.DeletionTimestamp.Add(l.Grace)) {
					s.remove(k, encode(pod))
				}
				return
			}
			if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
				return
			}
			if next := l.status(pod, s.now()); !reflect.DeepEqual(next, pod.Status) {
				pod.Status = next
				setStatus(s, k, pod)
			}
		})
	}}
}

// status is that of a pod at a time.
func (l Kubelet) status(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	if l.Fails != nil {
		if failing := l.Fails(pod); failing != nil {
			return *failing
		}
	}
	if now.Before(pod.CreationTimestamp.Add(l.Start)) {
		return corev1.PodStatus{Phase: corev1.PodPending}
	}
	isReady, condition := l.Ready == nil || l.Ready(pod), corev1.ConditionFalse
	if isReady {
		condition = corev1.ConditionTrue
	}
	status := corev1.PodStatus{
		Phase:      corev1.PodRunning,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: condition}},
		PodIP:      pod.Status.PodIP, // which a test has given it
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name:  container.Name,
			Image: container.Image,
			Ready: isReady,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: pod.CreationTimestamp}},
		})
	}
	return status
}

// Binder gives every claim a volume.
func Binder() Controller {
	return Controller{act: func(s *store) {
		each(s, func(s *store, k Kind, claim *corev1.PersistentVolumeClaim) {
			claim.Status.Phase = corev1.ClaimBound
			setStatus(s, k, claim)
		})
	}}
}
