package devsession_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// notes waits until a session's status has a notice with a text.
func notes(t *testing.T, ada *sessiontest.Shell, text string) {
	t.Helper()
	sessiontest.Until(t, "a notice says: "+text, func() error {
		s, err := ada.Status()
		if err == nil && !slices.ContainsFunc(s.Notices, func(n string) bool { return strings.Contains(n, text) }) {
			err = fmt.Errorf("the notices are %q", s.Notices)
		}
		return err
	})
}

// hears waits until a command brings the news of a session that has ended.
func hears(t *testing.T, ada *sessiontest.Shell, news string) {
	t.Helper()
	sessiontest.Until(t, "a command says: "+news, func() error {
		s, err := ada.Status()
		if !ada.Heard(news) {
			return fmt.Errorf("nothing of that kind; the session is %q, %v", s.Phase, err)
		}
		return nil
	})
}

// twinReady says whether a twin's pod gets Service traffic.
func twinReady(cluster *sessiontest.Cluster) bool {
	pods := kubetest.List[corev1.Pod](cluster.Cluster, sessiontest.Namespace)
	return slices.ContainsFunc(pods, func(p corev1.Pod) bool {
		return p.Labels[contract.LabelRole] == contract.RoleTwin && slices.ContainsFunc(p.Status.Conditions,
			func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
	})
}

// Someone scales the original up: the twin leaves the Services at once, the session goes on, and its end leaves what
// they did.
func TestOriginalIsFreed(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.MustStart()
	if !twinReady(cluster) {
		t.Error("the twin gets no traffic")
	}
	five := int32(5)
	kubetest.Edit(cluster.Cluster, sessiontest.Namespace, "web", func(d *appsv1.Deployment) { d.Spec.Replicas = &five })
	sessiontest.Until(t, "the twin steps aside", func() error {
		if twinReady(cluster) {
			return errors.New("it is still ready")
		}
		return nil
	})
	notes(t, ada, "the twin gets no Service traffic any more")
	if _, err := ada.End(); err != nil {
		t.Error(err)
	}
	if n := *cluster.Web().Spec.Replicas; n != five {
		t.Errorf("the original has %d replicas", n)
	}
}

// Someone changes the original's template: the session says so, and its end restores the newest.
func TestOriginalIsChanged(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.MustStart()
	kubetest.Edit(cluster.Cluster, sessiontest.Namespace, "web", func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Image = "web:2"
	})
	notes(t, ada, "someone changed the pod template of deployment/web")
	if _, err := ada.End(); err != nil {
		t.Error(err)
	}
	if web := cluster.Web(); web.Spec.Template.Spec.Containers[0].Image != "web:2" || *web.Spec.Replicas != 2 {
		t.Errorf("restored: %+v", web.Spec)
	}
}

// Someone deletes the original: the session ends by itself, and the next command says why.
func TestOriginalIsDeleted(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.MustStart()
	kubetest.Delete[appsv1.Deployment](cluster.Cluster, sessiontest.Namespace, "web")
	hears(t, ada, "deployment/web was deleted")
	if s, err := ada.Status(); err == nil {
		t.Errorf("it is served: %+v", s)
	}
	if left := kubetest.List[appsv1.Deployment](cluster.Cluster, sessiontest.Namespace); len(left) != 0 {
		t.Errorf("%d Deployments are left", len(left))
	}
}

// A start that fails half-way leaves nothing, neither in the cluster nor here.
func TestStartFails(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	before := cluster.Snapshot(sessiontest.Namespace)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	points := &kubetest.Points{At: "PATCH deployments", Fault: kubetest.Refuse}
	cluster.Inject(points.Decide)
	if s, err := ada.Start(); err == nil {
		t.Errorf("%+v", s)
	}
	if !points.Hit {
		t.Errorf("no request was refused among %q", points.Seen)
	}
	if after := cluster.Snapshot(sessiontest.Namespace); len(after) != len(before) {
		t.Errorf("%d objects before, %d after", len(before), len(after))
	}
	if all := ada.List(); len(all) != 0 {
		t.Errorf("sessions: %+v", all)
	}
	ada.MustStart()
}
