package devmode

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// serve does what a daemon does for its session, until the result is called: it sends heartbeats, and ends the session
// for whoever asks.
func (c *computer) serve(r Record) (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for delay.For(ctx, record.Beat) == nil {
			found, ok, err := lease.Lookup(ctx, c.deps.Cluster, r)
			if err != nil || !ok {
				return
			}
			if found.Wanted != nil {
				_ = c.leave(r) // whoever asked finds out
				return
			}
			_ = lease.Renew(ctx, c.deps.Cluster, r) // the next one follows
		}
	}()
	return func() { cancel(); <-done }
}

// A second developer is told who has the workload, and may wait for it, take it over, or work on a copy.
func TestHeldByAnother(t *testing.T) {
	t.Parallel()
	take := func(s *Spec) { s.TakeOver = true }
	unfinished := func(s *Spec) { s.TakeOver, s.Image = true, "" }
	for name, tt := range map[string]struct {
		change func(*Spec)
		// serves says that the first developer's daemon lives, ends after how long it ends the session by itself, and
		// silent how long it has been gone.
		serves bool
		ends   time.Duration
		silent time.Duration
		code   problem.Code
		hears  string
		ousted bool
	}{
		"no wish":         {change: func(*Spec) {}, serves: true, code: problem.Held},
		"no wish, silent": {change: func(*Spec) {}, silent: time.Minute, code: problem.Held},
		"a copy":          {change: func(s *Spec) { s.Mode = record.Duplicate }, serves: true},
		"wait": {
			change: func(s *Spec) { s.Wait = true },
			serves: true,
			ends:   20 * time.Second,
			hears:  "ada@laptop",
		},
		"take over":             {change: take, serves: true, hears: "asked ada@laptop (ada) to hand"},
		"take over from silent": {change: take, silent: time.Minute, ousted: true, hears: "/kept/"},
		"abandoned":             {change: func(*Spec) {}, silent: 11 * time.Minute, ousted: true, hears: "/kept/"},
		"take over, unfinished": {change: unfinished, silent: time.Minute, code: problem.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				before := s.Snapshot("shop")
				ada, bob := s.computer("ada", "laptop"), s.computer("bob", "desktop")
				first := ada.mustEnter(ada.spec(record.Replace))
				if tt.serves {
					defer ada.serve(first)()
				}
				if tt.ends > 0 {
					time.AfterFunc(tt.ends, func() { _ = ada.leave(first) })
				}
				time.Sleep(tt.silent)
				wanted := bob.spec(record.Replace)
				tt.change(&wanted)
				second, err := bob.enter(wanted)
				if tt.code != "" {
					if p := problem.From(err); err == nil || p.Code != tt.code {
						t.Errorf("%v, want the code %s", err, tt.code)
					}
					s.computer("ada", "desktop").end()
					s.restored(before)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				waits := strings.Contains(strings.Join(bob.waits, "\n"), tt.hears)
				if tt.hears != "" && !bob.heard(tt.hears) && !waits {
					t.Errorf("bob hears %q and waits %q, want %q", bob.notices, bob.waits, tt.hears)
				}
				if (len(bob.ousted) > 0) != tt.ousted {
					t.Errorf("ousted: %q", bob.ousted)
				}
				if tt.ousted && (second.TookOver == nil || second.TookOver.Session != first.Session) {
					t.Errorf("took over: %+v", second.TookOver)
				}
				bob.end()
				s.restored(before)
			})
		})
	}
}

// A daemon that lives and does not hand over is reported once patience ends.
func TestHandOverThatDoesNotCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		ada, bob := s.computer("ada", "laptop"), s.computer("bob", "desktop")
		r := ada.mustEnter(ada.spec(record.Replace))
		ctx, cancel := context.WithTimeout(t.Context(), 10200*time.Millisecond)
		defer cancel()
		_, err := bob.deps.successor(bob.holder).TakeOver(ctx, r)
		if p := problem.From(err); err == nil || p.Code != problem.Held || !strings.Contains(p.Hint, "ada@laptop") {
			t.Errorf("%v", err)
		}
		found, ok, err := lease.Lookup(t.Context(), ada.deps.Cluster, r)
		if !ok || err != nil || found.Wanted == nil || found.Wanted.By != bob.holder {
			t.Errorf("%+v, %v", found.Wanted, err)
		}
	})
}

// A Lease that can't be read is left alone, and blocks what it may hold.
func TestLeaseThatCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		ada := s.computer("ada", "laptop")
		r := ada.mustEnter(ada.spec(record.Replace))
		text := `{"version":99}`
		kubetest.Edit(s.Cluster, "shop", r.Lease(), func(l *coordinationv1.Lease) {
			l.Annotations[contract.AnnotationRecord] = text
		})
		_, err := s.computer("bob", "desktop").enter(ada.spec(record.Replace))
		if p := problem.From(err); err == nil || p.Code != problem.Unreadable {
			t.Errorf("%v", err)
		}
		l := kubetest.Get[coordinationv1.Lease](s.Cluster, "shop", r.Lease())
		if l == nil || l.Annotations[contract.AnnotationRecord] != text {
			t.Errorf("%+v", l)
		}
	})
}

// Two clusters may have the same session's workload, and neither knows of the other.
func TestTwoClusters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := newStage(t, "deployment"), newStage(t, "deployment")
		before := here.Snapshot("shop")
		one, two := here.computer("ada", "laptop"), there.computer("ada", "laptop")
		first, second := one.mustEnter(one.spec(record.Replace)), two.mustEnter(two.spec(record.Replace))
		if first.Place.Same(second.Place) || first.Place.Namespace == "" {
			t.Errorf("%+v, %+v", first.Place, second.Place)
		}
		time.Sleep(2 * time.Second) // the originals' pods end
		elsewhere := there.Snapshot("shop")
		if err := one.leave(first); err != nil {
			t.Fatal(err)
		}
		here.restored(before)
		there.restored(elsewhere)
		if _, ok, err := lease.Lookup(t.Context(), two.deps.Cluster, second); !ok || err != nil {
			t.Errorf("the other cluster's session: %v, %v", ok, err)
		}
	})
}

// A long start renews its Lease, so that no one takes it for abandoned.
func TestEnteringSendsHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		ada := s.computer("ada", "laptop")
		s.fails = &corev1.PodStatus{Phase: corev1.PodPending}
		done := make(chan error)
		go func() { _, err := ada.enter(ada.spec(record.Duplicate)); done <- err }()
		time.Sleep(50 * time.Second)
		leases := kubetest.List[coordinationv1.Lease](s.Cluster, "shop")
		if len(leases) != 1 || time.Since(leases[0].Spec.RenewTime.Time) > 2*record.Beat {
			t.Errorf("%+v", leases)
		}
		p := problem.From(<-done)
		if p.Code != problem.Timeout || !strings.Contains(p.Message, "still waits for the pod's containers") {
			t.Errorf("%+v", p)
		}
	})
}
