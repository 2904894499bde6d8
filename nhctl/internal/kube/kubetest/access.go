package kubetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Restrict gives a user the permissions of some rules, and no others. A user without rules may do everything.
func (c *Cluster) Restrict(user string, rules ...rbacv1.PolicyRule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules[user] = rules
}

// Forbid takes a permission from a user who may do everything else: a verb of a resource, or of resource/subresource.
func (c *Cluster) Forbid(user, verb, resource string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forbidden = append(c.forbidden, [3]string{user, verb, resource})
}

// Confine takes from a user every permission outside of one namespace, that for the whole cluster included.
func (c *Cluster) Confine(user, namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confined[user] = namespace
}

// Admit adds an admission policy: it may change what is written, or refuse it by an error, which is a 403 unless it has
// a status of its own. The pods that controllers make are asked about, too, as by the user Controllers.
func (c *Cluster) Admit(policy func(Request, *unstructured.Unstructured) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policies = append(c.policies, policy)
}

// Controllers is the user by whom controllers make pods.
const Controllers = "system:controllers"

// admit asks the policies. The lock is held.
func (c *Cluster) admit(q Request, o *unstructured.Unstructured) error {
	for _, policy := range c.policies {
		if err := policy(q, o); err != nil {
			if status := apierrors.APIStatus(nil); errors.As(err, &status) {
				return err
			}
			return apierrors.NewForbidden(schema.GroupResource{Group: q.Group, Resource: q.Resource}, q.Name, err)
		}
	}
	return nil
}

// may says whether a user has a permission. The lock is held.
func (c *Cluster) may(user string, a authorizationv1.ResourceAttributes) bool {
	resource := a.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	if slices.Contains(c.forbidden, [3]string{user, a.Verb, resource}) {
		return false
	}
	if namespace, confined := c.confined[user]; confined && a.Namespace != namespace {
		return false
	}
	rules, restricted := c.rules[user]
	has := func(list []string, wanted string) bool {
		return slices.Contains(list, wanted) || slices.Contains(list, "*")
	}
	return !restricted || slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return has(r.Verbs, a.Verb) && has(r.APIGroups, a.Group) && has(r.Resources, resource) &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, a.Name))
	})
}

// authorize refuses what the user may not do, in the words of the API server. The lock is held.
func (c *Cluster) authorize(q Request) error {
	if q.User == "" {
		return apierrors.NewUnauthorized("Unauthorized")
	}
	attributes := authorizationv1.ResourceAttributes{
		Namespace:   q.Namespace,
		Verb:        q.Verb,
		Group:       q.Group,
		Resource:    q.Resource,
		Subresource: q.Subresource,
		Name:        q.Name,
	}
	if c.may(q.User, attributes) {
		return nil
	}
	scope := "at the cluster scope"
	if q.Namespace != "" {
		scope = fmt.Sprintf("in the namespace %q", q.Namespace)
	}
	why := fmt.Sprintf("User %q cannot %s resource %q in API group %q %s", q.User, q.Verb, q.resource(), q.Group, scope)
	return apierrors.NewForbidden(schema.GroupResource{Group: q.Group, Resource: q.Resource}, q.Name, errors.New(why))
}

// review answers who a user is, and what they may do. The lock is held.
func (c *Cluster) review(q Request) (any, error) {
	if q.User == "" {
		return nil, apierrors.NewUnauthorized("Unauthorized")
	}
	if q.Resource == "selfsubjectreviews" {
		return authenticationv1.SelfSubjectReview{
			TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"},
			Status:   authenticationv1.SelfSubjectReviewStatus{UserInfo: authenticationv1.UserInfo{Username: q.User}},
		}, nil
	}
	var review authorizationv1.SelfSubjectAccessReview
	if err := json.Unmarshal(q.Body, &review); err != nil || review.Spec.ResourceAttributes == nil {
		return nil, apierrors.NewBadRequest("no resource attributes")
	}
	review.Status.Allowed = c.may(q.User, *review.Spec.ResourceAttributes)
	return review, nil
}
