// Package front has the in-cluster end of routes: an agent that a Service's selector leads to, which lets the originals
// answer whatever no developer's route claims. It decides what a front consists of, and switches a Service to it and
// back. It knows nothing of what goes through a front.
package front

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
)

// Facts are what the cluster has that a front depends on.
type Facts struct {
	Service *corev1.Service
	// Pods are those of the namespace, Services all its Services, Sets its StatefulSets.
	Pods     []corev1.Pod
	Services []corev1.Service
	Sets     []appsv1.StatefulSet
	// Policies are the NetworkPolicies, as far as the caller may list them.
	Policies []networkingv1.NetworkPolicy
	// Selectors are those by which workloads and disruption budgets select pods.
	Selectors []*metav1.LabelSelector
}

// Plan is what a front of a Service is to be.
type Plan struct {
	// ID names the front in all its objects. It follows from the Service, so that everyone finds the same front.
	ID, Namespace, Service string
	// Selector is the Service's own, Swapped the one that leads to the front: it has the same keys.
	Selector, Swapped map[string]string
	// Labels are those of the front's pods.
	Labels map[string]string
	Ports  []Port
	// Carrier is the carriers' port on the loopback of the front's pod.
	Carrier int
	// Sticky says that the Service wants each client at the same pod.
	Sticky bool
	// NotReady says that the Service wants pods that are not ready, too.
	NotReady bool
	// NeverPull says that no registry has the agent's image: a node has it, or there can be no front.
	NeverPull bool
	// Warnings are what a developer should know of the Service.
	Warnings []string
	// After is how long the front waits for a computer before it restores the Service, where it may.
	After time.Duration
}

// Port is a port of the Service.
type Port struct {
	corev1.ServicePort
	// Number is the pods' port that it leads to.
	Number int
	// Known is what is known of its protocol before anyone speaks.
	Known route.Protocol
}

// ID is the name of a Service's front.
func ID(s *corev1.Service) string { return contract.FrontID(string(s.UID)) }

const namePrefix = contract.FrontPrefix

// Name is that of the front's Deployment and Secret.
func (p Plan) Name() string { return namePrefix + p.ID }

// Original is the name of the Service that leads to the originals.
func (p Plan) Original() string { return contract.OriginalPrefix + p.ID }

// ObjectLabels are those of all objects of the front.
func (p Plan) ObjectLabels() map[string]string {
	return map[string]string{contract.LabelSession: p.ID, contract.LabelRole: contract.RoleFront}
}

// Of decides what a Service's front is to be, or why there can't be one. Its pods have the named labels, too.
func Of(f Facts, named ...string) (Plan, error) {
	s := f.Service
	p := Plan{
		ID:        ID(s),
		Namespace: s.Namespace,
		Service:   s.Name,
		Selector:  s.Spec.Selector,
		Sticky:    s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP,
		NotReady:  s.Spec.PublishNotReadyAddresses,
		Warnings:  Warnings(s),
	}
	switched, err := Switched(s)
	if err != nil {
		return p, err
	}
	if switched != nil {
		p.Selector = switched.Selector
	}
	if why := refusal(f, p.Selector); why != nil {
		return p, why
	}
	p.Swapped = map[string]string{}
	for key := range p.Selector {
		p.Swapped[key] = namePrefix + p.ID
	}
	originals := selected(f.Pods, p.Selector)
	p.Labels = podLabels(f, p, originals)
	if p.Ports, err = ports(s, originals); err != nil {
		return p, err
	}
	p.Carrier = carrierPort(p)
	if err := p.label(named); err != nil {
		return p, err
	}
	if switched != nil { // its front is there, whatever its labels are
		return p, nil
	}
	return p, cutOff(f, p, originals)
}

// selected are the pods that a selector selects and that have not ended, those that are ready first.
func selected(pods []corev1.Pod, selector map[string]string) (all []corev1.Pod) {
	for _, p := range pods {
		ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
		if p.DeletionTimestamp == nil && !ended && labels.SelectorFromSet(selector).Matches(labels.Set(p.Labels)) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b corev1.Pod) int {
		if ready(a) == ready(b) {
			return strings.Compare(a.Name, b.Name)
		} else if ready(a) {
			return -1
		}
		return 1
	})
	return all
}

func ready(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// podLabels are an original's, less every key that anything selects by, so that subsets of a mesh still match; with the
// swapped selector, and the front's own.
func podLabels(f Facts, p Plan, originals []corev1.Pod) map[string]string {
	all := map[string]string{}
	if len(originals) > 0 {
		maps.Copy(all, originals[0].Labels)
	}
	for _, other := range f.Services {
		for key := range other.Spec.Selector {
			delete(all, key)
		}
	}
	for _, s := range f.Selectors {
		if s == nil {
			continue
		}
		for key := range s.MatchLabels {
			delete(all, key)
		}
		for _, e := range s.MatchExpressions {
			delete(all, e.Key)
		}
	}
	for _, key := range []string{
		appsv1.DefaultDeploymentUniqueLabelKey, appsv1.ControllerRevisionHashLabelKey, appsv1.StatefulSetPodNameLabel,
		appsv1.PodIndexLabel, "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "job-name",
		"controller-uid",
	} {
		delete(all, key)
	}
	maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasPrefix(key, "nhctl.dev/") })
	maps.Copy(all, p.Swapped)
	maps.Copy(all, p.ObjectLabels())
	return all
}

// ports are the Service's, with the pods' that they lead to.
func ports(s *corev1.Service, originals []corev1.Pod) (all []Port, err error) {
	for _, sp := range s.Spec.Ports {
		p := Port{ServicePort: sp, Known: protocolOf(sp)}
		if p.Number, err = target(s, sp, originals); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// target is the pods' port that a Service's port leads to.
func target(s *corev1.Service, sp corev1.ServicePort, originals []corev1.Pod) (int, error) {
	name := sp.TargetPort.StrVal
	switch {
	case name == "" && sp.TargetPort.IntVal > 0:
		return int(sp.TargetPort.IntVal), nil
	case name == "":
		return int(sp.Port), nil
	}
	found := 0
	for _, pod := range originals {
		for _, c := range pod.Spec.Containers {
			for _, cp := range c.Ports {
				if cp.Name != name {
					continue
				}
				if found != 0 && found != int(cp.ContainerPort) {
					const differs = "port %s of Service %s is %d in one pod and %d in another"
					return 0, problem.New(problem.Refused, differs, name, s.Name, found, cp.ContainerPort).
						WithHint("wait until its rollout is over, and try again")
				}
				found = int(cp.ContainerPort)
			}
		}
	}
	if found == 0 {
		return 0, problem.New(problem.Refused, "no pod of Service %s has a port named %s", s.Name, name).
			WithHint("the port's number is known once a pod of the Service is there")
	}
	return found, nil
}

// protocolOf is what a Service's port says of its protocol: appProtocol first, then its name.
func protocolOf(p corev1.ServicePort) route.Protocol {
	text := p.Name
	if p.AppProtocol != nil {
		text = *p.AppProtocol
	}
	word := strings.ToLower(strings.TrimPrefix(text, "kubernetes.io/"))
	word, _, _ = strings.Cut(word, "-")
	switch word {
	case "http", "http2", "h2c", "grpc", "ws", "web":
		return route.HTTP
	case "tcp", "https", "tls", "wss", "mysql", "postgres", "postgresql", "redis", "mongo", "mongodb", "amqp", "smtp",
		"kafka", "ftp", "ssh", "ldap", "nats":
		return route.TCP
	}
	return route.Unknown
}

// carrierPort is a port of the pod's loopback that no one else has. It lies below those that connections get of
// themselves.
func carrierPort(p Plan) int {
	const first, count = 20_000, 10_000
	sum := sha256.Sum256([]byte(p.ID))
	port := first + (int(sum[0])<<8|int(sum[1]))%count
	for slices.ContainsFunc(p.Ports, func(taken Port) bool { return taken.Number == port }) {
		port++
	}
	return port
}

// Port finds a port of the Service by its number or its name.
func (p Plan) Port(name string) (Port, error) {
	var all []string
	for _, port := range p.Ports {
		if port.Name == name && name != "" || fmt.Sprint(port.ServicePort.Port) == name {
			return port, nil
		}
		all = append(all, strings.TrimSuffix(fmt.Sprintf("%d (%s)", port.ServicePort.Port, port.Name), " ()"))
	}
	return Port{}, problem.New(problem.NotFound, "Service %s has no port %q", p.Service, name).
		WithHint("it has %s", strings.Join(all, ", "))
}
