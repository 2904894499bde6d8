package front

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/frontnote"
)

// Note is the annotation of a Service with a front.
type Note = contract.FrontNote

// Switched is the note of a Service whose selector leads to its front; nil where it is the Service's own. Whoever may
// write Services may have written it.
func Switched(s *corev1.Service) (*Note, error) {
	if !frontnote.Leads(s.Spec.Selector, ID(s)) {
		return nil, nil
	}
	text, unreadable := s.Annotations[contract.AnnotationFront], func(why error) error {
		return problem.New(problem.Unreadable, "Service %s leads to a front, and its annotation %s does not say what "+
			"its selector was: %w", s.Name, contract.AnnotationFront, why).
			WithHint("restore it yourself: kubectl patch service %s -n %s --type=merge -p "+
				`'{"spec":{"selector":{...}}}'`, s.Name, s.Namespace)
	}
	n, err := frontnote.Read(text, s.Spec.Selector)
	if err != nil {
		return nil, unreadable(err)
	}
	if err := metav1validation.ValidateLabels(n.Selector, field.NewPath("selector")).ToAggregate(); err != nil {
		return nil, unreadable(err)
	}
	return &n, nil
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

const selectorPath = "/spec/selector"

func notePath() string {
	return "/metadata/annotations/" + strings.ReplaceAll(contract.AnnotationFront, "/", "~1")
}

// swap leads a Service to its front, unless someone has changed the selector since it was read.
func (p Plan) swap(s *corev1.Service) ([]byte, error) {
	restore, err := json.Marshal(append(p.tested(), p.restored()...))
	if err != nil {
		return nil, err
	}
	note, err := json.Marshal(Note{
		Kind:     contract.FrontKind,
		Version:  contract.FrontVersion,
		Selector: p.Selector,
		Restore:  fmt.Sprintf("kubectl patch service %s -n %s --type=json -p '%s'", p.Service, p.Namespace, restore),
	})
	if err != nil {
		return nil, err
	}
	operations := []operation{{Op: "test", Path: selectorPath, Value: p.Selector}}
	if len(s.Annotations) == 0 {
		operations = append(operations, operation{Op: "add", Path: "/metadata/annotations", Value: map[string]string{}})
	}
	return json.Marshal(append(operations,
		operation{Op: "add", Path: notePath(), Value: string(note)},
		operation{Op: "replace", Path: selectorPath, Value: p.Swapped}))
}

// restore leads a Service to its originals, if it still leads to the front.
func (p Plan) restore() ([]byte, error) { return json.Marshal(append(p.tested(), p.restored()...)) }

func (p Plan) tested() []operation {
	return []operation{{Op: "test", Path: selectorPath, Value: p.Swapped}}
}

func (p Plan) restored() []operation {
	return []operation{
		{Op: "replace", Path: selectorPath, Value: p.Selector},
		{Op: "remove", Path: notePath()},
	}
}
