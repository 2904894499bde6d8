package workload

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// How long a pod may be without a place: what a pod that ends has is free at once, a volume takes its time to be made.
const (
	patience     = 3 * time.Second
	provisioning = 15 * time.Second
)

// What the scheduler says.
const (
	unbound    = "unbound immediate PersistentVolumeClaims"
	noClaim    = "persistentvolumeclaim"
	lacking    = "Insufficient "
	unselected = "affinity/selector"
	taken      = "free ports"
	tainted    = "untolerated taint"
)

func patienceFor(message string) time.Duration {
	switch {
	case strings.Contains(message, unbound):
		return provisioning
	case strings.Contains(message, noClaim) && strings.Contains(message, "not found"),
		strings.Contains(message, unselected):
		return 0
	}
	return patience
}

// unschedulable says why no node takes a pod: the scheduler counts nodes, and names neither what was asked for nor who
// asked.
func unschedulable(pod *corev1.Pod, message string) *problem.Error {
	var asked, hints []string
	add := func(what, hint string) {
		asked, hints = append(asked, what), append(hints, hint)
	}
	for _, resource := range lacks(message) {
		add(fmt.Sprintf("the pod asks for %s %s", requested(pod, resource), resource), "lower what it asks for "+
			"(dev.resources.requests in the config, dev.patches for other containers), or free or add a node")
	}
	if strings.Contains(message, unselected) {
		add("the pod wants a node "+selected(pod),
			"correct the workload's node selector or affinity, or drop it from the twin by dev.patches")
	}
	if strings.Contains(message, unbound) || strings.Contains(message, noClaim) {
		add("its claims are "+strings.Join(claims(pod), ", "),
			"`kubectl describe pvc` says what a claim waits for: its storage class, its size, its access mode")
	}
	if strings.Contains(message, taken) {
		add("another pod has its host port",
			"end that one, or work on a duplicate, which has no host ports: --mode duplicate")
	}
	if strings.Contains(message, tainted) {
		add("it tolerates no such taint", "let the twin tolerate it by dev.patches, or free a node")
	}
	reason, _, _ := strings.Cut(strings.TrimSuffix(message, "."), ". ") // what follows is about making room by force
	p := problem.New(problem.NotReady, "%s",
		strings.Join(append([]string{"no node takes the dev pod: " + reason}, asked...), "; "))
	if len(hints) == 0 {
		return p.WithHint("free a node, or change the pod by dev.patches as the message says")
	}
	slices.Sort(hints)
	return p.WithHint("%s", strings.Join(slices.Compact(hints), "\n"))
}

// lacks lists the resources that the scheduler found too little of.
func lacks(message string) (resources []string) {
	parts := strings.Split(message, lacking)
	for _, part := range parts[1:] {
		end := strings.IndexAny(part, ",. ")
		if end < 0 {
			end = len(part)
		}
		if !slices.Contains(resources, part[:end]) {
			resources = append(resources, part[:end])
		}
	}
	return resources
}

// requested is what the containers of a pod ask for together.
func requested(pod *corev1.Pod, resource string) string {
	var sum = pod.Spec.Overhead[corev1.ResourceName(resource)]
	for _, c := range pod.Spec.Containers {
		sum.Add(c.Resources.Requests[corev1.ResourceName(resource)])
	}
	return sum.String()
}

// selected describes the nodes that a pod wants.
func selected(pod *corev1.Pod) string {
	var wants []string
	for _, key := range slices.Sorted(maps.Keys(pod.Spec.NodeSelector)) {
		wants = append(wants, "with the label "+labels.Set{key: pod.Spec.NodeSelector[key]}.String())
	}
	if a := pod.Spec.Affinity; a != nil && a.NodeAffinity != nil &&
		a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		for _, term := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			for _, e := range append(term.MatchExpressions, term.MatchFields...) {
				wants = append(wants,
					strings.TrimSpace(fmt.Sprintf("where %s %s %s", e.Key, e.Operator, strings.Join(e.Values, ", "))))
			}
		}
	}
	if len(wants) == 0 {
		return "of its volumes"
	}
	return strings.Join(wants, ", ")
}

func claims(pod *corev1.Pod) (names []string) {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		}
	}
	return names
}
