package kubetest

import (
	"encoding/json"
	"errors"
	"net/http"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// decodeJSON reads whole numbers as int64, as unstructured objects have them.
func decodeJSON(data []byte, into *map[string]any) error { return utiljson.Unmarshal(data, into) }

// patch changes an object. The lock is held.
func (c *Cluster) patch(k Kind, q Request) (*unstructured.Unstructured, error) {
	old, err := c.get(k, q.Namespace, q.Name)
	if err != nil {
		return nil, err
	}
	next := &unstructured.Unstructured{}
	if next.Object, err = q.patched(k, old.Object); err != nil {
		return nil, err
	}
	if next.GetName() != q.Name || next.GetNamespace() != q.Namespace {
		return nil, apierrors.NewBadRequest("the name of the object does not match the name on the URL")
	}
	if err := c.admit(q, next); err != nil {
		return nil, err
	}
	return c.update(k, next, q.Subresource, q.DryRun)
}

// patched is an object with the request's patch.
func (q Request) patched(k Kind, object map[string]any) (map[string]any, error) {
	before, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var after []byte
	switch q.patch {
	case types.JSONPatchType:
		operations, err := jsonpatch.DecodePatch(q.Body)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		if after, err = operations.Apply(before); err != nil { // a test that fails, too
			return nil, unprocessable(err)
		}
	case types.MergePatchType:
		if after, err = jsonpatch.MergePatch(before, q.Body); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	case types.StrategicMergePatchType:
		typed, err := scheme.Scheme.New(k.GroupVersionKind)
		if err != nil {
			return nil, unsupported()
		}
		if after, err = strategicpatch.StrategicMergePatch(before, q.Body, typed); err != nil {
			return nil, unprocessable(err)
		}
	default:
		return nil, unsupported()
	}
	var patched map[string]any
	if err := decodeJSON(after, &patched); err != nil {
		return nil, unprocessable(err)
	}
	return patched, nil
}

func unprocessable(err error) error { return failure(http.StatusUnprocessableEntity, err.Error()) }

func unsupported() error {
	return failure(http.StatusUnsupportedMediaType, "the body of the request was in an unknown format")
}

// failure is an answer that has no constructor of its own.
func failure(code int, message string) error {
	none := schema.GroupResource{}
	return apierrors.NewGenericServerResponse(code, "", none, "", message, 0, code == http.StatusNotFound)
}

// scale answers for the scale subresource. Its replicas are left out where they are 0, as by the API server. The lock
// is held.
func (c *Cluster) scale(k Kind, q Request) (any, error) {
	o, err := c.get(k, q.Namespace, q.Name)
	if err != nil {
		return nil, err
	}
	scale := scaleOf(k, o)
	switch q.Verb {
	case "get":
		return scale, nil
	case "patch":
		scale, err = q.patched(Kind{GroupVersionKind: autoscalingv1.SchemeGroupVersion.WithKind("Scale")}, scale)
	case "update":
		err = decodeJSON(q.Body, &scale)
	default:
		err = apierrors.NewMethodNotSupported(k.groupResource(), q.Verb)
	}
	if err != nil {
		return nil, err
	}
	replicas, _, err := unstructured.NestedInt64(scale, "spec", "replicas")
	if err == nil && replicas < 0 {
		err = errors.New("spec.replicas must be 0 or more")
	}
	if err != nil {
		return nil, unprocessable(err)
	}
	version, _, _ := unstructured.NestedString(scale, "metadata", "resourceVersion")
	o.SetResourceVersion(version)
	if err := unstructured.SetNestedField(o.Object, replicas, "spec", "replicas"); err != nil {
		return nil, err
	}
	if err := c.admit(q, o); err != nil {
		return nil, err
	}
	if o, err = c.update(k, o, q.Subresource, q.DryRun); err != nil {
		return nil, err
	}
	return scaleOf(k, o), nil
}

func scaleOf(k Kind, o *unstructured.Unstructured) map[string]any {
	spec, status := map[string]any{}, map[string]any{"replicas": int64(0)}
	if n, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); n != 0 {
		spec["replicas"] = n
	}
	if n, found, _ := unstructured.NestedInt64(o.Object, "status", "replicas"); found {
		status["replicas"] = n
	}
	if k.custom() { // where its definition says that its controller writes it
		if text, _, _ := unstructured.NestedString(o.Object, "status", "selector"); text != "" {
			status["selector"] = text
		}
	} else if labels, found, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels"); found {
		status["selector"] = metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels})
	}
	scale := &unstructured.Unstructured{Object: map[string]any{"spec": spec, "status": status}}
	scale.SetGroupVersionKind(autoscalingv1.SchemeGroupVersion.WithKind("Scale"))
	scale.SetName(o.GetName())
	scale.SetNamespace(o.GetNamespace())
	scale.SetUID(o.GetUID())
	scale.SetResourceVersion(o.GetResourceVersion())
	return scale.Object
}
