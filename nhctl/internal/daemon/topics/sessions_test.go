package topics

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// beat is a heartbeat.
func beat(l *coordinationv1.Lease) {
	now := metav1.NewMicroTime(time.Now().UTC().Truncate(time.Second))
	l.Spec.RenewTime = &now
}

// held is a session of a workload that is parked.
func (s *stage) held(name string, edit func(*record.Record)) record.Record {
	s.t.Helper()
	zero := int32(0)
	kubetest.Edit(s.Cluster, "shop", name, func(d *appsv1.Deployment) { d.Spec.Replicas = &zero })
	r := record.Record{
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Workload:  workload.Ref{Kind: workload.Deployment, Name: name},
		UID:       kubetest.Get[appsv1.Deployment](s.Cluster, "shop", name).UID,
		Replicas:  2,
		Mode:      record.Replace,
		Phase:     record.Active,
		Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
		Since:     time.Now().UTC().Truncate(time.Second),
		Port:      40000,
		Container: "app",
		Image:     "dev:1",
		WorkDir:   "/src",
		Folder:    "/home/ada/web",
	}
	if edit != nil {
		edit(&r)
	}
	l, err := r.NewLease()
	if err != nil {
		s.t.Fatal(err)
	}
	s.Add(l)
	return r
}

// A namespace's sessions come, beat without a word, fall silent, are abandoned, and go.
func TestSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Add(deployment("web", "1"))
		l := s.subscribe(s.sessions, s.visit("ada"))
		l.want(t, rpc.Update{Topic: rpc.TopicSessions, Snapshot: true})

		r := s.held("web", func(r *record.Record) { r.AbandonAfter = time.Minute })
		rest(time.Second)
		want := session.ViewOf(r)
		want.Heartbeat, want.Mine = r.Since, true
		update := func(gone ...string) rpc.Update {
			u := rpc.Update{Topic: rpc.TopicSessions, Gone: gone}
			if gone == nil {
				u.Sessions = map[string]rpc.Session{r.Session: want}
			}
			return u
		}
		got := l.take()
		if len(got) == 1 { // in whole seconds of the server's clock
			want.Silent = got[0].Sessions[r.Session].Silent
		}
		if diff := cmp.Diff([]rpc.Update{update()}, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("updates (-want +got):\n%s", diff)
		}

		for range 10 {
			kubetest.Edit(s.Cluster, "shop", r.Lease(), beat)
			rest(record.Beat)
		}
		l.want(t)

		rest(30 * time.Second)
		if got := l.take(); len(got) != 1 || !got[0].Sessions[r.Session].Quiet() {
			t.Errorf("silent: %+v", got)
		}
		rest(time.Minute)
		if got := l.take(); len(got) != 1 || !got[0].Sessions[r.Session].Abandoned {
			t.Errorf("abandoned: %+v", got)
		}
		kubetest.Delete[coordinationv1.Lease](s.Cluster, "shop", r.Lease())
		rest(time.Second)
		l.want(t, update(r.Session))
		l.leave()
	})
}

// A Lease that can't be read is shown by its name, and hides no other.
func TestUnreadableSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Add(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
			Name:        "nhctl-deployment-db",
			Namespace:   "shop",
			Labels:      map[string]string{contract.LabelRole: contract.RoleSession},
			Annotations: map[string]string{contract.AnnotationRecord: `{"kind":"tunnel","version":1}`},
		}})
		s.Add(deployment("web", "1"))
		r := s.held("web", nil)
		l := s.subscribe(s.sessions, s.visit("bob"))
		got := l.take()[0].Sessions
		if len(got) != 2 || got[r.Session].Mine {
			t.Errorf("%+v", got)
		}
		if bad := got["lease/nhctl-deployment-db"]; bad.Unreadable == "" || bad.Kind != "tunnel" {
			t.Errorf("%+v", bad)
		}
		l.leave()
	})
}

// A cluster that does not answer is a problem of the update; the sessions stay, and the problem ends.
func TestSessionsUnreachable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		l := s.subscribe(s.sessions, s.visit("ada"))
		l.take()
		s.Inject(func(kubetest.Request) kubetest.Fault { return kubetest.Lose })
		s.CloseWatches()
		rest(5 * time.Second)
		l.want(t, rpc.Update{Topic: rpc.TopicSessions, Problem: problem.New(problem.Unreachable, "")})
		s.Inject(nil)
		rest(time.Minute)
		l.want(t, rpc.Update{Topic: rpc.TopicSessions})
		l.leave()
	})
}
