package doctor

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// cpuLimits is a LimitRange that takes from 50m to 1 CPU.
func cpuLimits() *corev1.LimitRange {
	cpu := func(text string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(text)}
	}
	l := &corev1.LimitRange{}
	l.Name, l.Namespace = "cpu", "shop"
	l.Spec.Limits = []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Min: cpu("50m"), Max: cpu("1")}}
	return l
}

// limited is a patient in a namespace with that LimitRange, which some may read. It refuses pods in the words of the
// real server; a pod within the limits gets the server's next answer. The CPU of each pod that is tried is added to
// tried.
func limited(mayRead bool, next error, tried *[]string) *patient {
	api := fake.NewClientset(cpuLimits())
	api.PrependReactor("list", "limitranges", func(clienttesting.Action) (bool, runtime.Object, error) {
		return !mayRead, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "limitranges"}, "",
			errors.New(`User "ada" cannot list`))
	})
	api.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pod := a.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		r := pod.Spec.Containers[0].Resources
		*tried = append(*tried, r.Requests.Cpu().String()+" "+r.Limits.Cpu().String())
		if len(workload.LimitsOf([]corev1.LimitRange{*cpuLimits()}).Breaches(pod.Spec)) == 0 {
			return true, pod, next
		}
		why := "[minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per Container is 1, " +
			"but limit is 2]"
		return true, nil,
			apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, pod.GenerateName, errors.New(why))
	})
	return &patient{Client: &kube.Client{API: api, Namespace: "shop"}, Options: Options{Images: []string{"sidecar"}}}
}

// A LimitRange is no reason to say that dev mode can't work: a twin's containers fit themselves to it, and so does the
// doctor's pod.
func TestPodsWithinLimits(t *testing.T) {
	t.Parallel()
	privileged := errors.New(`pods "x" is forbidden: violates PodSecurity "baseline:latest": privileged`)
	for name, tt := range map[string]struct {
		mayRead bool
		tried   []string
	}{
		"read":    {true, []string{"50m 1", "50m 1", "50m 1"}},
		"learned": {false, []string{"10m 2", "50m 1", "50m 1", "50m 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tried []string
			p := limited(tt.mayRead, nil, &tried)
			if f, err := p.pods(t.Context()); f.State != OK || err != nil {
				t.Fatal(f, err)
			}
			if f, err := p.podSecurity(t.Context()); f.State != OK || err != nil {
				t.Error(f, err)
			}
			if _, err := p.API.CoreV1().Pods("shop").Create(t.Context(), p.pod("dev", "true"),
				metav1.CreateOptions{}); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.tried, tried); diff != "" {
				t.Error(diff)
			}
			q := limited(tt.mayRead, privileged, new([]string))
			if f, err := q.podSecurity(t.Context()); err != nil || !strings.Contains(f.Says, `"baseline"`) {
				t.Error(f, err)
			}
		})
	}
}

// A quota's refusal stands, and the advice has the numbers that the sidecar needs here.
func TestPodsRefused(t *testing.T) {
	t.Parallel()
	var tried []string
	quota := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New("exceeded quota: small"))
	f, err := limited(true, quota, &tried).pods(t.Context())
	if err != nil || f.State != Failed || !strings.Contains(f.Says, "exceeded quota: small") ||
		!strings.HasSuffix(f.Fix, "for its sidecar 50m CPU and 64Mi memory") {
		t.Errorf("%+v, %v", f, err)
	}
	if diff := cmp.Diff([]string{"50m 1"}, tried); diff != "" {
		t.Error(diff)
	}
}
