package workload

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// CannotCoexist says why two pods of a template can't be sure to run at the same time, or "". exclusive are the claims
// that one pod (ReadWriteOncePod), or the pods of one node (ReadWriteOnce), may use.
func CannotCoexist(template corev1.PodTemplateSpec, exclusive []string) string {
	for _, v := range template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil && slices.Contains(exclusive, v.PersistentVolumeClaim.ClaimName) {
			return fmt.Sprintf("the claim %s may be used by one pod, or one node, at a time",
				v.PersistentVolumeClaim.ClaimName)
		}
	}
	for _, c := range slices.Concat(template.Spec.Containers, template.Spec.InitContainers) {
		for _, p := range c.Ports {
			if port := cmp.Or(p.HostPort, p.ContainerPort); p.HostPort != 0 || template.Spec.HostNetwork {
				return fmt.Sprintf("it takes port %d of its node", port)
			}
		}
	}
	if a := template.Spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		for _, term := range a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			if selects(term, template.Labels) {
				return "it keeps its own pods off the same " + term.TopologyKey
			}
		}
	}
	return ""
}

// selects says whether a term is about pods with these labels.
func selects(term corev1.PodAffinityTerm, of map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(term.LabelSelector)
	return err == nil && selector.Matches(labels.Set(of))
}
