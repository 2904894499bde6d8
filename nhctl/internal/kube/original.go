package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Original reads a workload of the namespace. podTemplate is where a custom resource has its pod template; empty means
// the usual place.
func (c *Client) Original(ctx context.Context, ref workload.Ref, podTemplate string) (*workload.Original, error) {
	resource := c.Dynamic.Resource(ref.Kind.Resource()).Namespace(c.Namespace)
	object, err := resource.Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, c.missing(ctx, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, c.Explain(err))
	}
	return workload.Read(ref, object, podTemplate)
}

// missing names the workloads that there are.
func (c *Client) missing(ctx context.Context, ref workload.Ref) error {
	p := problem.New(problem.NotFound, "namespace %s has no %s %q", c.Namespace, ref.Kind, ref.Name)
	list, err := c.Dynamic.Resource(ref.Kind.Resource()).Namespace(c.Namespace).List(ctx, metav1.ListOptions{
		Limit:         20,
		LabelSelector: contract.LabelRole + "!=" + contract.RoleTwin,
	})
	if apierrors.IsNotFound(err) {
		return p.WithHint("the cluster has no resource %s; "+
			"write RESOURCE.VERSION.GROUP as `kubectl api-resources` has them", ref.Kind)
	}
	if err != nil || len(list.Items) == 0 {
		return p.WithHint("choose another kind (KIND/NAME), or another namespace with -n")
	}
	names := ""
	for _, d := range list.Items {
		names += " " + d.GetName()
	}
	return p.WithHint("the namespace has:%s; choose another kind (KIND/NAME), or another namespace with -n", names)
}

// Selecting are the labels that the namespace's Services, and a workload itself, select pods by.
func (c *Client) Selecting(ctx context.Context, o *workload.Original) (workload.Selecting, error) {
	services, err := c.API.CoreV1().Services(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return workload.Selecting{}, fmt.Errorf("list Services: %w", c.Explain(err))
	}
	all := o.Selecting()
	for _, s := range services.Items {
		for key := range s.Spec.Selector {
			all.Values = append(all.Values, key)
		}
	}
	return all, nil
}
