package kubetest

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Snapshot is what a namespace has, by "resource/name", without what a cluster changes by itself: statuses, revisions,
// the names and UIDs of pods that a controller makes, Events.
func (c *Cluster) Snapshot(namespace string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconcile()
	all := map[string]any{}
	for _, k := range c.kinds {
		if k.Global || k.Resource == "events" || k.Resource == "endpointslices" {
			continue
		}
		numbers := map[string]int{}
		for _, o := range c.list(k, namespace) {
			name := o.GetName()
			for _, field := range []string{"resourceVersion", "generation", "managedFields"} {
				unstructured.RemoveNestedField(o.Object, "metadata", field)
			}
			delete(o.Object, "status")
			if k.Resource == "pods" {
				unstructured.RemoveNestedField(o.Object, "metadata", "uid")
				unstructured.RemoveNestedField(o.Object, "metadata", "creationTimestamp")
			}
			if k.Resource == "pods" && o.GetGenerateName() != "" {
				numbers[o.GetGenerateName()]++
				name = fmt.Sprintf("%s%d", o.GetGenerateName(), numbers[o.GetGenerateName()])
				unstructured.RemoveNestedField(o.Object, "metadata", "name")
			}
			all[k.Resource+"/"+name] = o.Object
		}
	}
	return all
}
