package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Workload is a workload with its pod's containers.
type Workload struct {
	workload.Ref
	Containers []corev1.Container
}

// Workloads lists the namespace's workloads of the built-in kinds, twins and what other workloads own left out. Kinds
// that the user may not list are left out too; the error is that of Deployments.
func (c *Client) Workloads(ctx context.Context) ([]Workload, error) {
	var all []Workload
	for _, kind := range workload.Kinds() {
		list, err := c.Dynamic.Resource(kind.Resource()).Namespace(c.Namespace).List(ctx,
			metav1.ListOptions{LabelSelector: contract.LabelRole + "!=" + contract.RoleTwin})
		if err != nil && kind == workload.Deployment {
			return nil, c.Explain(err)
		}
		if err != nil {
			continue
		}
		for i := range list.Items {
			object := &list.Items[i]
			if metav1.GetControllerOf(object) != nil {
				continue
			}
			if o, err := workload.Read(workload.Ref{Kind: kind, Name: object.GetName()}, object, ""); err == nil {
				all = append(all, Workload{o.Ref, o.Template.Spec.Containers})
			}
		}
	}
	return all, nil
}
