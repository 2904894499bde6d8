package devmode

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// limitRange is a namespace that takes from 50m to 1 CPU, and limits up to four times the request.
func limitRange() corev1.LimitRange {
	cpu := func(text string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(text)}
	}
	return corev1.LimitRange{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{
		{Type: corev1.LimitTypeContainer, Min: cpu("50m"), Max: cpu("1"), MaxLimitRequestRatio: cpu("4")},
	}}}
}

// limited is a cluster with that LimitRange. It refuses pods in the words of the real one, and counts them.
func limited(refused *int) *kubetest.Cluster {
	c, limits := cluster(), limitRange()
	limits.Name, limits.Namespace = "limits", "shop"
	c.Add(&limits)
	c.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
		if q.Resource != "pods" {
			return nil
		}
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod); err != nil {
			return err
		}
		if broken := workload.LimitsOf([]corev1.LimitRange{limits}).Breaches(pod.Spec); len(broken) > 0 {
			*refused++
			return errors.New("[minimum cpu usage per Container is 50m, but request is 10m, " +
				"maximum cpu usage per Container is 1, but limit is 2, " +
				"cpu max limit to request ratio per Container is 4, but provided ratio is 200.000000]")
		}
		return nil
	})
	return c
}

// nhctl's own containers fit in where the LimitRange may be read, and where only the refusal says what it asks.
func TestTryWithinLimits(t *testing.T) {
	t.Parallel()
	for name, mayRead := range map[string]bool{"read": true, "learned": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := 0
			c := limited(&refused)
			if !mayRead {
				c.Forbid("ada", "list", "limitranges")
			}
			e := &entry{Deps: Deps{Cluster: c.Client(t, "ada", "shop")}, spec: spec(record.Replace)}
			if err := e.resolve(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := e.try(t.Context()); err != nil {
				t.Fatal(err)
			}
			if refused != map[bool]int{true: 0, false: 1}[mayRead] {
				t.Errorf("refused %d times", refused)
			}
			for _, container := range e.twin.Spec.Template.Spec.Containers {
				got := container.Resources
				cpu := fmt.Sprint(got.Requests.Cpu(), " ", got.Limits.Cpu())
				if container.Name == contract.SidecarContainer && cpu != "125m 500m" {
					t.Errorf("%v", got)
				}
			}
		})
	}
}

// A dev container that breaks the limits is named, with what to write.
func TestTryBeyondLimits(t *testing.T) {
	t.Parallel()
	refused := 0
	c := limited(&refused)
	c.Forbid("ada", "list", "limitranges")
	s := spec(record.Replace)
	s.Resources.Limits[corev1.ResourceCPU] = resource.MustParse("3")
	s.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
	e := &entry{Deps: Deps{Cluster: c.Client(t, "ada", "shop")}, spec: s}
	if err := e.resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := e.try(t.Context())
	p := problem.From(err)
	want := "create the dev pod: a LimitRange of namespace shop refuses the dev pod: " +
		"container app: cpu may be 1 at most, and its limit is 3"
	if diff := cmp.Diff(want, p.Message); diff != "" {
		t.Error(diff)
	}
	if p.Code != problem.Refused || !strings.Contains(p.Hint, "containers[].dev.resources") {
		t.Errorf("%+v", p)
	}
}
