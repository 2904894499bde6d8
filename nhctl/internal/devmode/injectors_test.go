package devmode

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// meshed is the annotation by which injectors know their own work again.
const meshed = "sidecar.istio.io/status"

// inject adds a proxy and an init container to each new pod, as service meshes do: the proxy first, so that it is up
// before the others, or as an init container that goes on. A pod that has them already is left alone.
func inject(native bool) func(kubetest.Request, *unstructured.Unstructured) error {
	return func(q kubetest.Request, o *unstructured.Unstructured) error {
		if q.Resource != "pods" || q.Verb != "create" || o.GetAnnotations()[meshed] != "" {
			return nil
		}
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod); err != nil {
			return err
		}
		if pod.Annotations == nil {
			pod.Annotations = map[string]string{}
		}
		pod.Annotations[meshed] = `{"initContainers":["istio-init"],"containers":["istio-proxy"]}`
		if pod.Annotations[contract.AnnotationDefaultContainer] == "" {
			pod.Annotations[contract.AnnotationDefaultContainer] = pod.Spec.Containers[0].Name
		}
		proxy := corev1.Container{Name: "istio-proxy", Image: "proxy:1"}
		first := corev1.Container{Name: "istio-init", Image: "proxy:1"}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, first)
		if native {
			always := corev1.ContainerRestartPolicyAlways
			proxy.RestartPolicy = &always
			pod.Spec.InitContainers = append([]corev1.Container{proxy}, pod.Spec.InitContainers...)
		} else {
			pod.Spec.Containers = append([]corev1.Container{proxy}, pod.Spec.Containers...)
		}
		changed, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod)
		o.Object["metadata"], o.Object["spec"] = changed["metadata"], changed["spec"]
		return err
	}
}

func containers(pod corev1.PodSpec) (names []string) {
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		names = append(names, c.Name)
	}
	return names
}

// A service mesh's injector adds its containers to a twin's pod once, also where they are in the original already
// since that is a bare pod.
func TestInjectors(t *testing.T) {
	t.Parallel()
	first := []string{contract.PlantContainer, "istio-init", "istio-proxy"}
	native := []string{"istio-proxy", contract.PlantContainer, "istio-init"}
	planted := []string{contract.PlantContainer, "istio-proxy", "istio-init"}
	rest := []string{"app", contract.SidecarContainer}
	for name, tt := range map[string]struct {
		kind   string
		native bool
		want   []string
	}{
		"a Deployment":                         {"deployment", false, first},
		"a Deployment, sidecars that go on":    {"deployment", true, native},
		"a bare pod":                           {"pod", false, first},
		"a bare pod, with sidecars that go on": {"pod", true, planted},
	} {
		for _, mode := range []record.Mode{record.Replace, record.Duplicate} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, "")
					s.kind = tt.kind
					s.Admit(inject(tt.native))
					s.create(kinds()[tt.kind])
					before := s.Snapshot("shop")
					ada := s.computer("ada", "laptop")
					r := ada.mustEnter(ada.spec(mode))
					pod, err := Pod(t.Context(), ada.deps.Cluster, r)
					if err != nil || pod == nil {
						t.Fatal(pod, err)
					}
					if diff := cmp.Diff(slices.Concat(tt.want, rest), containers(pod.Spec)); diff != "" {
						t.Error(diff)
					}
					if !workload.Running(pod) || pod.Annotations[contract.AnnotationDefaultContainer] != "app" {
						t.Errorf("%+v", pod)
					}
					if err := ada.leave(r); err != nil {
						t.Error(err)
					}
					s.restored(before)
				})
			})
		}
	}
}

// create has an administrator create an object, which the policies see.
func (s *stage) create(manifest string) {
	s.t.Helper()
	objects := s.Client(s.t, "administrator", "shop").Dynamic.Resource(ref(s.kind).Kind.Resource()).Namespace("shop")
	if _, err := objects.Create(s.t.Context(), s.parse(manifest), metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	pass(time.Second)
}
