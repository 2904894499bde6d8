package devmode

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// scaledObject is KEDA's for a workload.
func scaledObject(kind, annotations string) string {
	const text = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n" +
		"metadata: {name: scaler, namespace: shop, annotations: {%s}}\nspec: {scaleTargetRef: {kind: %s, name: web}}"
	return fmt.Sprintf(text, annotations, kind)
}

// KEDA is paused while its workload is parked, and goes on afterwards, unless someone else has paused it.
func TestAutoscalers(t *testing.T) {
	t.Parallel()
	const paused = pausedAnnotation + `: "true"`
	for name, tt := range map[string]struct {
		kind, target, annotations string
		mode                      record.Mode
		want                      []string
	}{
		"of the workload":         {"deployment", "Deployment", "", record.Replace, []string{"scaler"}},
		"of a Deployment, unsaid": {"deployment", `""`, "", record.Replace, []string{"scaler"}},
		"of a custom resource":    {rollout, "Rollout", "", record.Replace, []string{"scaler"}},
		"of another kind":         {"deployment", "StatefulSet", "", record.Replace, nil},
		"paused by someone":       {"deployment", "Deployment", paused, record.Replace, nil},
		"next to a duplicate":     {"deployment", "Deployment", "", record.Duplicate, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, tt.kind)
				s.add(scaledObject(tt.target, tt.annotations))
				before := s.Snapshot("shop")
				ada := s.computer("ada", "laptop")
				r := ada.mustEnter(ada.spec(tt.mode))
				if diff := cmp.Diff(tt.want, r.Paused); diff != "" {
					t.Error(diff)
				}
				o := s.Unstructured(kubetest.ScaledObject(), "shop", "scaler")
				ours := o.GetLabels()[contract.LabelSession] == r.Session &&
					o.GetAnnotations()[pausedAnnotation] == "true"
				if ours != (len(tt.want) > 0) {
					t.Errorf("%v", o.Object["metadata"])
				}
				if err := ada.leave(r); err != nil {
					t.Fatal(err)
				}
				s.restored(before)
			})
		})
	}
}

// A HorizontalPodAutoscaler would bring back the pods of a StatefulSet of which some go on.
func TestHorizontalPodAutoscaler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "statefulset")
		s.add("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scaler, namespace: shop}\n" +
			"spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: web}}")
		before := s.Snapshot("shop")
		ada := s.computer("ada", "laptop")
		_, err := ada.enter(ada.spec(record.Replace))
		if p := problem.From(err); p.Code != problem.Refused || !strings.Contains(p.Hint, "--all") {
			t.Errorf("%v", err)
		}
		all := ada.spec(record.Replace)
		all.All = true
		r := ada.mustEnter(all)
		if _, originals := s.pods(); originals > 0 {
			t.Errorf("%d pods go on", originals)
		}
		if err := ada.leave(r); err != nil {
			t.Fatal(err)
		}
		s.restored(before)
	})
}
