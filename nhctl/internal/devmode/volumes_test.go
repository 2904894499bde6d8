package devmode

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// A claim is one developer's, for one folder of one workload, from whichever computer.
func TestClaimName(t *testing.T) {
	t.Parallel()
	web := workload.Ref{Kind: workload.Deployment, Name: "web"}
	ada := record.Holder{User: "ada", Local: "ada@laptop"}
	name := claimName(ada, web, "/go")
	long := workload.Ref{Kind: workload.Deployment, Name: strings.Repeat("x.", 100)}
	for what, other := range map[string]string{
		"another folder":    claimName(ada, web, "/gopath"),
		"another workload":  claimName(ada, workload.Ref{Kind: workload.StatefulSet, Name: "web"}, "/go"),
		"another developer": claimName(record.Holder{User: "ada", Local: "bob@laptop"}, web, "/go"),
		"a long name":       claimName(ada, long, "/go"),
	} {
		if msgs := validation.IsDNS1123Subdomain(other); other == name || len(msgs) > 0 {
			t.Errorf("%s: %s, %v", what, other, msgs)
		}
	}
	if same := claimName(record.Holder{User: "ada", Local: "ada@desktop"}, web, "/go"); same != name {
		t.Errorf("another computer: %s, not %s", same, name)
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	s := spec(record.Replace)
	s.StorageClass = "fast"
	e := &entry{Deps: Deps{Cluster: &kube.Client{Namespace: "shop"}}, spec: s}
	class := "fast"
	want := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:      claimName(s.Holder, s.Workload, "/go"),
			Namespace: "shop",
			Labels:    map[string]string{contract.LabelRole: contract.RoleCache},
			Annotations: map[string]string{
				"nhctl.dev/developer": "ada (ada)",
				"nhctl.dev/workload":  "deployment/web",
				"nhctl.dev/path":      "/go",
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: &class,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("5Gi")},
			},
		},
	}
	if diff := cmp.Diff(want, e.claim(Dir{Path: "/go", Capacity: resource.MustParse("5Gi")})); diff != "" {
		t.Error(diff)
	}
}

// A limit that ends a wait is told with what was waited for; another failure is told as it is.
func TestAwait(t *testing.T) {
	t.Parallel()
	var said []string
	e := &entry{Deps: Deps{Emit: func(ev event.Event) { said = append(said, ev.Step.Detail) }}}
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	err := e.await(ctx, stepDepend, func(context.Context) ([]string, error) {
		return []string{"no pod with a=b is ready", "x:1: refused"}, nil
	})
	if p := problem.From(err); p.Code != problem.Timeout ||
		!strings.HasSuffix(p.Message, "not up: no pod with a=b is ready; x:1: refused") || p.Hint == "" {
		t.Errorf("%+v", p)
	}
	if diff := cmp.Diff([]string{"for dependencies: no pod with a=b is ready; x:1: refused"}, said); diff != "" {
		t.Error(diff)
	}
	down := errors.New("down")
	err = e.await(t.Context(), stepDepend, func(context.Context) ([]string, error) { return nil, down })
	if !errors.Is(err, down) {
		t.Error(err)
	}
	err = e.await(t.Context(), stepDepend, func(context.Context) ([]string, error) { return nil, nil })
	if err != nil {
		t.Error(err)
	}
}
