package devsession_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
)

// One computer, two clusters, the same namespace and workload: each call means its own cluster's session, also after
// the daemon has been replaced, and a Lease copied from one cluster into the other leads nowhere.
func TestTwoClustersInOneDaemon(t *testing.T) {
	t.Parallel()
	one, two := sessiontest.New(t), sessiontest.New(t)
	computer := sessiontest.NewComputer(t, "ada")
	first, second := computer.Shell(one, "ada", "true"), computer.Shell(two, "ada", "true")
	a := first.MustStart()
	stolen := kubetest.List[coordinationv1.Lease](one.Cluster, sessiontest.Namespace)[0].DeepCopy()
	b := second.MustStart()
	first.Write("name", "first")
	second.Write("name", "second")
	first.Holds(one.Pod(a.ID).Sources(), "name", "first")
	second.Holds(two.Pod(b.ID).Sources(), "name", "second")
	same := func(when string) {
		t.Helper()
		got := map[string]string{}
		for name, shell := range map[string]*sessiontest.Shell{"first": first, "second": second} {
			sessiontest.Until(t, "the session is served", func() error {
				s, err := shell.Status()
				got[name] = s.ID
				return err
			})
		}
		if diff := cmp.Diff(map[string]string{"first": a.ID, "second": b.ID}, got); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	same("at first")
	computer.StopDaemon()
	computer.StartDaemon()
	same("after another daemon took over")
	var everywhere []rpc.Session
	all := rpc.List{Caller: rpc.Caller{Env: first.Caller.Env, Dir: "/"}, AllClusters: true}
	if err := computer.Call(rpc.MethodList, all, &everywhere); err != nil || len(everywhere) != 2 {
		t.Errorf("sessions of all clusters: %+v, %v", everywhere, err)
	}

	if _, err := second.End(); err != nil {
		t.Fatal(err)
	}
	stolen.ResourceVersion, stolen.UID = "", ""
	two.Add(stolen)
	if _, err := second.End(func(p *rpc.End) { p.Session, p.Force = a.ID, true }); err != nil {
		t.Errorf("the end of the copy: %v", err)
	}
	if s, err := first.Status(); err != nil || s.ID != a.ID || !s.Live {
		t.Errorf("the first cluster's session: %+v, %v", s, err)
	}
	if n := *one.Web().Spec.Replicas; n != 0 {
		t.Errorf("the first cluster's original has %d replicas", n)
	}
}
