package workload

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// ParkPatch is the one merge patch that parks a workload with replicas. The API server refuses it (a conflict) when somebody
// changed the workload since resourceVersion.
func ParkPatch(resourceVersion, session string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": resourceVersion, "labels": map[string]any{contract.LabelSession: session}},
		"spec":     map[string]any{"replicas": 0},
	})
}

// UnparkPatch is the JSON patch that gives a parked workload its replicas back, without a trace. It fails where the workload is
// not parked by this session, or somebody scaled it meanwhile.
func UnparkPatch(session string, replicas int32) ([]byte, error) {
	return json.Marshal(append(unlabel(session),
		map[string]any{"op": "test", "path": "/spec/replicas", "value": 0},
		map[string]any{"op": "replace", "path": "/spec/replicas", "value": replicas}))
}

// UnlabelPatch takes the session's label off a workload that somebody else has un-parked.
func UnlabelPatch(session string) ([]byte, error) { return json.Marshal(unlabel(session)) }

func unlabel(session string) []map[string]any {
	label := "/metadata/labels/" + strings.ReplaceAll(contract.LabelSession, "/", "~1")
	return []map[string]any{{"op": "test", "path": label, "value": session}, {"op": "remove", "path": label}}
}

// CannotCoexist says why two pods of a template can't run at the same time, or "". oncePerPod are the claims with access mode
// ReadWriteOncePod.
func CannotCoexist(template corev1.PodTemplateSpec, oncePerPod []string) string {
	for _, v := range template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil && slices.Contains(oncePerPod, v.PersistentVolumeClaim.ClaimName) {
			return fmt.Sprintf("the claim %s may be used by one pod only (ReadWriteOncePod)", v.PersistentVolumeClaim.ClaimName)
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
			selector, err := metav1.LabelSelectorAsSelector(term.LabelSelector)
			if err == nil && selector.Matches(labels.Set(template.Labels)) {
				return "it keeps its own pods off the same " + term.TopologyKey
			}
		}
	}
	return ""
}
