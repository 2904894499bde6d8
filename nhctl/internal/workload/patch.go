package workload

import (
	"encoding/json"
	"fmt"
	"reflect"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Patch is a change to a twin, as YAML or JSON. Type is strategic, merge or json.
type Patch struct{ Type, Text string }

// Apply makes the changes to a twin, in order. What nhctl itself needs of it can't be changed.
func Apply(twin *appsv1.Deployment, patches []Patch) (*appsv1.Deployment, error) {
	patched := twin
	for i, p := range patches {
		next, err := p.apply(patched)
		if err != nil {
			return nil, problem.New(problem.Usage, "dev.patches[%d] (%s): %w", i, p.Type, err).
				WithHint("a patch changes the twin, a Deployment: its pods are at spec.template; see " +
					"containers[].dev.patches in the config")
		}
		patched = next
	}
	return patched, nil
}

func (p Patch) apply(twin *appsv1.Deployment) (*appsv1.Deployment, error) {
	before, err := json.Marshal(twin)
	if err != nil {
		return nil, err
	}
	text, err := yaml.YAMLToJSON([]byte(p.Text))
	if err != nil {
		return nil, err
	}
	var after []byte
	switch p.Type {
	case "json":
		var operations jsonpatch.Patch
		if operations, err = jsonpatch.DecodePatch(text); err == nil {
			after, err = operations.Apply(before)
		}
	case "merge":
		after, err = jsonpatch.MergePatch(before, text)
	default:
		after, err = strategicpatch.StrategicMergePatch(before, text, appsv1.Deployment{})
	}
	if err != nil {
		return nil, err
	}
	patched := &appsv1.Deployment{}
	if err := yaml.UnmarshalStrict(after, patched); err != nil {
		return nil, fmt.Errorf("the result is no Deployment: %w", err)
	}
	return patched, untouched(twin, patched)
}

// untouched refuses changes to what the session is found and served by.
func untouched(before, after *appsv1.Deployment) error {
	own := func(d *appsv1.Deployment) map[string]any {
		parts := map[string]any{"metadata.name": d.Name, "metadata.namespace": d.Namespace,
			"spec.selector": d.Spec.Selector, "spec.replicas": d.Spec.Replicas,
			"the label " + contract.LabelSession: d.Spec.Template.Labels[contract.LabelSession],
			"the label " + contract.LabelRole:    d.Spec.Template.Labels[contract.LabelRole]}
		for _, c := range append(d.Spec.Template.Spec.InitContainers, d.Spec.Template.Spec.Containers...) {
			if c.Name == contract.PlantContainer || len(c.Command) > 0 && c.Command[0] == contract.Binary {
				parts["the command of container "+c.Name] = c.Command
			}
		}
		return parts
	}
	theirs := own(after)
	for name, value := range own(before) {
		if !reflect.DeepEqual(value, theirs[name]) {
			return fmt.Errorf("%s can't be changed: nhctl needs it as it is", name)
		}
	}
	return nil
}
