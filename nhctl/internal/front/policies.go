package front

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// cutOff refuses a front that NetworkPolicies keep clients from which the originals have: where some policy isolates
// the front's pods, each that lets clients reach the originals has to select those, too.
func cutOff(f Facts, p Plan, originals []corev1.Pod) error {
	if len(originals) == 0 {
		return nil
	}
	isolated, opening := false, []string{}
	for _, policy := range f.Policies {
		if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			continue
		}
		own := selector.Matches(labels.Set(p.Labels))
		isolated = isolated || own
		if !own && len(policy.Spec.Ingress) > 0 && selector.Matches(labels.Set(originals[0].Labels)) {
			opening = append(opening, policy.Name)
		}
	}
	if !isolated || len(opening) == 0 {
		return nil
	}
	return problem.New(problem.Refused, "NetworkPolicies let clients reach the pods of Service %s, and not its front: "+
		"%s", p.Service, strings.Join(opening, ", ")).
		WithHint("give the front a label that they select by: --agent-label KEY=VALUE")
}

// label adds the labels that a user names, as KEY=VALUE, to those of the front's pods.
func (p Plan) label(named []string) error {
	for _, text := range named {
		key, value, found := strings.Cut(text, "=")
		wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
		if !found || len(wrong) > 0 {
			return problem.New(problem.Usage, "%q is no label: want KEY=VALUE", text)
		}
		if _, own := p.ObjectLabels()[key]; own || hasKey(p.Swapped, key) {
			return problem.New(problem.Refused, "label %s is one by which the front is found", key).
				WithHint("choose another one that the policy selects by, or have it changed")
		}
		p.Labels[key] = value
	}
	return nil
}
