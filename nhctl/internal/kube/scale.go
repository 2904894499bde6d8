package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Scale asks for the scale subresource of an object, and how many replicas it asks for. The API server leaves these out
// where there are none.
func (c *Client) Scale(
	ctx context.Context, resource schema.GroupVersionResource, namespace, name string,
) (scale *unstructured.Unstructured, replicas int64, err error) {
	scale, err = c.Dynamic.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{}, "scale")
	if err != nil {
		return nil, 0, c.Explain(err)
	}
	replicas, _, err = unstructured.NestedInt64(scale.Object, "spec", "replicas")
	return scale, replicas, err
}
