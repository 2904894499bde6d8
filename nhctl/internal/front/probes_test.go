package front

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/sidecar/route"
)

// The paths of the originals' probes are known, each once, with the number of its port.
func TestProbes(t *testing.T) {
	t.Parallel()
	get := func(path string, port intstr.IntOrString) *corev1.Probe {
		action := &corev1.HTTPGetAction{Path: path, Port: port}
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: action}}
	}
	web, number := intstr.FromString("web"), intstr.FromInt(9000)
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web-1", Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{
				Ports:          []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}},
				LivenessProbe:  get("/live?full", web),
				ReadinessProbe: get("/", web),
				StartupProbe:   get("start", number),
			},
			{
				LivenessProbe:  get("/live", intstr.FromInt(8080)),
				ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{}}},
				StartupProbe:   get("/unknown", web),
			},
			{LivenessProbe: get("/"+strings.Repeat("x", route.MaxText), number)},
		}},
	}
	other := pod.DeepCopy()
	other.Name, other.Labels = "other", map[string]string{"app": "other"}
	other.Spec.Containers[0].LivenessProbe = get("/other", web)
	p := Plan{ID: "0a1b2c3d", Namespace: ns, Service: "web"}
	originals := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: p.Original()}}
	originals.Spec.Selector = map[string]string{"app": "web"}
	cluster := kubetest.New([]string{ns})
	cluster.Add(originals, &pod, other)
	client := cluster.Client(t, "ada", ns)
	got, err := Probes(t.Context(), client, p)
	want := []route.Probe{{Port: 8080, Path: "/live"}, {Port: 9000, Path: "/start"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	p.ID = "00000000"
	if got, err := Probes(t.Context(), client, p); len(got) > 0 || err != nil {
		t.Errorf("without originals: %v, %v", got, err)
	}
}
