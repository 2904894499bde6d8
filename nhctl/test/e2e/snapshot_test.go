//go:build e2e

package e2e

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	extensionsv1beta1 "k8s.io/api/extensions/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// A snapshot holds every listable object of a namespace by "resource/name", normalised by the published list: status,
// resourceVersion, generation, managedFields, Events, EndpointSlices (and Endpoints), UIDs and times of recreated pods,
// a DaemonSet's revision bookkeeping.
type snapshot map[string]any

func (c *cluster) snapshot(ctx context.Context, namespace string) (snapshot, error) {
	resources, err := c.listable()
	if err != nil {
		return nil, err
	}
	result := snapshot{}
	for _, r := range resources {
		if err := c.add(ctx, namespace, r, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// listable are the resources of namespaces that can be listed. They are asked for once, and again when a test has made
// one.
func (c *cluster) listable() ([]schema.GroupVersionResource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resources != nil {
		return c.resources, nil
	}
	lists, err := discovery.ServerPreferredNamespacedResources(c.typed.Discovery())
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			if slices.Contains(r.Verbs, "list") && r.Name != "events" && r.Name != "endpointslices" &&
				r.Name != "endpoints" {
				c.resources = append(c.resources, gv.WithResource(r.Name))
			}
		}
	}
	return c.resources, nil
}

// add puts the objects of one resource into a snapshot.
func (c *cluster) add(ctx context.Context, namespace string, resource schema.GroupVersionResource, to snapshot) error {
	objects, err := c.dynamic.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil // a custom resource of another test that is over
	}
	if err != nil {
		return err
	}
	for _, o := range objects.Items {
		if owner := metav1.GetControllerOf(&o); resource.Resource == "controllerrevisions" && owner != nil &&
			owner.Kind == "DaemonSet" {
			continue
		}
		key, value := normalise(resource.Resource, o)
		if previous, taken := to[key]; taken {
			value = []any{previous, value} // pods of one ReplicaSet
		}
		to[key] = value
	}
	return nil
}

// normalise drops what a cluster changes by itself. A ReplicaSet's pod gets a new name whenever it is recreated: its
// key is its prefix.
func normalise(resource string, o unstructured.Unstructured) (string, any) {
	o = *o.DeepCopy()
	delete(o.Object, "status")
	for _, field := range []string{"resourceVersion", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	if resource == "daemonsets" {
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations", appsv1.DeprecatedTemplateGeneration)
		if len(o.GetAnnotations()) == 0 {
			o.SetAnnotations(nil)
		}
	}
	key := resource + "/" + o.GetName()
	if resource == "pods" {
		if prefix := o.GetGenerateName(); prefix != "" {
			key = resource + "/" + prefix
			unstructured.RemoveNestedField(o.Object, "metadata", "name")
		}
		unstructured.RemoveNestedField(o.Object, "metadata", "uid")
		unstructured.RemoveNestedField(o.Object, "metadata", "creationTimestamp")
		unstructured.RemoveNestedField(o.Object, "metadata", "labels", extensionsv1beta1.DaemonSetTemplateGenerationKey)
		dropTokenVolume(o.Object)
	}
	return key, o.Object
}

// dropTokenVolume makes the generated name of a pod's token volume the same for all pods.
func dropTokenVolume(pod map[string]any) {
	replace := func(list []any) {
		for _, item := range list {
			if m, ok := item.(map[string]any); ok {
				if name, _ := m["name"].(string); strings.HasPrefix(name, "kube-api-access-") {
					m["name"] = "kube-api-access"
				}
			}
		}
	}
	volumes, _, _ := unstructured.NestedSlice(pod, "spec", "volumes")
	replace(volumes)
	_ = unstructured.SetNestedSlice(pod, volumes, "spec", "volumes")
	for _, kind := range []string{"containers", "initContainers"} {
		containers, found, _ := unstructured.NestedSlice(pod, "spec", kind)
		if !found {
			continue
		}
		for _, item := range containers {
			mounts, _, _ := unstructured.NestedSlice(item.(map[string]any), "volumeMounts")
			replace(mounts)
			_ = unstructured.SetNestedSlice(item.(map[string]any), mounts, "volumeMounts")
		}
		_ = unstructured.SetNestedSlice(pod, containers, "spec", kind)
	}
}

// restored waits until the namespace equals an earlier snapshot.
func (c *cluster) restored(t *testing.T, namespace string, before snapshot) {
	t.Helper()
	c.restoredBut(t, namespace, before)
}

// restoredBut is restored, but for what begins with a prefix.
func (c *cluster) restoredBut(t *testing.T, namespace string, before snapshot, prefixes ...string) {
	t.Helper()
	differ := func(after snapshot, considered func(key string) bool) error {
		drop := func(key string, _ any) bool {
			return !considered(key) ||
				slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		}
		want, got := maps.Clone(before), maps.Clone(after)
		maps.DeleteFunc(want, drop)
		maps.DeleteFunc(got, drop)
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New("(-before +after)\n" + diff)
		}
		return nil
	}
	eventually(t, time.Minute, "namespace equal to its snapshot", func(ctx context.Context) error {
		// Pods take longest, and one list is cheaper than all.
		pods := snapshot{}
		if err := c.add(ctx, namespace, corev1.SchemeGroupVersion.WithResource("pods"), pods); err != nil {
			return err
		}
		if err := differ(pods, func(key string) bool { return strings.HasPrefix(key, "pods/") }); err != nil {
			return err
		}
		after, err := c.snapshot(ctx, namespace)
		if err != nil {
			return err
		}
		return differ(after, func(string) bool { return true })
	})
}

func (c *cluster) mustSnapshot(t *testing.T, namespace string) snapshot {
	t.Helper()
	s, err := c.snapshot(t.Context(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
