package devmode

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Containers lists the containers of a workload's pods, to choose one by its image.
func Containers(ctx context.Context, c *kube.Client, ref workload.Ref, podTemplate string) ([]corev1.Container, error) {
	o, err := read(ctx, c, ref, podTemplate)
	if err != nil {
		return nil, err
	}
	return o.Template.Spec.Containers, nil
}

// read finds a workload.
func read(ctx context.Context, c *kube.Client, ref workload.Ref, podTemplate string) (*workload.Original, error) {
	resource := c.Dynamic.Resource(ref.Kind.Resource()).Namespace(c.Namespace)
	object, err := resource.Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, missing(ctx, c, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, c.Explain(err))
	}
	return workload.Read(ref, object, podTemplate)
}

// missing names the workloads that there are.
func missing(ctx context.Context, c *kube.Client, ref workload.Ref) error {
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

// exclusiveClaims lists the pod's claims that pods of two nodes, or two pods, can't write to at a time.
func (e *entry) exclusiveClaims(ctx context.Context) (claims []string, err error) {
	api := e.Cluster.API.CoreV1().PersistentVolumeClaims(e.Cluster.Namespace)
	for _, v := range e.original.Template.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		name := v.PersistentVolumeClaim.ClaimName
		claim, err := api.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue // the pod will wait for it, and say so
		}
		if err != nil {
			return nil, fmt.Errorf("read claim %s: %w", name, e.Cluster.Explain(err))
		}
		modes := claim.Spec.AccessModes
		oneNode := slices.Contains(modes, corev1.ReadWriteOnce)
		onePod := slices.Contains(modes, corev1.ReadWriteOncePod)
		if onePod && e.duplicate() && e.spec.ClaimUse == workload.ClaimReadOnly {
			return nil, problem.New(problem.Refused, "the claim %s may be used by one pod only (ReadWriteOncePod), "+
				"so a duplicate can't read it next to the original", name).
				WithHint("set dev.duplicateVolumes to empty or none, or replace the original")
		}
		if (oneNode || onePod) && !slices.Contains(modes, corev1.ReadWriteMany) {
			claims = append(claims, name)
		}
	}
	return claims, nil
}

// tellClaims says what a duplicate has in the place of claims that it can't share.
func (e *entry) tellClaims() {
	what := map[workload.ClaimUse]string{
		workload.ClaimReadOnly: "is read-only",
		workload.ClaimNone:     "is left out",
	}[e.spec.ClaimUse]
	if what == "" {
		what = "is an empty volume"
	}
	for _, name := range e.exclusive {
		e.Emit(notice(fmt.Sprintf("two pods can't write to the claim %s: in the duplicate it %s "+
			"(dev.duplicateVolumes)", name, what)))
	}
}
