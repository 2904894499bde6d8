package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// rights are all that a Role allows, one by one.
func rights(role string) ([]authorizationv1.ResourceAttributes, error) {
	var parsed rbacv1.Role
	if err := yaml.UnmarshalStrict([]byte(role), &parsed); err != nil {
		return nil, err
	}
	var all []authorizationv1.ResourceAttributes
	for _, rule := range parsed.Rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				resource, sub, _ := strings.Cut(resource, "/")
				for _, verb := range rule.Verbs {
					for _, name := range names {
						all = append(all, authorizationv1.ResourceAttributes{
							Verb:        verb,
							Group:       group,
							Resource:    resource,
							Subresource: sub,
							Name:        name,
						})
					}
				}
			}
		}
	}
	return all, nil
}

// atOnce is how many questions the API server is asked at a time.
const atOnce = 10

// permissions asks for each right of the Role. Those on resources that the cluster does not have are left out.
func (p *patient) permissions(ctx context.Context) (Finding, error) {
	wanted, err := rights(kube.Role)
	if err != nil {
		return Finding{}, err
	}
	groups, err := p.API.Discovery().ServerGroups()
	if err != nil {
		return Finding{}, p.Explain(err)
	}
	served := func(group string) bool {
		return group == "" || slices.ContainsFunc(groups.Groups,
			func(g metav1.APIGroup) bool { return g.Name == group })
	}
	var mu sync.Mutex
	missing := map[string][]string{} // verbs by resource
	asked := 0
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(atOnce)
	for _, right := range wanted {
		if !served(right.Group) {
			continue
		}
		asked++
		asking.Go(func() error {
			may, err := p.Allowed(ctx, right)
			if err == nil && !may {
				mu.Lock()
				defer mu.Unlock()
				missing[describe(right)] = append(missing[describe(right)], right.Verb)
			}
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return Finding{}, err
	}
	if len(missing) == 0 {
		return Finding{State: OK, Says: fmt.Sprintf("all %d rights of nhctl's Role are there", asked)}, nil
	}
	var lines []string
	for resource, verbs := range missing {
		slices.Sort(verbs)
		lines = append(lines, strings.Join(verbs, ", ")+" "+resource)
	}
	slices.Sort(lines)
	return Finding{
		State: Failed,
		Says:  "you may not: " + strings.Join(lines, "; "),
		Fix:   "ask an administrator to apply the Role that `nhctl doctor --role` prints, with a RoleBinding for you",
	}, nil
}

// describe names a resource as kubectl does.
func describe(r authorizationv1.ResourceAttributes) string {
	text := r.Resource
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	if r.Name != "" {
		text += " (" + r.Name + ")"
	}
	return text
}
