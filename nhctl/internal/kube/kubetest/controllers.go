package kubetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Workloads are the controllers of Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs, as far as pods go: each
// makes as many as are asked for, and deletes the others. There is one node, without labels. CronJobs make no Jobs.
func Workloads() Controller {
	return Controller{act: func(s *store) {
		each(s, deployment)
		each(s, replicaSet)
		each(s, statefulSet)
		each(s, daemonSet)
		each(s, job)
	}}
}

// Scaling is the controller of a custom kind with a pod template at spec.template.
func Scaling(k Kind) Controller {
	return Controller{act: func(s *store) {
		for _, o := range s.list(k, "") {
			custom(s, k, o)
		}
	}}
}

// object is a typed object with metadata.
type object[T any] interface {
	*T
	metav1.Object
	runtime.Object
}

// each calls a controller for every object of its type.
func each[T any, P object[T]](s *store, act func(*store, Kind, P)) {
	k, _ := s.kindOf(gvkOf(P(new(T))))
	for _, o := range s.look(k, "") {
		act(s, k, typed[T, P](s, k, o))
	}
}

// typed is an object of the store as its type, to be changed at will.
func typed[T any, P object[T]](s *store, k Kind, o *unstructured.Unstructured) P {
	key := k.key(o.GetNamespace(), o.GetName())
	if s.typed[key].state != o {
		s.typed[key] = decoded{o, P(decode[T](o))}
	}
	return s.typed[key].value.DeepCopyObject().(P)
}

// setStatus puts an object back with another status. It is of a type, and was read under the same lock, so nothing else
// that an update looks at can be wrong or have changed.
func setStatus(s *store, k Kind, typed interface {
	runtime.Object
	metav1.Object
}) {
	key := k.key(typed.GetNamespace(), typed.GetName())
	if known := s.typed[key]; known.state == s.objects[key] && reflect.DeepEqual(known.value, typed) {
		return // as most often
	}
	old, status := s.objects[key], encode(typed).Object["status"]
	if reflect.DeepEqual(status, old.Object["status"]) {
		return
	}
	next := old.DeepCopy()
	next.Object["status"] = status
	s.put(k, old, next)
}

func owner(k Kind, o metav1.Object) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(o, k.GroupVersionKind)}
}

// owned lists an owner's objects of a kind that are not on their way out.
func owned(s *store, resource schema.GroupResource, o metav1.Object) []*unstructured.Unstructured {
	k, _ := s.kind(resource.Group, resource.Resource)
	return slices.DeleteFunc(s.look(k, o.GetNamespace()), func(u *unstructured.Unstructured) bool {
		controller := metav1.GetControllerOf(u)
		return controller == nil || controller.UID != o.GetUID() || isSet(u.GetDeletionTimestamp())
	})
}

// templateHash tells pod templates apart.
func templateHash(template corev1.PodTemplateSpec) string {
	text, _ := json.Marshal(template)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5])
}

func deployment(s *store, k Kind, d *appsv1.Deployment) {
	if isSet(d.DeletionTimestamp) {
		return
	}
	sets, _ := s.kind("apps", "replicasets")
	hash, found := templateHash(d.Spec.Template), false
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Conditions: d.Status.Conditions}
	d.Status.Conditions = slices.DeleteFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
		return c.Type == appsv1.DeploymentReplicaFailure
	})
	for _, u := range owned(s, sets.groupResource(), d) {
		set := typed[appsv1.ReplicaSet](s, sets, u)
		wanted := int32(0)
		if set.Name == d.Name+"-"+hash {
			found, wanted = true, *d.Spec.Replicas
			d.Status.UpdatedReplicas = set.Status.Replicas
			for _, c := range set.Status.Conditions {
				d.Status.Conditions = append(d.Status.Conditions, appsv1.DeploymentCondition{
					Type:    appsv1.DeploymentConditionType(c.Type),
					Status:  c.Status,
					Reason:  c.Reason,
					Message: c.Message,
				})
			}
		}
		d.Status.Replicas += set.Status.Replicas
		d.Status.ReadyReplicas += set.Status.ReadyReplicas
		d.Status.AvailableReplicas += set.Status.AvailableReplicas
		if *set.Spec.Replicas != wanted {
			set.Spec.Replicas = &wanted
			_, _ = s.update(sets, encode(set), "", false) // it was listed a moment ago
		}
	}
	if !found {
		with := map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash}
		set := &appsv1.ReplicaSet{}
		set.Name, set.Labels = d.Name+"-"+hash, merged(d.Spec.Template.Labels, with)
		set.OwnerReferences = owner(k, d)
		set.Spec.Replicas, set.Spec.Selector = d.Spec.Replicas, d.Spec.Selector.DeepCopy()
		set.Spec.Template = *d.Spec.Template.DeepCopy()
		set.Spec.Selector.MatchLabels = merged(set.Spec.Selector.MatchLabels, with)
		set.Spec.Template.Labels = merged(set.Spec.Template.Labels, with)
		_, _ = s.create(sets, d.Namespace, encode(set), false) // one of its name is another Deployment's
	}
	setStatus(s, k, d)
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

func replicaSet(s *store, k Kind, r *appsv1.ReplicaSet) {
	pods, err := scaleTo(s, k, r, int(*r.Spec.Replicas), r.Spec.Template)
	r.Status.Conditions = nil
	if err != nil {
		r.Status.Conditions = []appsv1.ReplicaSetCondition{{
			Type:    appsv1.ReplicaSetReplicaFailure,
			Status:  corev1.ConditionTrue,
			Reason:  "FailedCreate",
			Message: err.Error(),
		}}
	}
	r.Status.ObservedGeneration = r.Generation
	r.Status.Replicas = int32(len(pods))
	r.Status.ReadyReplicas = ready(pods)
	r.Status.AvailableReplicas = ready(pods)
	setStatus(s, k, r)
}

// custom is what most operators do with a pod template.
func custom(s *store, k Kind, o *unstructured.Unstructured) {
	template := corev1.PodTemplateSpec{}
	fields, _, _ := unstructured.NestedMap(o.Object, "spec", "template")
	if runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &template) != nil {
		return
	}
	replicas, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	pods, _ := scaleTo(s, k, o, int(replicas), template)
	status := map[string]any{"replicas": int64(len(pods)), "selector": labels.FormatLabels(template.Labels)}
	old := o.DeepCopy()
	o.Object["status"] = status
	if fmt.Sprint(old.Object["status"]) != fmt.Sprint(status) {
		_, _ = s.update(k, o, "status", false) // it was listed a moment ago
	}
}

// scaleTo makes pods of a template until there are enough, or deletes those that are too many, and returns those that
// there are, and why one could not be made.
func scaleTo(
	s *store, k Kind, o metav1.Object, replicas int, template corev1.PodTemplateSpec,
) (all []corev1.Pod, err error) {
	if all = pods(s, o); len(all) == replicas { // as most often
		return all, nil
	}
	for have := all; len(have) > replicas; have = have[:len(have)-1] {
		deletePod(s, &have[len(have)-1])
	}
	for range replicas - len(pods(s, o)) {
		if err = makePod(s, k, o, "", template, nil); err != nil {
			break
		}
	}
	return pods(s, o), err
}

func pods(s *store, o metav1.Object) (all []corev1.Pod) {
	k, _ := s.kind("", "pods")
	for _, u := range owned(s, k.groupResource(), o) {
		pod := typed[corev1.Pod](s, k, u)
		if pod.Status.Phase != corev1.PodFailed && pod.Status.Phase != corev1.PodSucceeded {
			all = append(all, *pod)
		}
	}
	return all
}

// failedPods counts the pods of an object that have failed.
func failedPods(s *store, o metav1.Object) (n int32) {
	k, _ := s.kind("", "pods")
	for _, u := range owned(s, k.groupResource(), o) {
		if typed[corev1.Pod](s, k, u).Status.Phase == corev1.PodFailed {
			n++
		}
	}
	return n
}

func ready(pods []corev1.Pod) (n int32) {
	for _, p := range pods {
		if slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			n++
		}
	}
	return n
}

// makePod makes a pod of a template; without a name, it is one of several.
func makePod(
	s *store, k Kind, o metav1.Object, name string, template corev1.PodTemplateSpec, identity map[string]string,
) error {
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.Name, pod.Namespace, pod.OwnerReferences = name, o.GetNamespace(), owner(k, o)
	if name == "" {
		pod.GenerateName = o.GetName() + "-"
	}
	pod.Labels = merged(pod.Labels, identity)
	pods, _ := s.kind("", "pods")
	encoded := encode(pod)
	if err := s.admit(encoded); err != nil {
		return err
	}
	// A pod of that name that is on its way out has to go first.
	_, _ = s.create(pods, pod.Namespace, encoded, false)
	return nil
}

func deletePod(s *store, p *corev1.Pod) {
	pods, _ := s.kind("", "pods")
	_, _ = s.delete(pods, p.Namespace, p.Name, metav1.DeleteOptions{}) // it was listed a moment ago
}

func statefulSet(s *store, k Kind, set *appsv1.StatefulSet) {
	first := 0
	if set.Spec.Ordinals != nil {
		first = int(set.Spec.Ordinals.Start)
	}
	wanted := map[string]bool{}
	for i := range int(*set.Spec.Replicas) {
		name := fmt.Sprintf("%s-%d", set.Name, first+i)
		wanted[name] = true
		_ = makePod(s, k, set, name, withClaims(set, name), map[string]string{ // it is tried again
			appsv1.StatefulSetPodNameLabel: name,
			appsv1.PodIndexLabel:           strings.TrimPrefix(name, set.Name+"-"),
		})
	}
	have := pods(s, set)
	for i := range have {
		if !wanted[have[i].Name] {
			deletePod(s, &have[i])
		}
	}
	have = pods(s, set)
	set.Status.ObservedGeneration = set.Generation
	set.Status.Replicas = int32(len(have))
	set.Status.ReadyReplicas, set.Status.AvailableReplicas = ready(have), ready(have)
	setStatus(s, k, set)
}

// withClaims is a set's template for one of its pods, whose claims are made where they are not there.
func withClaims(set *appsv1.StatefulSet, pod string) corev1.PodTemplateSpec {
	template := *set.Spec.Template.DeepCopy()
	for _, claim := range set.Spec.VolumeClaimTemplates {
		source := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + pod}
		template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{
			Name:         claim.Name,
			VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: source},
		})
	}
	return template
}

func daemonSet(s *store, k Kind, d *appsv1.DaemonSet) {
	nodes := 1
	if len(d.Spec.Template.Spec.NodeSelector) > 0 {
		nodes = 0
	}
	have, _ := scaleTo(s, k, d, nodes, d.Spec.Template)
	d.Status.ObservedGeneration = d.Generation
	d.Status.DesiredNumberScheduled = int32(nodes)
	d.Status.CurrentNumberScheduled = int32(len(have))
	d.Status.NumberReady, d.Status.NumberAvailable = ready(have), ready(have)
	setStatus(s, k, d)
}

func job(s *store, k Kind, j *batchv1.Job) {
	over := func(c batchv1.JobCondition) bool { return c.Status == corev1.ConditionTrue }
	if slices.ContainsFunc(j.Status.Conditions, over) {
		return
	}
	wanted := int(*j.Spec.Parallelism)
	if *j.Spec.Suspend {
		wanted = 0
	}
	template := *j.Spec.Template.DeepCopy()
	template.Labels = merged(template.Labels, map[string]string{batchv1.JobNameLabel: j.Name})
	if j.Spec.Selector == nil {
		j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.JobNameLabel: j.Name}}
		_, _ = s.update(k, encode(j), "", false) // it was listed a moment ago
		return
	}
	if n := failedPods(s, j); j.Spec.BackoffLimit != nil && n > *j.Spec.BackoffLimit {
		j.Status.Active, j.Status.Failed = 0, n
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{
			Type:   batchv1.JobFailed,
			Status: corev1.ConditionTrue,
			Reason: batchv1.JobReasonBackoffLimitExceeded,
		})
		setStatus(s, k, j)
		return
	}
	have, _ := scaleTo(s, k, j, wanted, template)
	j.Status.Active = int32(len(have))
	setStatus(s, k, j)
}
