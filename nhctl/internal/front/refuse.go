package front

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// rolloutsOwner is the annotation of a Service whose selector Argo Rollouts writes, rolloutsKey what it writes there.
const (
	rolloutsOwner = "argo-rollouts.argoproj.io/managed-by-rollouts"
	rolloutsKey   = "rollouts-pod-template-hash"
)

// refusal says why a Service can't have a front; nil where it can. The selector is the Service's own.
func refusal(f Facts, selector map[string]string) *problem.Error {
	s := f.Service
	refused := func(why string) *problem.Error { return problem.New(problem.Refused, "Service %s %s", s.Name, why) }
	local := corev1.ServiceInternalTrafficPolicyLocal
	switch {
	case s.Labels[contract.LabelRole] == contract.RoleFront:
		return refused("belongs to a front itself").WithHint("name the Service that the front serves")
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		return refused("is another name for " + s.Spec.ExternalName + ": no traffic goes through it").
			WithHint("exchange the Service that the name leads to, in its own namespace")
	case len(selector) == 0:
		return refused("has no selector: someone else says where its traffic goes").
			WithHint("exchange a Service that selects pods; whoever writes the EndpointSlices of this one decides")
	case s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal,
		s.Spec.InternalTrafficPolicy != nil && *s.Spec.InternalTrafficPolicy == local:
		return refused("has a traffic policy Local: nodes without an agent would lose its traffic").
			WithHint("set internalTrafficPolicy and externalTrafficPolicy to Cluster for as long as you work on it")
	case s.Annotations[rolloutsOwner] != "" || hasKey(selector, rolloutsKey):
		return refused("has a selector that Argo Rollouts writes, which would take it back").
			WithHint("exchange a Service that no Rollout names")
	}
	for _, set := range f.Sets {
		if set.Spec.ServiceName == s.Name {
			return refused("governs StatefulSet " + set.Name + ": its pods' own names lead through it").
				WithHint("exchange another Service of these pods; clients that use the pods' names can't be caught so")
		}
	}
	for _, p := range s.Spec.Ports {
		if p.Protocol != corev1.ProtocolTCP && p.Protocol != "" {
			return refused("has a port of " + string(p.Protocol) + ", which a front does not serve so far").
				WithHint("exchange a Service with ports of TCP alone")
		}
	}
	if len(s.Spec.Ports) == 0 {
		return refused("has no port").WithHint("exchange a Service with ports")
	}
	return nil
}

func hasKey(selector map[string]string, key string) bool {
	_, found := selector[key]
	return found
}

// MeshRefusal says why requests can't be told apart on ports; nil where they can.
func MeshRefusal(service string, ports []Port) error {
	if slices.ContainsFunc(ports, func(p Port) bool { return p.Known != "tcp" }) {
		return nil
	}
	return problem.New(problem.Refused, "the ports of Service %s say that they speak no HTTP that can be read: a mesh "+
		"would match nothing", service).WithHint("`nhctl exchange %s` takes whole connections", service)
}
