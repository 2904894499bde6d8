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
)

// Containers lists the containers of a workload's pods, to choose one by its image.
func Containers(ctx context.Context, c *kube.Client, ref workload.Ref, podTemplate string) ([]corev1.Container, error) {
	o, err := c.Original(ctx, ref, podTemplate)
	if err != nil {
		return nil, err
	}
	return o.Template.Spec.Containers, nil
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
