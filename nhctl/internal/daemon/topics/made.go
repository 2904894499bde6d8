package topics

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/frontnote"
)

// made is what was made of a namespace's objects. Most are the same from one look to the next, and reading thousands of
// them ten times a second would keep a processor busy.
type made struct {
	owners    memory[*metav1.OwnerReference]
	workloads memory[plain]
	services  memory[matcher]
	pods      memory[rpc.Pod]
}

// next begins a look.
func (m *made) next() {
	m.owners.next()
	m.workloads.next()
	m.services.next()
	m.pods.next()
}

// owner is what controls an object; nil where nothing does.
func (m *made) owner(o *unstructured.Unstructured) *metav1.OwnerReference {
	return m.owners.of(o, func(o *unstructured.Unstructured) *metav1.OwnerReference {
		return metav1.GetControllerOf(o)
	})
}

// memory keeps what was made of objects between two looks. An object that is followed never changes: a change brings
// another one.
type memory[T any] struct {
	before, now map[*unstructured.Unstructured]T
}

// next forgets what the last look did not ask for.
func (m *memory[T]) next() {
	m.before, m.now = m.now, make(map[*unstructured.Unstructured]T, len(m.now))
}

// of is what was made of an object, or is made now.
func (m *memory[T]) of(o *unstructured.Unstructured, by func(*unstructured.Unstructured) T) T {
	value, known := m.before[o]
	if !known {
		value = by(o)
	}
	m.now[o] = value
	return value
}

// plain is what a workload's object alone says; hidden where it is none.
type plain struct {
	item   rpc.Workload
	labels map[string]string // of its pods
	hidden bool
}

// matcher is a Service, and the labels that it selects pods by.
type matcher struct {
	item     rpc.Service
	selector map[string]string
}

// serviceOf reads a Service. One that leads to a front is that of the pods that it led to before.
func serviceOf(o *unstructured.Unstructured) matcher {
	var s corev1.Service
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &s) != nil {
		return matcher{}
	}
	if s.Labels[contract.LabelRole] == contract.RoleFront {
		return matcher{}
	}
	made := matcher{item: rpc.Service{Name: s.Name}, selector: s.Spec.Selector}
	if frontnote.Leads(s.Spec.Selector, contract.FrontID(string(s.UID))) {
		if note, err := frontnote.Read(s.Annotations[contract.AnnotationFront], s.Spec.Selector); err == nil {
			made.selector = note.Selector
		}
	}
	for _, p := range s.Spec.Ports {
		made.item.Ports = append(made.item.Ports, rpc.Port{
			Name:     p.Name,
			Port:     p.Port,
			Protocol: protocol(p.Protocol),
			Target:   p.TargetPort.String(),
		})
	}
	return made
}

// selecting are Services by one label of their selectors, so that no workload has to look at all of them.
type selecting map[[2]string][]matcher

// add adds a Service; one without a selector selects nothing.
func (s selecting) add(one matcher) {
	least := ""
	for key := range one.selector {
		if least == "" || key < least {
			least = key
		}
	}
	if least != "" {
		label := [2]string{least, one.selector[least]}
		s[label] = append(s[label], one)
	}
}

// of are the Services that select pods with some labels.
func (s selecting) of(labels map[string]string) []rpc.Service {
	var all []rpc.Service
	for key, value := range labels {
		for _, one := range s[[2]string{key, value}] {
			if one.selects(labels) {
				all = append(all, one.item)
			}
		}
	}
	slices.SortFunc(all, func(a, b rpc.Service) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (m matcher) selects(labels map[string]string) bool {
	for key, value := range m.selector {
		if has, there := labels[key]; !there || has != value {
			return false
		}
	}
	return true
}
