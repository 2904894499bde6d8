package devmode

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// modes of dev mode.
var modes = []record.Mode{record.Replace, record.Duplicate}

// everyKind runs a test for each kind in both modes, each in a bubble of its own.
func everyKind(t *testing.T, test func(t *testing.T, kind string, mode record.Mode)) {
	for kind := range kinds() {
		for _, mode := range modes {
			t.Run(kind+" "+string(mode), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { test(t, kind, mode) })
			})
		}
	}
}

// pods counts those of the twin and of the original.
func (s *stage) pods() (twins, originals int) {
	for _, p := range kubetest.List[corev1.Pod](s.Cluster, "shop") {
		switch {
		case p.DeletionTimestamp != nil:
		case isTwin(&p):
			twins++
		default:
			originals++
		}
	}
	return twins, originals
}

// Every kind is taken into dev mode in both ways, and comes back as it was.
func TestKinds(t *testing.T) {
	t.Parallel()
	everyKind(t, func(t *testing.T, kind string, mode record.Mode) {
		s := newStage(t, kind)
		before := s.Snapshot("shop")
		_, had := s.pods()
		ada := s.computer("ada", "laptop")
		r := ada.mustEnter(ada.spec(mode))
		want := map[record.Mode]int{record.Replace: 0, record.Duplicate: had}[mode]
		if kind == "statefulset" && mode == record.Replace {
			want = 1 // the one below the highest goes on
		}
		if twins, originals := s.pods(); twins != 1 || originals != want {
			t.Errorf("%d pods of the twin, %d of the original, want 1 and %d", twins, originals, want)
		}
		found, ok, err := lease.Lookup(t.Context(), ada.deps.Cluster, r)
		if err != nil || !ok || found.Phase != record.Active || found.Version != record.Version {
			t.Errorf("%+v, %v, %v", found, ok, err)
		}
		twin := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", r.Twin())
		if twin == nil || twin.Status.ReadyReplicas != 1 {
			t.Errorf("the twin gets no traffic: %+v", twin)
		}
		change, err := Drift(t.Context(), ada.deps.Cluster, r)
		if mode == record.Replace && (err != nil || change != (Change{})) {
			t.Errorf("drift: %+v, %v", change, err)
		}
		if why, err := Ails(t.Context(), ada.deps.Cluster, r); why != "" || err != nil {
			t.Errorf("ails: %s, %v", why, err)
		}
		if err := ada.leave(r); err != nil {
			t.Fatal(err)
		}
		s.restored(before)
		ends := []string{"flush", "close"}
		if mode == record.Duplicate {
			ends = ends[:1]
		}
		begins := []string{"save", "mounted", "start", "connect", "sync", "open", "save"}
		if diff := cmp.Diff(append(begins, ends...), ada.link.calls); diff != "" && kind != "job" {
			t.Error(diff)
		}
		if _, ok, err := lease.Lookup(t.Context(), ada.deps.Cluster, r); ok || err != nil {
			t.Errorf("the Lease is left: %v", err)
		}
	})
}

// injected is a request that fails, and how.
type injected struct {
	point   string
	leaving bool
	fault   kubetest.Fault
}

// points are the requests of entering and of leaving that change something.
func points(t *testing.T, kind string, mode record.Mode) (all []injected) {
	s := newStage(t, kind)
	ada, enter, leave := s.computer("ada", "laptop"), &kubetest.Points{}, &kubetest.Points{}
	s.Inject(enter.Decide)
	r := ada.mustEnter(ada.spec(mode))
	s.Inject(leave.Decide)
	if err := ada.leave(r); err != nil {
		t.Fatal(err)
	}
	// A request that is refused leaves what the one before it leaves when its answer is lost, and one that hangs is no
	// other.
	faults := []kubetest.Fault{kubetest.Lose}
	if kind == "deployment" || os.Getenv("NHCTL_FAULTS") == "all" {
		faults = append(faults, kubetest.Refuse, kubetest.Hang)
	}
	for _, fault := range faults {
		for _, name := range enter.Seen {
			all = append(all, injected{point: name, fault: fault})
		}
		for _, name := range leave.Seen {
			all = append(all, injected{point: name, fault: fault, leaving: true})
		}
	}
	return all
}

// Each request that entering or leaving makes fails in each way. Whatever is left then is ended from another computer,
// and the namespace is as it was.
func TestFaults(t *testing.T) {
	t.Parallel()
	everyKind(t, func(t *testing.T, kind string, mode record.Mode) {
		all := points(t, kind, mode)
		leases := func(i injected) bool { return strings.Contains(i.point, "leases") }
		if len(all) < 10 || !slices.ContainsFunc(all, leases) {
			t.Fatalf("%d cases: %v", len(all), all)
		}
		for _, i := range all {
			i.run(t, kind, mode)
		}
	})
}

func (i injected) run(t *testing.T, kind string, mode record.Mode) {
	t.Helper()
	s := newStage(t, kind)
	before := s.Snapshot("shop")
	ada, fault := s.computer("ada", "laptop"), &kubetest.Points{At: i.point, Fault: i.fault}
	if i.leaving {
		r := ada.mustEnter(ada.spec(mode))
		s.Inject(fault.Decide)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		_ = Leave(ctx, ada.deps, r, LeaveOptions{}) // it may fail, and goes on where what was lost does not matter
		cancel()
	} else {
		s.Inject(fault.Decide)
		_, _ = ada.enter(ada.spec(mode)) // as above
	}
	s.Inject(nil)
	if !fault.Hit {
		t.Errorf("%+v was never reached: %q", i, fault.Seen)
	}
	s.computer("ada", "desktop").end()
	s.restored(before, kind, mode, i)
}
