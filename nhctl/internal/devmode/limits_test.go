package devmode

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
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

// limited is an API server with that LimitRange, which some may read. It refuses pods in the words of the real one, and counts them.
func limited(mayRead bool, refused *int) func(*http.ServeMux) {
	respond := func(w http.ResponseWriter, code int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body)
	}
	deny := func(w http.ResponseWriter, message string) {
		respond(w, http.StatusForbidden, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
			Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: message, Details: &metav1.StatusDetails{}})
	}
	return func(mux *http.ServeMux) {
		mux.HandleFunc("GET /api/v1/namespaces/shop/limitranges", func(w http.ResponseWriter, _ *http.Request) {
			if !mayRead {
				deny(w, `limitranges is forbidden: User "ada" cannot list resource "limitranges"`)
				return
			}
			respond(w, http.StatusOK, corev1.LimitRangeList{Items: []corev1.LimitRange{limitRange()}})
		})
		mux.HandleFunc("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", func(w http.ResponseWriter, _ *http.Request) {
			respond(w, http.StatusCreated, authorizationv1.SelfSubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: true}})
		})
		mux.HandleFunc("POST /api/v1/namespaces/shop/pods", func(w http.ResponseWriter, r *http.Request) {
			var pod corev1.Pod
			data, err := io.ReadAll(r.Body)
			if err == nil {
				_, _, err = scheme.Codecs.UniversalDeserializer().Decode(data, nil, &pod)
			}
			if err != nil {
				deny(w, err.Error())
				return
			}
			if broken := workload.LimitsOf([]corev1.LimitRange{limitRange()}).Breaches(pod.Spec); len(broken) > 0 {
				*refused++
				deny(w, fmt.Sprintf("pods %q is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per Container is 1, but limit is 2, "+
					"cpu max limit to request ratio per Container is 4, but provided ratio is 200.000000]", pod.GenerateName))
				return
			}
			respond(w, http.StatusCreated, pod)
		})
	}
}

// nhctl's own containers fit in where the LimitRange may be read, and where only the refusal says what it asks.
func TestTryWithinLimits(t *testing.T) {
	t.Parallel()
	for name, mayRead := range map[string]bool{"read": true, "learned": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := 0
			c, _ := cluster(t, limited(mayRead, &refused))
			e := &entry{Deps: Deps{Cluster: c}, spec: spec(rpc.Replace)}
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
				if got := container.Resources; container.Name == contract.SidecarContainer && fmt.Sprint(got.Requests.Cpu(), " ", got.Limits.Cpu()) != "125m 500m" {
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
	c, _ := cluster(t, limited(false, &refused))
	s := spec(rpc.Replace)
	s.Resources.Limits[corev1.ResourceCPU] = resource.MustParse("3")
	s.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
	e := &entry{Deps: Deps{Cluster: c}, spec: s}
	if err := e.resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := e.try(t.Context())
	p := problem.From(err)
	if diff := cmp.Diff("create the dev pod: a LimitRange of namespace shop refuses the dev pod: container app: cpu may be 1 at most, and its limit is 3", p.Message); diff != "" {
		t.Error(diff)
	}
	if p.Code != problem.Refused || !strings.Contains(p.Hint, "containers[].dev.resources") {
		t.Errorf("%+v", p)
	}
}
