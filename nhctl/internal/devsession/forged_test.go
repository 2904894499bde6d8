package devsession

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// recordOf is the record of a session of deployment/web, held by ada at this computer.
func recordOf(id, namespace string) devmode.Record {
	return devmode.Record{
		Session:   id,
		Namespace: namespace,
		Workload:  workload.Ref{Kind: workload.Deployment, Name: "web"},
		UID:       "original",
		Replicas:  1,
		Mode:      record.Replace,
		Phase:     record.Active,
		Holder:    record.Holder{User: "ada", Local: session.LocalOf(ada())},
		Since:     time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC),
		Port:      20001,
		Container: "app",
		Image:     "dev:1",
		WorkDir:   "/src",
		Folder:    "/home/ada/web",
	}
}

func ada() rpc.Caller { return rpc.Caller{Env: map[string]string{"USER": "ada"}} }

// testKind is dev mode of a daemon that serves no socket.
func testKind(t *testing.T) *Kind {
	t.Helper()
	dirs := userdirstest.New(t)
	r := registry.New(dirs, quiet())
	k := New(dirs, quiet(), r)
	r.Register(k)
	return k
}

// leaseOf is the Lease of a session.
func leaseOf(t *testing.T, r devmode.Record) *coordinationv1.Lease {
	t.Helper()
	l, err := r.NewLease()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fakeCluster is a client of an API server that has these objects.
func fakeCluster(namespace string, objects ...runtime.Object) (*kube.Client, *fake.Clientset) {
	api := fake.NewClientset(objects...)
	api.PrependReactor("create", "selfsubjectreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		user := authenticationv1.UserInfo{Username: "ada"}
		return true, &authenticationv1.SelfSubjectReview{
			Status: authenticationv1.SelfSubjectReviewStatus{UserInfo: user},
		}, nil
	})
	return &kube.Client{API: api, Namespace: namespace}, api
}

// What a colleague's Lease in one namespace names in another, and on the computer of whoever ends dev mode, is left
// alone.
func TestEndLeavesForgedSessionsAlone(t *testing.T) {
	t.Parallel()
	k := testKind(t)
	hers := k.dirs.Session("11111111")
	if err := os.MkdirAll(hers, 0o700); err != nil {
		t.Fatal(err)
	}
	forged := leaseOf(t, recordOf("0a1b2c3d", "dev"))
	forged.Annotations[contract.AnnotationRecord] = `{"session":"","namespace":"prod",` +
		`"workload":{"kind":"deployment","name":"web"},"mode":"duplicate","phase":"active","twin":"payment",` +
		`"holder":{"user":"x","local":"` + session.LocalOf(ada()) + `"},"folder":"/tmp"}`
	c, api := fakeCluster("dev",
		forged,
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "payment", Namespace: "prod"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "payment", Namespace: "prod"}},
	)
	for name, p := range map[string]rpc.End{
		"one":   {Target: rpc.Target{Caller: ada(), Workload: "web"}},
		"all":   {Target: rpc.Target{Caller: ada()}, All: true},
		"by id": {Target: rpc.Target{Caller: ada(), Session: "0a1b2c3d"}},
	} {
		records, err := k.meant(t.Context(), &session.Visitor{Client: c}, p)
		if len(records) != 0 || name == "one" && (err == nil || problem.From(err).Code != problem.Unreadable) {
			t.Errorf("%s: %v, %v", name, records, err)
		}
	}
	for _, action := range api.Actions() {
		if verb := action.GetVerb(); verb != "list" && verb != "create" || action.GetNamespace() == "prod" {
			t.Errorf("%s %s in %q", verb, action.GetResource().Resource, action.GetNamespace())
		}
	}
	if _, err := os.Stat(hers); err != nil {
		t.Errorf("the state of another session: %v", err)
	}
}

// No folder of this computer is synced because a record names it.
func TestNoFolderOfARecordIsOpened(t *testing.T) {
	t.Parallel()
	k := testKind(t)
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	r := recordOf("0a1b2c3d", "shop")
	r.Folder = keys
	state := saved{Record: r, State: plan.State{Settings: filesync.Settings{Type: filesync.SendReceive}}}
	s := newSession(k.dirs, k.logger, nil, state, k)
	if err := s.openFolders(); err == nil {
		t.Errorf("an engine is on %s, which a record names", s.opened[0].Root)
	}
	// One that is ended from here has folders of ours, below the kept area, and only receives.
	c, _ := fakeCluster("shop")
	borrowed, err := k.borrow(t.Context(), c, r, false)
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(k.dirs.State, "kept", "0a1b2c3d", "pod")
	got := borrowed.document.Value()
	if len(got.Roots) != 1 || got.Roots[0] != want || got.Settings.Type != filesync.Receive {
		t.Errorf("roots %q, %s", got.Roots, got.Settings.Type)
	}
}

// A session's id is part of paths.
func TestPathsOfForgedIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", ".", "..", "../../precious", "other/..", "/etc", "0a1b2c3d/../other", strings.Repeat("0", 300),
	} {
		p := userdirstest.New(t)
		precious := filepath.Join(filepath.Dir(p.State), "precious")
		for _, dir := range []string{precious, p.Session("11111111"), p.Kept("11111111")} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := session.Remove(p, id); err == nil {
			t.Errorf("remove %q: no error", id)
		}
		r := recordOf("0a1b2c3d", "shop")
		r.Session = id
		if err := save(p, saved{Record: r}); err == nil {
			t.Errorf("save %q: no error", id)
		}
		for _, dir := range []string{p.Session(id), p.Kept(id)} {
			if filepath.Base(dir) != "none" {
				t.Errorf("%q leads to %s", id, dir)
			}
		}
		for _, dir := range []string{precious, p.Session("11111111"), p.Kept("11111111")} {
			if _, err := os.Stat(dir); err != nil {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
}

// A saved session that can't be read, or is not what it says, costs itself only.
func TestLoadLeavesOutBadSessions(t *testing.T) {
	t.Parallel()
	p := userdirstest.New(t)
	good := saved{Record: recordOf("0a1b2c3d", "shop"), Roots: []string{"/home/ada/web"}}
	if err := save(p, good); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(p.Session("0a1b2c3d"), session.File))
	if err != nil {
		t.Fatal(err)
	}
	for id, text := range map[string]string{
		"11111111": "",
		"22222222": strings.Replace(string(written), "0a1b2c3d", "33333333", 1),
		"44444444": strings.NewReplacer("0a1b2c3d", "44444444", `"shop"`, `"../shop"`).Replace(string(written)),
		"55555555": strings.NewReplacer("0a1b2c3d", "55555555", `"/home/ada/web"\n`, "").
			Replace(string(written[:len(written)/2])),
		"66666666": `{"record":{"version":99}}`,
	} {
		if err := os.MkdirAll(p.Session(id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.Session(id), session.File), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := loadAll(p)
	if len(all) != 1 || all[0].Record.Session != "0a1b2c3d" {
		t.Errorf("%d sessions", len(all))
	}
	for _, id := range []string{"11111111", "22222222", "44444444", "55555555", "66666666"} {
		if err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%s is not named: %v", id, err)
		}
	}
}
