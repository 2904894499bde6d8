package kube

import (
	"context"
	"sort"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// CompleteWorkloads lists what a shell may offer as a workload of one resource, each behind a prefix; what belongs to
// another workload, and twins, are left out.
func (c *Client) CompleteWorkloads(
	ctx context.Context, resource schema.GroupVersionResource, prefix string,
) ([]string, error) {
	list, err := c.Dynamic.Resource(resource).Namespace(c.Namespace).List(ctx,
		metav1.ListOptions{LabelSelector: contract.LabelRole + "!=" + contract.RoleTwin})
	if err != nil {
		return nil, c.Explain(err)
	}
	var names []string
	for i := range list.Items {
		if metav1.GetControllerOf(&list.Items[i]) == nil {
			names = append(names, prefix+list.Items[i].GetName())
		}
	}
	sort.Strings(names)
	return names, nil
}

// CompleteNamespaces lists the cluster's namespaces, where the user may.
func (c *Client) CompleteNamespaces(ctx context.Context) ([]string, error) {
	list, err := c.API.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	var names []string
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	return names, nil
}
