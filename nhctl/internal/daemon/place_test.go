package daemon

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// clusterOf is a client of a cluster whose namespace "shop" has a UID; "" where the user may not read it.
func clusterOf(server string, uid types.UID, objects ...runtime.Object) *kube.Client {
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: uid}})
	c, api := fakeCluster("shop", objects...)
	c.Identity = server
	if uid == "" {
		refuse(api, apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "shop", errors.New("no Role")))
	}
	return c
}

// refuse fails each question for a namespace.
func refuse(api *fake.Clientset, err error) {
	api.PrependReactor("get", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
}

// serves makes the daemon serve a session that was begun with a client.
func serves(t *testing.T, d *Daemon, c *kube.Client, id string) *session {
	t.Helper()
	r := recordOf(id, "shop")
	place, err := c.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Place = place
	s := newSession(d.paths, d.logger, c, saved{Record: r, Roots: []string{"/home/ada/web"}}, d)
	if err := s.keep(func(*saved) {}); err != nil {
		t.Fatal(err)
	}
	d.sessions[id] = s
	return s
}

// The same namespace and workload are in dev mode in two clusters: a call finds the session of its own cluster, whatever its client's
// address is by now, and no other.
func TestTwoClusters(t *testing.T) {
	t.Parallel()
	web := func(r devmode.Record) bool { return r.Workload == workload.Ref{Kind: workload.Deployment, Name: "web"} }
	for name, tt := range map[string]struct {
		call *kube.Client
		want string
	}{
		"the first":                               {clusterOf("a", "uid-a"), "aaaaaaaa"},
		"the second":                              {clusterOf("b", "uid-b"), "bbbbbbbb"},
		"the first at another address":            {clusterOf("elsewhere", "uid-a"), "aaaaaaaa"},
		"a third":                                 {clusterOf("c", "uid-c"), ""},
		"the first, without the right":            {clusterOf("a", ""), "aaaaaaaa"},
		"another address, without the right":      {clusterOf("elsewhere", ""), ""},
		"another address, the namespace is new":   {clusterOf("elsewhere", "uid-new"), ""},
		"no server that is known, nor a UID":      {clusterOf("", ""), ""},
		"no server that is known, but a good UID": {clusterOf("", "uid-b"), "bbbbbbbb"},
	} {
		d := testDaemon(t)
		a, b := clusterOf("a", "uid-a"), clusterOf("b", "uid-b")
		serves(t, d, a, "aaaaaaaa")
		serves(t, d, b, "bbbbbbbb")
		found, err := d.matching(t.Context(), &visitor{client: tt.call}, web)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range found {
			got += s.record().Session
		}
		if got != tt.want {
			t.Errorf("%s: found %q, want %q", name, got, tt.want)
		}
		for id, own := range map[string]*kube.Client{"aaaaaaaa": a, "bbbbbbbb": b} {
			if d.sessions[id].client() != own {
				t.Errorf("%s: session %s has another client", name, id)
			}
		}
	}
}

// A session whose place can't be asked for is never guessed; where the call's client leads to the session's own server, nothing is asked.
func TestUnreachableCluster(t *testing.T) {
	t.Parallel()
	d := testDaemon(t)
	serves(t, d, clusterOf("a", "uid-a"), "aaaaaaaa")
	for server, works := range map[string]bool{"a": true, "b": false} {
		c, api := fakeCluster("shop")
		c.Identity = server
		refuse(api, errors.New("connection refused"))
		s, err := d.live(t.Context(), &visitor{client: c}, "aaaaaaaa")
		if (s != nil) != works || (err == nil) != works {
			t.Errorf("server %s: %v, %v", server, s != nil, err)
		}
	}
}

// A Lease with the id of a session in another cluster is no reason to take that session's client, or its state.
func TestCopiedLease(t *testing.T) {
	t.Parallel()
	d := testDaemon(t)
	a := clusterOf("a", "uid-a")
	s := serves(t, d, a, "aaaaaaaa")
	b := clusterOf("b", "uid-b", leaseOf(t, s.record()))
	v := &visitor{client: b}
	if found, err := d.live(t.Context(), v, "aaaaaaaa"); found != nil || err != nil {
		t.Errorf("the copy is served here: %v", err)
	}
	if err := d.forgetSaved(t.Context(), b, s.record()); err != nil {
		t.Error(err)
	}
	if all, err := d.paths.load(); len(all) != 1 || err != nil {
		t.Errorf("the first cluster's state: %d sessions, %v", len(all), err)
	}
	if err := d.forgetSaved(t.Context(), a, s.record()); err != nil {
		t.Error(err)
	}
	if all, err := d.paths.load(); len(all) != 0 || err != nil {
		t.Errorf("its own: %d sessions, %v", len(all), err)
	}
}

// A heartbeat that finds no Lease says whether that is the session's own place.
func TestGone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		now  *kube.Client
		gone bool
	}{
		"the same namespace":             {clusterOf("a", "uid-a"), true},
		"at another address":             {clusterOf("elsewhere", "uid-a"), true},
		"the namespace was made again":   {clusterOf("a", "uid-new"), true},
		"another cluster":                {clusterOf("b", "uid-b"), false},
		"another one, without the right": {clusterOf("b", ""), false},
		"without the right":              {clusterOf("a", ""), true},
	} {
		d := testDaemon(t)
		s := serves(t, d, clusterOf("a", "uid-a"), "aaaaaaaa")
		s.cluster = tt.now
		gone, err := s.gone(t.Context())
		if gone != tt.gone || gone == errors.Is(err, errElsewhere) {
			t.Errorf("%s: %v, %v", name, gone, err)
		}
		over := s.look(t.Context())
		if (over != "") != tt.gone {
			t.Errorf("%s: the session is over: %q", name, over)
		}
		if !tt.gone && (len(s.notices) != 1 || !strings.Contains(s.notices[0], "another cluster")) {
			t.Errorf("%s: %q", name, s.notices)
		}
	}
}

// A saved session is taken up with a client that leads to it: the caller's own where its context was renamed or its address changed.
func TestLead(t *testing.T) {
	t.Parallel()
	home := record.Place{Namespace: "uid-a", Server: "a"}
	for name, tt := range map[string]struct {
		call *kube.Client
		own  bool
	}{
		"the same server":              {clusterOf("a", "uid-a"), true},
		"another address":              {clusterOf("elsewhere", "uid-a"), true},
		"another cluster":              {clusterOf("b", "uid-b"), false},
		"another cluster, no right":    {clusterOf("b", ""), false},
		"another namespace of the day": {clusterOf("elsewhere", "uid-new"), false},
	} {
		r := recordOf("aaaaaaaa", "shop")
		r.Place = home
		state := saved{Record: r, Kubeconfig: t.TempDir() + "/gone", Context: "renamed"}
		c, err := lead(t.Context(), &visitor{client: tt.call}, ada(), state)
		if (err == nil) != tt.own || tt.own && c != tt.call {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What ended in one cluster is no news in another.
func TestNewsOfTwoClusters(t *testing.T) {
	t.Parallel()
	d := testDaemon(t)
	a := clusterOf("a", "uid-a")
	d.over(serves(t, d, a, "aaaaaaaa"), "it was ended")
	for _, c := range []*kube.Client{clusterOf("b", "uid-b"), clusterOf("c", "")} {
		d.news(t.Context(), &visitor{client: c})
		if all, err := d.paths.history(); err != nil || len(all) != 1 || all[0].Told {
			t.Errorf("another cluster was told: %+v, %v", all, err)
		}
	}
	d.news(t.Context(), &visitor{client: clusterOf("elsewhere", "uid-a")})
	if all, err := d.paths.history(); err != nil || len(all) != 1 || !all[0].Told {
		t.Errorf("its own was not told: %+v, %v", all, err)
	}
}

// The sessions of this computer are listed from what is known here, also those whose cluster can't be found any more.
func TestEverywhere(t *testing.T) {
	t.Parallel()
	d := testDaemon(t)
	for id, context := range map[string]string{"aaaaaaaa": "one", "bbbbbbbb": "another"} {
		r := recordOf(id, "shop")
		state := saved{Record: r, Roots: []string{"/home/ada/web"}, Kubeconfig: t.TempDir() + "/gone", Context: context}
		if err := d.paths.save(state); err != nil {
			t.Fatal(err)
		}
	}
	caller := ada()
	caller.Kubeconfig = t.TempDir() + "/gone"
	all := d.everywhere(t.Context(), caller)
	if len(all) != 2 || all[0].Context != "another" || all[1].Context != "one" {
		t.Fatalf("%+v", all)
	}
	for _, s := range all {
		if s.Live || !s.Mine || len(s.Notices) != 1 || !strings.Contains(s.Notices[0], "context "+s.Context) {
			t.Errorf("%+v", s)
		}
	}
}
