package devmode

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// An object is deleted in the client's own namespace, after its labels were read, and by its UID: another one that came
// to its name since then stays.

// owned says whether an object has a role in a session.
func owned(o metav1.ObjectMeta, r Record, role string) bool {
	return o.Labels[contract.LabelRole] == role && o.Labels[contract.LabelSession] == r.Session
}

// very is the precondition that an object is the one that was read.
func very(o metav1.ObjectMeta) *metav1.Preconditions { return &metav1.Preconditions{UID: &o.UID} }

// deleteDeployment deletes the session's twin. A Deployment of its name that is none is left alone.
func deleteDeployment(ctx context.Context, c *kube.Client, r Record) error {
	deployments := c.API.AppsV1().Deployments(c.Namespace)
	twin, err := deployments.Get(ctx, r.Twin(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return c.Explain(err)
	case !owned(twin.ObjectMeta, r, contract.RoleTwin):
		return problem.New(problem.Refused, "Deployment %s does not have the labels of the session's twin "+
			"(%s: %s, %s: %s): it is left alone",
			twin.Name, contract.LabelRole, contract.RoleTwin, contract.LabelSession, r.Session).
			WithHint("if it is the twin, and its labels were lost, delete it: kubectl delete deployment %s -n %s",
				twin.Name, c.Namespace)
	}
	background := metav1.DeletePropagationBackground
	err = deployments.Delete(ctx, twin.Name, metav1.DeleteOptions{
		PropagationPolicy: &background,
		Preconditions:     very(twin.ObjectMeta),
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if apierrors.IsConflict(err) {
		return fmt.Errorf("another Deployment came to the name %s: %w", twin.Name, err)
	}
	return c.Explain(err)
}
