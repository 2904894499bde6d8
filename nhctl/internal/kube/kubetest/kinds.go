package kubetest

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// Kind is a kind of object that the cluster serves.
type Kind struct {
	schema.GroupVersionKind
	// Resource is its plural, as paths have it.
	Resource string
	// Global says that its objects are in no namespace.
	Global bool
	// Scales says that it has a scale subresource.
	Scales bool
}

// groupResource names the kind in errors and keys.
func (k Kind) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.Resource}
}

// custom says whether client-go has no type for the kind.
func (k Kind) custom() bool { return !scheme.Scheme.Recognizes(k.GroupVersionKind) }

// builtin are the kinds that a cluster has from the start: those that nhctl reads or changes.
func builtin() []Kind {
	var all []Kind
	add := func(group, version string, names ...string) {
		for _, name := range names {
			kind := Kind{
				GroupVersionKind: schema.GroupVersionKind{Group: group, Version: version, Kind: name},
				Resource:         plural(name),
				Global:           name == "Namespace",
				Scales:           name == "Deployment" || name == "ReplicaSet" || name == "StatefulSet",
			}
			all = append(all, kind)
		}
	}
	add("", "v1", "Namespace", "Pod", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount")
	add("", "v1", "Event", "LimitRange", "ResourceQuota")
	add("apps", "v1", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
	add("batch", "v1", "Job", "CronJob")
	add("coordination.k8s.io", "v1", "Lease")
	add("discovery.k8s.io", "v1", "EndpointSlice")
	add("autoscaling", "v2", "HorizontalPodAutoscaler")
	add("policy", "v1", "PodDisruptionBudget")
	add("networking.k8s.io", "v1", "NetworkPolicy")
	add("rbac.authorization.k8s.io", "v1", "Role", "RoleBinding")
	return all
}

func plural(kind string) string {
	if stem, found := strings.CutSuffix(strings.ToLower(kind), "y"); found {
		return stem + "ies"
	}
	return strings.ToLower(kind) + "s"
}

// Rollout is Argo CD's kind of Deployment, an example of a custom resource that scales.
func Rollout() Kind {
	return Kind{
		GroupVersionKind: schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"},
		Resource:         "rollouts",
		Scales:           true,
	}
}

// ScaledObject is KEDA's autoscaler.
func ScaledObject() Kind {
	return Kind{
		GroupVersionKind: schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"},
		Resource:         "scaledobjects",
	}
}

// normalise brings an object into the form that the API server would store: fields that its type does not have are
// dropped, a Secret's texts become data, and replicas have their default.
func (k Kind) normalise(o *unstructured.Unstructured) error {
	o.SetGroupVersionKind(k.GroupVersionKind)
	if k.custom() {
		if len(o.GetLabels()) == 0 {
			o.SetLabels(nil)
		}
		if len(o.GetAnnotations()) == 0 {
			o.SetAnnotations(nil)
		}
		return nil
	}
	typed, err := scheme.Scheme.New(k.GroupVersionKind)
	if err != nil {
		return err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, typed); err != nil {
		return fmt.Errorf("read %s %s: %w", k.Kind, o.GetName(), err)
	}
	setDefaults(typed)
	if o.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(typed); err != nil {
		return err
	}
	o.SetGroupVersionKind(k.GroupVersionKind)
	return nil
}

// decode reads an object as its type.
func decode[T any](o *unstructured.Unstructured) *T {
	typed := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, typed); err != nil {
		panic(fmt.Sprintf("%s %s: %v", o.GetKind(), o.GetName(), err)) // normalise has read it before
	}
	return typed
}

// encode is the reverse of decode.
func encode(typed runtime.Object) *unstructured.Unstructured {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		panic(fmt.Sprintf("%T: %v", typed, err)) // it is one of the types of client-go
	}
	o := &unstructured.Unstructured{Object: fields}
	if gvk := gvkOf(typed); !gvk.Empty() {
		o.SetGroupVersionKind(gvk)
	}
	return o
}

// gvkOf is the kind of a type of client-go; empty for what is none.
func gvkOf(typed runtime.Object) schema.GroupVersionKind {
	kinds, _, err := scheme.Scheme.ObjectKinds(typed)
	if err != nil {
		return schema.GroupVersionKind{}
	}
	return kinds[0]
}

// isSet says whether a time is set.
func isSet(t *metav1.Time) bool { return t != nil && !t.IsZero() }
