package front

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Marks of GitOps controllers on the objects that they apply.
const (
	argoTracking = "argocd.argoproj.io/tracking-id"
	argoInstance = "argocd.argoproj.io/instance"
	fluxName     = "kustomize.toolkit.fluxcd.io/name"
	fluxHelm     = "helm.toolkit.fluxcd.io/name"
)

// Marks of load balancers that reach pods by their own addresses.
const (
	awsTargets     = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"
	awsType        = "service.beta.kubernetes.io/aws-load-balancer-type"
	gkeNEG         = "cloud.google.com/neg"
	gkeNEGStatus   = "cloud.google.com/neg-status"
	awsTargetsByIP = "ip"
	awsTypeByIP    = "nlb-ip"
)

// Warnings are what a developer should know of a Service that gets a front, and can't be seen to be in the way.
func Warnings(s *corev1.Service) (all []string) {
	for _, warn := range []func(*corev1.Service) string{byGitOps, byLoadBalancer} {
		if text := warn(s); text != "" {
			all = append(all, text)
		}
	}
	return all
}

// byGitOps warns of a controller that may restore the selector, with the rule that has it leave that alone.
func byGitOps(s *corev1.Service) string {
	_, tracked := s.Annotations[argoTracking]
	_, instance := s.Labels[argoInstance]
	_, kustomized := s.Labels[fluxName]
	_, helm := s.Labels[fluxHelm]
	const warning = "%s manages Service %s: where it heals changes, it takes the selector back, and the route ends " +
		"then; to have it leave that alone, %s"
	switch {
	case tracked || instance:
		rule := fmt.Sprintf(`give its Application: spec: {ignoreDifferences: [{kind: Service, name: %s, `+
			`jsonPointers: [/spec/selector]}], syncPolicy: {syncOptions: [RespectIgnoreDifferences=true]}}`, s.Name)
		return fmt.Sprintf(warning, "Argo CD", s.Name, rule)
	case kustomized:
		return fmt.Sprintf(warning, "Flux", s.Name, "suspend its Kustomization in the meantime, or give the Service "+
			"kustomize.toolkit.fluxcd.io/ssa: IfNotPresent in Git")
	case helm:
		return fmt.Sprintf(warning, "Flux", s.Name, fmt.Sprintf(`give its HelmRelease: spec: {driftDetection: `+
			`{ignore: [{paths: [/spec/selector], target: {kind: Service, name: %s}}]}}`, s.Name))
	}
	return ""
}

// byLoadBalancer warns of load balancers that know pods by their addresses: a front's pod is new to them, and gets no
// traffic before they have found it healthy.
func byLoadBalancer(s *corev1.Service) string {
	by := ""
	switch {
	case s.Annotations[awsTargets] == awsTargetsByIP, s.Annotations[awsType] == awsTypeByIP:
		by = "an AWS load balancer (targets by IP)"
	case strings.Contains(s.Annotations[gkeNEG], "true") || strings.Contains(s.Annotations[gkeNEG], "exposed_ports"),
		s.Annotations[gkeNEGStatus] != "":
		by = "a Google load balancer (network endpoint groups)"
	default:
		return ""
	}
	return fmt.Sprintf("%s sends the traffic of Service %s to pods directly: it needs a while to find the front "+
		"healthy, and its clients fail until then; exchange a Service behind it where you can", by, s.Name)
}

// ByPrincipal warns of policies that name who may connect to the originals: clients that come through the front arrive
// there with its identity. Policies are those of a mesh, by their names.
func ByPrincipal(service string, policies map[string]bool) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		if policies[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("policies of the mesh let clients in by their identity (%s), and those that come through the "+
		"front arrive with the front's: the originals of Service %s may refuse them", strings.Join(names, ", "),
		service)
}
