package devmode

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Without its Lease, and even without its twin, a session is ended from what is left of it.
func TestEndWithoutALease(t *testing.T) {
	t.Parallel()
	everyKind(t, func(t *testing.T, kind string, mode record.Mode) {
		for _, twin := range []bool{true, false} {
			if !twin && (kind == rollout || mode == record.Duplicate) {
				continue // nothing is left of the session
			}
			s := newStage(t, kind)
			before := s.Snapshot("shop")
			ada := s.computer("ada", "laptop")
			r := ada.mustEnter(ada.spec(mode))
			kubetest.Delete[coordinationv1.Lease](s.Cluster, "shop", r.Lease())
			if !twin {
				kubetest.Delete[appsv1.Deployment](s.Cluster, "shop", r.Twin())
			}
			found, guessed, err := Orphan(t.Context(), ada.deps.Cluster, ref(kind))
			if err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			// Replicas are known to the twin alone.
			scaled := kind != "daemonset" && kind != "job" && kind != "cronjob" && kind != "pod"
			if (guessed != "") != (!twin && scaled) {
				t.Errorf("guessed: %q", guessed)
			}
			if err := Leave(t.Context(), ada.deps, found[0], LeaveOptions{Force: true}); err != nil {
				t.Fatal(err)
			}
			if guessed != "" { // two replicas that no one knows of
				want := map[bool]int32{true: 2, false: 1}[kind == "statefulset"]
				if found[0].Replicas != want || !strings.Contains(guessed, fmt.Sprint("it gets ", want)) {
					t.Errorf("%d replicas, %q", found[0].Replicas, guessed)
				}
				continue
			}
			s.restored(closed(before, s, r), kind, mode, twin)
		}
	})
}

// closed is a snapshot with the gate that is left where no one knows the session any more.
func closed(before map[string]any, s *stage, r Record) map[string]any {
	gate := "configmaps/" + contract.Gates
	if after := s.Snapshot("shop"); r.Workload.Kind == "pod" && after[gate] != nil {
		before[gate] = after[gate]
	}
	return before
}

// Nothing is taken for a session's that says so itself, and no more.
func TestForgedOrphans(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(*appsv1.Deployment){
		"a twin of another name":  func(d *appsv1.Deployment) { d.Name = "payment" },
		"a twin without a record": func(d *appsv1.Deployment) { d.Annotations = nil },
		"another session's twin":  func(d *appsv1.Deployment) { d.Labels[contract.LabelSession] = "11111111" },
		"a label that is no id":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				ada := s.computer("ada", "laptop")
				r := ada.mustEnter(ada.spec(record.Duplicate))
				twin := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", r.Twin())
				kubetest.Delete[coordinationv1.Lease](s.Cluster, "shop", r.Lease())
				kubetest.Delete[appsv1.Deployment](s.Cluster, "shop", r.Twin())
				if forge != nil {
					forge(twin)
					s.Add(twin)
				} else {
					kubetest.Edit(s.Cluster, "shop", "web", func(d *appsv1.Deployment) {
						d.Labels[contract.LabelSession] = "../../x"
					})
				}
				found, guessed, err := Orphan(t.Context(), ada.deps.Cluster, ref("deployment"))
				if err != nil || len(found) > 0 || guessed != "" {
					t.Errorf("%+v, %q, %v", found, guessed, err)
				}
			})
		})
	}
}

// Leave is idempotent: whoever ends what was ended already changes nothing.
func TestLeaveTwice(t *testing.T) {
	t.Parallel()
	everyKind(t, func(t *testing.T, kind string, mode record.Mode) {
		s := newStage(t, kind)
		before := s.Snapshot("shop")
		ada := s.computer("ada", "laptop")
		r := ada.mustEnter(ada.spec(mode))
		for range 2 {
			if err := ada.leave(r); err != nil {
				t.Fatal(err)
			}
		}
		s.restored(before)
		found, _, err := Orphan(t.Context(), ada.deps.Cluster, ref(kind))
		if diff := cmp.Diff([]Record(nil), found); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

// Two computers may end a session at once: whichever request of one the other's end comes before, both succeed.
func TestLeaveAtOnce(t *testing.T) {
	t.Parallel()
	everyKind(t, func(t *testing.T, kind string, mode record.Mode) {
		for _, i := range points(t, kind, mode) {
			if i.leaving && i.fault == kubetest.Lose {
				i.endBefore(t, kind, mode)
			}
		}
	})
}

// endBefore ends a session from two computers, the whole end of the second before a request of the first.
func (i injected) endBefore(t *testing.T, kind string, mode record.Mode) {
	t.Helper()
	s := newStage(t, kind)
	before := s.Snapshot("shop")
	ada, point := s.computer("ada", "laptop"), &kubetest.Points{At: i.point}
	r := ada.mustEnter(ada.spec(mode))
	other := s.computer("ada", "desktop")
	s.Before(func(q kubetest.Request) {
		if point.Hit {
			return
		}
		if point.Decide(q); point.Hit {
			if err := other.leave(r); err != nil {
				t.Errorf("the other's end before %s: %v", i.point, err)
			}
		}
	})
	if err := ada.leave(r); err != nil {
		t.Errorf("the end, after the other's before %s: %v", i.point, err)
	}
	s.Before(nil)
	if !point.Hit {
		t.Errorf("%s was never reached: %q", i.point, point.Seen)
	}
	s.restored(before, kind, mode, i)
}
