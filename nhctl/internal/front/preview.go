package front

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Preview makes a Service that selects no pod, so that an exchange of it is all that there is. It returns what removes
// it again; one that is a preview already is taken as it is.
func Preview(
	ctx context.Context, c *kube.Client, name string, ports []int,
) (undo func(context.Context) error, err error) {
	if wrong := validation.IsDNS1035Label(name); len(wrong) > 0 {
		return nil, problem.New(problem.Usage, "%q is no name of a Service: %s", name, wrong[0])
	}
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Name:      name,
		Namespace: c.Namespace,
		Labels:    map[string]string{contract.LabelRole: contract.RolePreview},
	}}
	s.Spec.Selector = map[string]string{contract.LabelPreview: name}
	for _, port := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{
			Name:       fmt.Sprintf("p%d", port),
			Port:       int32(port),
			TargetPort: intstr.FromInt(port),
			Protocol:   corev1.ProtocolTCP,
		})
	}
	services := c.API.CoreV1().Services(c.Namespace)
	_, err = services.Create(ctx, s, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return func(ctx context.Context) error { return removePreview(ctx, c, name, "") }, c.Explain(err)
	}
	there, err := services.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	if !isPreview(there) {
		return nil, problem.New(problem.Refused, "there is a Service %s in namespace %s already", name, c.Namespace).
			WithHint("choose another name, or have its traffic come to you: nhctl exchange %s", name)
	}
	return func(context.Context) error { return nil }, nil
}

func isPreview(s *corev1.Service) bool { return s.Labels[contract.LabelRole] == contract.RolePreview }

// removePreview removes a Service that is one of nhctl's own, and no other: the one with a front, where that is named.
func removePreview(ctx context.Context, c *kube.Client, name, front string) error {
	if name == "" {
		return nil
	}
	services := c.API.CoreV1().Services(c.Namespace)
	s, err := services.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && (!isPreview(s) || front != "" && ID(s) != front) {
		return nil
	}
	if err != nil {
		return c.Explain(err)
	}
	err = services.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &s.UID}})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return c.Explain(err)
}
