package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Original is a workload as dev mode sees it, whatever its kind.
type Original struct {
	Ref
	Object *unstructured.Unstructured
	// Template is the one of its pods, which a twin is made of.
	Template corev1.PodTemplateSpec
	// Replicas are those that it asks for; Suspended says that it is suspended already.
	Replicas  int32
	Suspended bool
	// Kept are the replicas that go on while it is parked: those of a StatefulSet below the chosen one.
	Kept int32
	// Identity are labels of the pod that the twin stands in for, where pods have an identity.
	Identity map[string]string
}

// DefaultTemplate is where most custom resources have their pod template.
const DefaultTemplate = "spec.template"

// Read makes an original of what the API server has. path says where a custom resource has its pod template.
func Read(ref Ref, object *unstructured.Unstructured, path string) (*Original, error) {
	o := &Original{Ref: ref, Object: object, Replicas: 1}
	switch {
	case ref.Kind == Pod:
		return o, o.readPod()
	case ref.Kind == CronJob:
		path = "spec.jobTemplate.spec.template"
	case !ref.Kind.Custom() || path == "":
		path = DefaultTemplate
	}
	template, found, err := unstructured.NestedMap(object.Object, strings.Split(path, ".")...)
	if err == nil && found {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(template, &o.Template)
	}
	if err != nil || len(o.Template.Spec.Containers) == 0 {
		return nil, problem.New(problem.Refused, "%s has no pod template at %s", ref, path).
			WithHint("say where it is with podTemplate in the config; a resource that only refers to a Deployment " +
				"is developed by that Deployment")
	}
	if n, found, _ := unstructured.NestedInt64(object.Object, "spec", "replicas"); found {
		o.Replicas = int32(n)
	}
	o.Suspended, _, _ = unstructured.NestedBool(object.Object, "spec", "suspend")
	return o, nil
}

// readPod takes a pod as the template of others like it: without its node, and without what admission added to it.
func (o *Original) readPod() error {
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(Manifest(o.Object).Object, &pod); err != nil {
		return err
	}
	o.Template = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels, Annotations: pod.Annotations},
		Spec: pod.Spec}
	return nil
}

// Container finds the wanted container. Where no one names any, it is the only one, or the one that the pod
// itself names for kubectl: injectors do so for the pods that they add sidecars to.
func (o *Original) Container(wanted string) (string, error) {
	names, containers := "", o.Template.Spec.Containers
	for _, c := range containers {
		if c.Name == cmp.Or(wanted, o.Template.Annotations[contract.AnnotationDefaultContainer]) ||
			wanted == "" && len(containers) == 1 {
			return c.Name, nil
		}
		names += " " + c.Name
	}
	if wanted == "" {
		return "", problem.New(problem.Usage, "the pod has several containers:%s", names).
			WithHint("choose one with -c, or in the config as containers[].name")
	}
	return "", problem.New(problem.Usage, "the pod has no container %q", wanted).
		WithHint("its containers are:%s", names)
}

func (o *Original) decode(into any) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object.Object, into)
}

// Selecting are the labels that it selects its own pods by.
func (o *Original) Selecting() (s Selecting) {
	selector, err := Selector(o.Object)
	if err != nil || selector == nil {
		return s
	}
	for key := range selector.MatchLabels {
		s.Values = append(s.Values, key)
	}
	for _, x := range selector.MatchExpressions {
		if x.Operator == metav1.LabelSelectorOpExists {
			s.Presence = append(s.Presence, x.Key)
		} else {
			s.Values = append(s.Values, x.Key)
		}
	}
	return s
}

// Selector is what a workload selects its pods by; nil where it has none.
func Selector(object *unstructured.Unstructured) (*metav1.LabelSelector, error) {
	m, found, err := unstructured.NestedMap(object.Object, "spec", "selector")
	if !found || err != nil {
		return nil, err
	}
	selector := &metav1.LabelSelector{}
	return selector, runtime.DefaultUnstructuredConverter.FromUnstructured(m, selector)
}

// Refuse says why dev mode can't have the workload, and what to do instead; nil when it can.
func (o *Original) Refuse(duplicate bool) *problem.Error {
	refuse := func(format string, args ...any) *problem.Error {
		return problem.New(problem.Refused, "%s "+format, append([]any{o.Ref}, args...)...).
			WithHint("develop on a copy instead: --mode duplicate")
	}
	switch owner := metav1.GetControllerOf(o.Object); {
	case o.Object.GetLabels()[contract.LabelRole] == contract.RoleTwin:
		return refuse("is a twin that nhctl made").WithHint("name the original; `nhctl dev list` shows it")
	case o.Object.GetDeletionTimestamp() != nil:
		return refuse("is being deleted").WithHint("wait until it is back")
	case duplicate:
		return nil
	case owner != nil:
		return refuse("belongs to %s %s, which would undo any change to it", owner.Kind, owner.Name).
			WithHint("develop %s/%s, or a copy of this one: --mode duplicate", strings.ToLower(owner.Kind), owner.Name)
	case o.Kind == DaemonSet && o.Object.GetNamespace() == metav1.NamespaceSystem:
		return refuse("serves the whole cluster, and is not stopped for one developer")
	}
	switch o.Kind {
	case StatefulSet:
		if when, _, _ := unstructured.NestedString(o.Object.Object, "spec", "persistentVolumeClaimRetentionPolicy",
			"whenScaled"); when == string(appsv1.DeletePersistentVolumeClaimRetentionPolicyType) {
			return refuse("deletes the claims of pods that it scales down " +
				"(persistentVolumeClaimRetentionPolicy.whenScaled), so parking it would lose their data").
				WithHint("set whenScaled to Retain, or develop on a copy: --mode duplicate")
		}
	case Job:
		if finished(o.Object) {
			return refuse("has finished, so there is nothing to stand in for")
		}
		if o.Suspended {
			return refuse("is suspended: something else decides when it starts")
		}
	}
	return nil
}

// finished says whether a Job has succeeded or failed.
func finished(job *unstructured.Unstructured) bool {
	var j batchv1.Job
	if runtime.DefaultUnstructuredConverter.FromUnstructured(job.Object, &j) != nil {
		return false
	}
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	})
}

// Runs says whether a Job has pods, or is about to.
func Runs(job *unstructured.Unstructured) bool {
	suspended, _, _ := unstructured.NestedBool(job.Object, "spec", "suspend")
	return !suspended && !finished(job)
}

// Manifest is a pod as it was, without what the API server adds: from it the pod can be created again. Fields that this
// build does not know stay in it, since the cluster may be newer.
func Manifest(pod *unstructured.Unstructured) *unstructured.Unstructured {
	from := pod.DeepCopy().Object
	m := map[string]any{"apiVersion": "v1", "kind": "Pod"}
	if metadata, ok := from["metadata"].(map[string]any); ok {
		kept := map[string]any{}
		for _, field := range []string{
			"name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences",
		} {
			if value, ok := metadata[field]; ok {
				kept[field] = value
			}
		}
		m["metadata"] = kept
	}
	if spec, ok := from["spec"].(map[string]any); ok {
		delete(spec, "nodeName")
		delete(spec, "ephemeralContainers")
		dropTokenVolume(spec)
		m["spec"] = spec
	}
	return &unstructured.Unstructured{Object: m}
}

// dropTokenVolume removes the service account's volume, of which each pod gets a new one.
func dropTokenVolume(spec map[string]any) {
	drop := func(from map[string]any, field string) {
		if list, ok := from[field].([]any); ok {
			from[field] = slices.DeleteFunc(list, func(item any) bool {
				named, _ := item.(map[string]any)
				name, _ := named["name"].(string)
				return strings.HasPrefix(name, "kube-api-access-")
			})
		}
	}
	drop(spec, "volumes")
	for _, field := range []string{"containers", "initContainers"} {
		containers, _ := spec[field].([]any)
		for _, item := range containers {
			if container, ok := item.(map[string]any); ok {
				drop(container, "volumeMounts")
			}
		}
	}
}

// Ask says what replacing the workload means for it, where the user should know before; "" where it goes without
// saying.
func (o *Original) Ask() string {
	switch o.Kind {
	case DaemonSet:
		return fmt.Sprintf("the pods of %s stop on every node, and one twin stands in for all of them", o.Ref)
	case Job:
		return fmt.Sprintf("the pods of %s stop, and the Job starts from scratch when dev mode ends", o.Ref)
	}
	return ""
}

// DefaultDuplicate says whether a kind is developed on a duplicate where no one says otherwise.
func (k Kind) DefaultDuplicate() bool { return k == DaemonSet }
