package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Workload is a workload with its pod's containers.
type Workload struct {
	// Kind is in lower case.
	Kind, Name string
	Containers []corev1.Container
}

// Workloads lists the namespace's workloads of the built-in kinds, twins and what other workloads own left out. Kinds that the user may
// not list are left out too; the error is that of Deployments.
func (c *Client) Workloads(ctx context.Context) ([]Workload, error) {
	var all []Workload
	add := func(kind string, meta metav1.ObjectMeta, spec corev1.PodSpec) {
		if metav1.GetControllerOf(&meta) == nil {
			all = append(all, Workload{kind, meta.Name, spec.Containers})
		}
	}
	options := metav1.ListOptions{LabelSelector: contract.LabelRole + "!=" + contract.RoleTwin}
	apps, batch := c.API.AppsV1(), c.API.BatchV1()
	deployments, err := apps.Deployments(c.Namespace).List(ctx, options)
	if err != nil {
		return nil, c.Explain(err)
	}
	for _, x := range deployments.Items {
		add("deployment", x.ObjectMeta, x.Spec.Template.Spec)
	}
	if list, err := apps.StatefulSets(c.Namespace).List(ctx, options); err == nil {
		for _, x := range list.Items {
			add("statefulset", x.ObjectMeta, x.Spec.Template.Spec)
		}
	}
	if list, err := apps.DaemonSets(c.Namespace).List(ctx, options); err == nil {
		for _, x := range list.Items {
			add("daemonset", x.ObjectMeta, x.Spec.Template.Spec)
		}
	}
	if list, err := batch.Jobs(c.Namespace).List(ctx, options); err == nil {
		for _, x := range list.Items {
			add("job", x.ObjectMeta, x.Spec.Template.Spec)
		}
	}
	if list, err := batch.CronJobs(c.Namespace).List(ctx, options); err == nil {
		for _, x := range list.Items {
			add("cronjob", x.ObjectMeta, x.Spec.JobTemplate.Spec.Template.Spec)
		}
	}
	return all, nil
}
