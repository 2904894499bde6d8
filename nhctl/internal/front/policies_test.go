package front

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// policy is one of ingress for the pods that have labels; one that opens lets someone in.
func policy(name string, opens bool, labels map[string]string) networkingv1.NetworkPolicy {
	p := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	p.Spec.PodSelector.MatchLabels = labels
	p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	if opens {
		p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	}
	return p
}

// A front that clients could not reach is refused, before the Service leads there.
func TestPolicies(t *testing.T) {
	t.Parallel()
	deny := policy("deny", false, nil)
	byApp := policy("by-app", true, map[string]string{"app": "web"})
	byVersion := policy("by-version", true, map[string]string{"version": "v2"}) // which the front keeps
	byBudget := policy("by-budget", true, map[string]string{"budget": "yes"})
	egress := policy("egress", false, nil)
	egress.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	for name, c := range map[string]struct {
		policies []networkingv1.NetworkPolicy
		labels   []string
		want     string
	}{
		"none":                      {},
		"all is denied to everyone": {policies: []networkingv1.NetworkPolicy{deny}},
		"the front is not isolated": {policies: []networkingv1.NetworkPolicy{byApp, egress}},
		"opened for the originals":  {policies: []networkingv1.NetworkPolicy{deny, byApp}, want: "by-app"},
		"opened for both":           {policies: []networkingv1.NetworkPolicy{deny, byVersion}},
		"opened by a label that it gets": {
			policies: []networkingv1.NetworkPolicy{deny, byBudget},
			labels:   []string{"budget=yes"},
		},
		"opened by a label that it lacks": {
			policies: []networkingv1.NetworkPolicy{deny, byBudget},
			want:     "by-budget",
		},
		"a label that it can't have": {labels: []string{"app=web"}, want: "label app"},
		"a label that is none":       {labels: []string{"a b=c"}, want: "is no label"},
	} {
		f := web()
		f.Policies = c.policies
		_, err := Of(f, c.labels...)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if code := problem.From(err); err != nil && code.Code != problem.Refused && code.Code != problem.Usage {
			t.Errorf("%s: code %s", name, code.Code)
		}
	}
}
