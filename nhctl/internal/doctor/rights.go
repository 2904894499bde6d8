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

// right is one that a Role allows.
type right struct {
	authorizationv1.ResourceAttributes
	// cost says what works less well without it; empty where dev mode needs it.
	cost string
}

// optional begins the comment before rules that nhctl can do without, up to the next comment.
const optional = "# Optional: "

// costs are what it costs to lack the rules of a Role, one by one.
func costs(role string) (all []string) {
	cost := ""
	for line := range strings.Lines(role) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, optional):
			cost = strings.TrimPrefix(line, optional)
		case strings.HasPrefix(line, "#"):
			cost = ""
		case strings.HasPrefix(line, "- "):
			all = append(all, cost)
		}
	}
	return all
}

// rights are all that a Role allows, one by one.
func rights(role string) ([]right, error) {
	var parsed rbacv1.Role
	if err := yaml.UnmarshalStrict([]byte(role), &parsed); err != nil {
		return nil, err
	}
	costs := costs(role)
	if len(costs) != len(parsed.Rules) {
		return nil, fmt.Errorf("the Role has %d rules and %d begin a line", len(parsed.Rules), len(costs))
	}
	var all []right
	for i, rule := range parsed.Rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				resource, sub, _ := strings.Cut(resource, "/")
				for _, verb := range rule.Verbs {
					for _, name := range names {
						all = append(all, right{cost: costs[i], ResourceAttributes: authorizationv1.ResourceAttributes{
							Verb:        verb,
							Group:       group,
							Resource:    resource,
							Subresource: sub,
							Name:        name,
						}})
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
	missing := lack{} // of what dev mode needs
	lacking := map[string]lack{}
	asked := 0
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(atOnce)
	for _, right := range wanted {
		if !served(right.Group) {
			continue
		}
		asked++
		asking.Go(func() error {
			may, err := p.Allowed(ctx, right.ResourceAttributes)
			if err != nil || may {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			of := missing
			if right.cost != "" {
				if lacking[right.cost] == nil {
					lacking[right.cost] = lack{}
				}
				of = lacking[right.cost]
			}
			what := describe(right.ResourceAttributes)
			of[what] = append(of[what], right.Verb)
			return nil
		})
	}
	if err := asking.Wait(); err != nil {
		return Finding{}, err
	}
	const fix = "ask an administrator to apply the Role that `nhctl doctor --role` prints, with a RoleBinding for you"
	switch {
	case len(missing) > 0:
		return Finding{State: Failed, Says: "you may not: " + missing.String(), Fix: fix}, nil
	case len(lacking) > 0:
		var lines []string
		for cost, l := range lacking {
			lines = append(lines, l.String()+" ("+cost+")")
		}
		slices.Sort(lines)
		return Finding{State: Warning, Says: "you may not: " + strings.Join(lines, "; "), Fix: fix}, nil
	}
	return Finding{State: OK, Says: fmt.Sprintf("all %d rights of nhctl's Role are there", asked)}, nil
}

// lack are verbs that are missing, by resource.
type lack map[string][]string

func (l lack) String() string {
	var lines []string
	for resource, verbs := range l {
		slices.Sort(verbs)
		lines = append(lines, strings.Join(verbs, ", ")+" "+resource)
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
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
