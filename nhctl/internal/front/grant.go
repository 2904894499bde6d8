package front

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// A front restores its Service by itself once its computers are gone for good, by a service account of its own, where
// its developer may make one. It has permissions for its Service and for the objects of the front, by their names, and
// may see EndpointSlices.

// meta is that of an object of the front that belongs to another one.
func (p Plan) meta(owner metav1.OwnerReference) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:            p.Name(),
		Namespace:       p.Namespace,
		Labels:          p.ObjectLabels(),
		OwnerReferences: []metav1.OwnerReference{owner},
	}
}

// role is all that the front's service account may do.
func (p Plan) role(owner metav1.OwnerReference) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: p.meta(owner), Rules: []rbacv1.PolicyRule{
		{
			APIGroups:     []string{""},
			Resources:     []string{"services"},
			ResourceNames: []string{p.Service},
			Verbs:         []string{"get", "patch"},
		},
		{
			APIGroups:     []string{""},
			Resources:     []string{"services"},
			ResourceNames: []string{p.Original()},
			Verbs:         []string{"delete"},
		},
		{
			APIGroups: []string{"discovery.k8s.io"},
			Resources: []string{"endpointslices"},
			Verbs:     []string{"list"},
		},
	}}
}

// grant makes the front's service account. alone says why there is none, where its developer may not make one.
func grant(
	ctx context.Context, c *kube.Client, p Plan, owner metav1.OwnerReference,
) (alone, failed error) {
	create := metav1.CreateOptions{}
	steps := []func() error{
		func() error {
			account := &corev1.ServiceAccount{ObjectMeta: p.meta(owner)}
			_, err := c.API.CoreV1().ServiceAccounts(p.Namespace).Create(ctx, account, create)
			return err
		},
		func() error {
			_, err := c.API.RbacV1().Roles(p.Namespace).Create(ctx, p.role(owner), create)
			return err
		},
		func() error {
			_, err := c.API.RbacV1().RoleBindings(p.Namespace).Create(ctx, &rbacv1.RoleBinding{
				ObjectMeta: p.meta(owner),
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: p.Name()},
				Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: p.Name(), Namespace: p.Namespace}},
			}, create)
			return err
		},
	}
	for _, step := range steps {
		err := step()
		switch {
		case err == nil, apierrors.IsAlreadyExists(err): // of a start that was cut short
		case apierrors.IsForbidden(err):
			return c.Explain(err), revoke(ctx, c, p)
		default:
			return nil, c.Explain(err)
		}
	}
	return nil, nil
}

// revoke removes the front's service account and its permissions. What the developer may not look at, or not delete,
// goes with the front's Service.
func revoke(ctx context.Context, c *kube.Client, p Plan) error {
	var failed []error
	tell := func(err error) {
		if !apierrors.IsForbidden(err) {
			failed = append(failed, gone(c, err))
		}
	}
	bindings := c.API.RbacV1().RoleBindings(p.Namespace)
	binding, err := bindings.Get(ctx, p.Name(), metav1.GetOptions{})
	if err == nil && owned(binding.ObjectMeta, p) {
		err = bindings.Delete(ctx, p.Name(), metav1.DeleteOptions{Preconditions: very(binding.ObjectMeta)})
	}
	tell(err)
	roles := c.API.RbacV1().Roles(p.Namespace)
	role, err := roles.Get(ctx, p.Name(), metav1.GetOptions{})
	if err == nil && owned(role.ObjectMeta, p) {
		err = roles.Delete(ctx, p.Name(), metav1.DeleteOptions{Preconditions: very(role.ObjectMeta)})
	}
	tell(err)
	accounts := c.API.CoreV1().ServiceAccounts(p.Namespace)
	account, err := accounts.Get(ctx, p.Name(), metav1.GetOptions{})
	if err == nil && owned(account.ObjectMeta, p) {
		err = accounts.Delete(ctx, p.Name(), metav1.DeleteOptions{Preconditions: very(account.ObjectMeta)})
	}
	tell(err)
	return errors.Join(failed...)
}

// restores has a front's pod restore its Service, by its service account.
func (p Plan) restores(d *appsv1.Deployment, originals *corev1.Service) error {
	agent := &d.Spec.Template.Spec.Containers[0]
	var config contract.Agent
	if err := json.Unmarshal([]byte(agent.Env[0].Value), &config); err != nil {
		return err
	}
	config.Restore = &contract.Restore{
		Namespace: p.Namespace,
		Service:   p.Service,
		Originals: originals.Name,
		UID:       string(originals.UID),
		After:     int(cmp.Or(p.After, record.DefaultAbandonAfter) / time.Second),
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	agent.Env[0].Value = string(text)
	yes := true
	d.Spec.Template.Spec.AutomountServiceAccountToken = &yes
	d.Spec.Template.Spec.ServiceAccountName = p.Name()
	return nil
}
