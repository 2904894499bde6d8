package devsession

import (
	"context"
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// someBinary is one that is there, and is never asked for.
type someBinary struct{}

func (someBinary) Check() error { return nil }

func (someBinary) Open(context.Context, string) (sidecarbinary.Binary, error) {
	return sidecarbinary.Binary{}, errors.New("no one asks")
}

// A session began with the sidecar from its image, and a later pod is on a node that can't pull it: the next pods get
// it through exec, and the Lease and this computer say so.
func TestLaterPodCannotPullTheSidecar(t *testing.T) {
	t.Parallel()
	r := recordOf("aaaaaaaa", "shop")
	r.ElseByExec = true
	labels := map[string]string{contract.LabelSession: r.Session, contract.LabelRole: contract.RoleTwin}
	spec := corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: contract.PlantContainer, Image: "sidecar:1", Command: []string{"x"}}},
		Containers:     []corev1.Container{{Name: contract.SidecarContainer, Image: "dev:1"}},
	}
	twin := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Name:        r.Twin(),
		Namespace:   "shop",
		Annotations: map[string]string{contract.AnnotationRecord: "{}"},
	}}
	twin.Spec.Template.Spec = spec
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-2", Namespace: "shop", Labels: labels}, Spec: spec}
	waiting := &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such host"}
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name:  contract.PlantContainer,
		State: corev1.ContainerState{Waiting: waiting},
	}}
	k := testKind(t)
	c := clusterOf("a", "uid-a", leaseOf(t, r), twin, pod)
	s := newSession(k.dirs, k.logger, c, saved{Record: r, Roots: []string{"/home/ada/web"}}, k)
	s.planter.Binaries = func() plant.Binaries { return someBinary{} }
	if _, _, err := s.dial(t.Context()); err == nil || !strings.Contains(err.Error(), "on its way") {
		t.Errorf("dial: %v", err)
	}
	now, err := c.API.AppsV1().Deployments("shop").Get(t.Context(), r.Twin(), metav1.GetOptions{})
	if err != nil || now.Spec.Template.Spec.InitContainers[0].Image != "dev:1" {
		t.Errorf("the twin's plant container: %+v, %v", now.Spec.Template.Spec.InitContainers[0], err)
	}
	stored, _, err := lease.Lookup(t.Context(), c, r)
	if err != nil || !stored.ByExec {
		t.Errorf("the Lease says %+v, %v", stored, err)
	}
	all, err := loadAll(k.dirs)
	if err != nil || len(all) != 1 || !all[0].Record.ByExec {
		t.Errorf("on the computer: %+v, %v", all, err)
	}
	if notices := s.Notices(); len(notices) != 1 || !strings.Contains(notices[0], "through exec") {
		t.Errorf("notices: %q", notices)
	}
}
