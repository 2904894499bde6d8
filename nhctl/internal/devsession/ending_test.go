package devsession_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
)

// Where the cluster refuses to say anything, a session stays until its user forgets it by force.
func TestEndWhereTheClusterRefuses(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	begun := ada.MustStart()
	cluster.Forbid("ada", "list", "leases")
	if _, err := ada.End(); err == nil || problem.From(err).Code != problem.Forbidden {
		t.Errorf("without force: %v", err)
	}
	if s, err := ada.Status(); err != nil || s.ID != begun.ID {
		t.Errorf("it is gone: %+v, %v", s, err)
	}
	if _, err := ada.End(func(p *rpc.End) { p.Force = true }); err != nil {
		t.Errorf("by force: %v", err)
	}
	if !ada.Heard("deployment/web is forgotten here") {
		t.Error("no one says what became of it")
	}
	if _, err := os.Stat(ada.Dirs.Session(begun.ID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its state: %v", err)
	}
}

// loseLeases deletes the Leases of all sessions.
func loseLeases(cluster *sessiontest.Cluster) {
	for _, l := range kubetest.List[coordinationv1.Lease](cluster.Cluster, sessiontest.Namespace) {
		kubetest.Delete[coordinationv1.Lease](cluster.Cluster, sessiontest.Namespace, l.Name)
	}
}

// A session whose Lease is lost is ended by force, from what its twin and its original say.
func TestEndWithoutLease(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	before := cluster.Snapshot(sessiontest.Namespace)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.MustStart()
	ada.StopDaemon()
	loseLeases(cluster)
	bob := sessiontest.NewComputer(t, "bob").Shell(cluster, "bob", "true")
	if _, err := bob.End(); err == nil || problem.From(err).Code != problem.NoSession {
		t.Errorf("without force: %v", err)
	}
	if _, err := bob.End(func(p *rpc.End) { p.Workload, p.Force = "web", true }); err != nil {
		t.Errorf("by force: %v", err)
	}
	cluster.Restored(before)
}

// A developer's volumes outlive the session, until their owner deletes them.
func TestVolumes(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.Config("persistentVolumeDirs: [{path: /cache, capacity: 1Gi}]")
	ada.MustStart()
	volumes := func(method, workload string) (paths []string) {
		t.Helper()
		var all []rpc.Volume
		if err := ada.Call(method, rpc.Volumes{Caller: ada.Caller, Workload: workload}, &all); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		for _, v := range all {
			paths = append(paths, fmt.Sprint(v.Workload, " ", v.Path, " ", v.Mine))
		}
		return paths
	}
	want := []string{"deployment/web /cache true"}
	if diff := cmp.Diff(want, volumes(rpc.MethodVolumes, "web")); diff != "" {
		t.Errorf("in dev mode: %s", diff)
	}
	if other := volumes(rpc.MethodVolumes, "cart"); len(other) != 0 {
		t.Errorf("of another workload: %q", other)
	}
	if _, err := ada.End(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, volumes(rpc.MethodClean, "")); diff != "" {
		t.Errorf("deleted: %s", diff)
	}
	if left := volumes(rpc.MethodVolumes, ""); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// What a config asks of the computer needs the user's word, once.
func TestTrustedConfig(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	port := tunneltest.FreePort(t)
	ada.Config(fmt.Sprintf("portForward: ['%d:80']", port))
	_, err := ada.Start()
	if err == nil || problem.From(err).Code != problem.Untrusted {
		t.Fatalf("without a word: %v", err)
	}
	if _, err := ada.Start(func(p *rpc.Start) { p.Answers = problem.Answers{"another": problem.Yes} }); err == nil {
		t.Error("an answer to another question")
	}
	asked := problem.From(err).Question
	if asked == nil {
		t.Fatalf("nothing is asked: %v", err)
	}
	s := ada.MustStart(func(p *rpc.Start) { p.Answers = problem.Answers{asked.ID: problem.Yes} })
	if len(s.Forwards) != 1 || s.Forwards[0].Local != port {
		t.Errorf("ports: %+v", s.Forwards)
	}
	if _, err := ada.End(); err != nil {
		t.Fatal(err)
	}
	ada.MustStart() // it is remembered
}
