package kube

import (
	"context"
	"sort"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// CompleteWorkloads lists what a shell may offer as a workload: the namespace's Deployments, twins left out.
func (c *Client) CompleteWorkloads(ctx context.Context) ([]string, error) {
	list, err := c.API.AppsV1().Deployments(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelRole + "!=" + contract.RoleTwin})
	if err != nil {
		return nil, c.Explain(err)
	}
	var names []string
	for _, d := range list.Items {
		names = append(names, d.Name, "deploy/"+d.Name)
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
