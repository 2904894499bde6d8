package front

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// An object is deleted after its labels were read, and by its UID: neither one that only has a front's name goes, nor
// one that came to its name since then.

// Remove removes the front's objects, and its Service where that is a preview. Its pod goes on for the clients that it
// has. A front to which a Service leads stays, whatever a record says of it.
func Remove(ctx context.Context, c *kube.Client, p Plan) error {
	all, err := c.API.CoreV1().Services(p.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return c.Explain(err)
	}
	for i := range all.Items {
		if s := &all.Items[i]; leadsBySelector(s, p) && !(isPreview(s) && s.Name == p.Service) {
			const leads = "Service %s leads to front %s, which therefore stays"
			return problem.New(problem.Refused, leads, s.Name, p.Name()).
				WithHint("end its routes: nhctl leave %s -n %s", s.Name, p.Namespace)
		}
	}
	return errors.Join(
		removePreview(ctx, c, p.Service, p.ID),
		removeOriginals(ctx, c, p),
		removeDeployment(ctx, c, p),
		revoke(ctx, c, p),
	)
}

// leadsBySelector says whether a Service's selector is one that leads to a front.
func leadsBySelector(s *corev1.Service, p Plan) bool {
	for _, value := range s.Spec.Selector {
		if value != p.Name() {
			return false
		}
	}
	return len(s.Spec.Selector) > 0
}

// owned says whether an object has the labels of a front.
func owned(o metav1.ObjectMeta, p Plan) bool {
	return o.Labels[contract.LabelRole] == contract.RoleFront && o.Labels[contract.LabelSession] == p.ID
}

// very is the precondition that an object is the one that was read.
func very(o metav1.ObjectMeta) *metav1.Preconditions { return &metav1.Preconditions{UID: &o.UID} }

// gone is the outcome of a deletion: it is none where someone else was quicker.
func gone(c *kube.Client, err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return c.Explain(err)
}

func removeDeployment(ctx context.Context, c *kube.Client, p Plan) error {
	deployments, background := c.API.AppsV1().Deployments(p.Namespace), metav1.DeletePropagationBackground
	d, err := deployments.Get(ctx, p.Name(), metav1.GetOptions{})
	if err == nil && owned(d.ObjectMeta, p) {
		err = deployments.Delete(ctx, d.Name, metav1.DeleteOptions{
			PropagationPolicy: &background,
			Preconditions:     very(d.ObjectMeta),
		})
	}
	return gone(c, err)
}

func removeOriginals(ctx context.Context, c *kube.Client, p Plan) error {
	services := c.API.CoreV1().Services(p.Namespace)
	s, err := services.Get(ctx, p.Original(), metav1.GetOptions{})
	if err == nil && owned(s.ObjectMeta, p) {
		err = services.Delete(ctx, s.Name, metav1.DeleteOptions{Preconditions: very(s.ObjectMeta)})
	}
	return gone(c, err)
}

// Remains is what a namespace has of a front, or of a preview, as far as finding it goes.
type Remains struct {
	// Plan has no Service where none has nhctl's note any more.
	Plan
	Preview bool
	// Err says why the Service's note can't be read.
	Err error
}

// Left are the fronts and previews of the client's namespace.
func Left(ctx context.Context, c *kube.Client) (all []Remains, err error) {
	services, err := c.API.CoreV1().Services(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	deployments, err := c.API.AppsV1().Deployments(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: contract.LabelRole + "=" + contract.RoleFront,
	})
	if err != nil {
		return nil, c.Explain(err)
	}
	for i := range services.Items {
		s := &services.Items[i]
		noted := s.Annotations[contract.AnnotationFront] != ""
		if !noted && !isPreview(s) {
			continue
		}
		r := Remains{Plan: Plan{ID: ID(s), Namespace: s.Namespace, Service: s.Name}, Preview: isPreview(s)}
		_, r.Err = Switched(s)
		all = append(all, r)
	}
	lost := func(o metav1.ObjectMeta) {
		p := Plan{ID: o.Labels[contract.LabelSession], Namespace: o.Namespace}
		known := slices.ContainsFunc(all, func(r Remains) bool { return r.ID == p.ID })
		if record.ValidID(p.ID) && (o.Name == p.Name() || o.Name == p.Original()) && !known {
			all = append(all, Remains{Plan: p})
		}
	}
	for _, d := range deployments.Items {
		lost(d.ObjectMeta)
	}
	for _, s := range services.Items {
		if s.Labels[contract.LabelRole] == contract.RoleFront {
			lost(s.ObjectMeta)
		}
	}
	return all, nil
}
