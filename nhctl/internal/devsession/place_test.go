package devsession

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
	"github.com/nhctl/nhctl/nhctl/internal/session"
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
	api.PrependReactor("get", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, err
	})
}

// serves makes the daemon serve a session that was begun with a client.
func serves(t *testing.T, k *Kind, c *kube.Client, id string) *Session {
	t.Helper()
	r := recordOf(id, "shop")
	place, err := c.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Place = place
	s := newSession(k.dirs, k.logger, c, saved{Record: r, Roots: []string{"/home/ada/web"}}, k)
	if err := s.document.Edit(func(*saved) {}); err != nil {
		t.Fatal(err)
	}
	k.registry.Add(s)
	return s
}

// The same namespace and workload are in dev mode in two clusters: a call finds the session of its own cluster,
// whatever its client's address is by now, and no other.
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
		k := testKind(t)
		a, b := clusterOf("a", "uid-a"), clusterOf("b", "uid-b")
		serves(t, k, a, "aaaaaaaa")
		serves(t, k, b, "bbbbbbbb")
		found, err := k.matching(t.Context(), &session.Visitor{Client: tt.call}, web)
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
			for _, s := range k.registry.Live() {
				if s.ID() == id && s.Client() != own {
					t.Errorf("%s: session %s has another client", name, id)
				}
			}
		}
	}
}

// A session whose place can't be asked for is never guessed; where the call's client leads to the session's own server,
// nothing is asked.
func TestUnreachableCluster(t *testing.T) {
	t.Parallel()
	k := testKind(t)
	serves(t, k, clusterOf("a", "uid-a"), "aaaaaaaa")
	for server, works := range map[string]bool{"a": true, "b": false} {
		c, api := fakeCluster("shop")
		c.Identity = server
		refuse(api, errors.New("connection refused"))
		s, err := k.live(t.Context(), &session.Visitor{Client: c}, "aaaaaaaa")
		if (s != nil) != works || (err == nil) != works {
			t.Errorf("server %s: %v, %v", server, s != nil, err)
		}
	}
}

// A Lease with the id of a session in another cluster is no reason to take that session's client, or its state.
func TestCopiedLease(t *testing.T) {
	t.Parallel()
	k := testKind(t)
	a := clusterOf("a", "uid-a")
	s := serves(t, k, a, "aaaaaaaa")
	b := clusterOf("b", "uid-b", leaseOf(t, s.record()))
	v := &session.Visitor{Client: b}
	if found, err := k.live(t.Context(), v, "aaaaaaaa"); found != nil || err != nil {
		t.Errorf("the copy is served here: %v", err)
	}
	if err := k.forgetSaved(t.Context(), b, s.record()); err != nil {
		t.Error(err)
	}
	if all, err := loadAll(k.dirs); len(all) != 1 || err != nil {
		t.Errorf("the first cluster's state: %d sessions, %v", len(all), err)
	}
	if err := k.forgetSaved(t.Context(), a, s.record()); err != nil {
		t.Error(err)
	}
	if all, err := loadAll(k.dirs); len(all) != 0 || err != nil {
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
		k := testKind(t)
		s := serves(t, k, clusterOf("a", "uid-a"), "aaaaaaaa")
		s.SetClient(tt.now)
		gone, err := session.Gone(t.Context(), s.Client(), s.record().Place)
		if gone != tt.gone || gone == errors.Is(err, session.ErrElsewhere) {
			t.Errorf("%s: %v, %v", name, gone, err)
		}
		over := s.lookFor(t.Context())
		if (over != "") != tt.gone {
			t.Errorf("%s: the session is over: %q", name, over)
		}
		if !tt.gone && (len(s.Notices()) != 1 || !strings.Contains(s.Notices()[0], "another cluster")) {
			t.Errorf("%s: %q", name, s.Notices())
		}
	}
}

// A saved session is taken up with a client that leads to it: the caller's own where its context was renamed or its
// address changed.
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
		from := session.Origin{Kubeconfig: t.TempDir() + "/gone", Context: "renamed"}
		c, err := session.Lead(t.Context(), &session.Visitor{Client: tt.call}, ada(), from, r.Namespace, r.Place)
		if (err == nil) != tt.own || tt.own && c != tt.call {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What ended in one cluster is no news in another.
func TestNewsOfTwoClusters(t *testing.T) {
	t.Parallel()
	k := testKind(t)
	a := clusterOf("a", "uid-a")
	k.drop(serves(t, k, a, "aaaaaaaa"), "it was ended")
	for _, c := range []*kube.Client{clusterOf("b", "uid-b"), clusterOf("c", "")} {
		k.registry.News(t.Context(), &session.Visitor{Client: c})
		if all, err := k.registry.History(); err != nil || len(all) != 1 || all[0].Told {
			t.Errorf("another cluster was told: %+v, %v", all, err)
		}
	}
	k.registry.News(t.Context(), &session.Visitor{Client: clusterOf("elsewhere", "uid-a")})
	if all, err := k.registry.History(); err != nil || len(all) != 1 || !all[0].Told {
		t.Errorf("its own was not told: %+v, %v", all, err)
	}
}

// The sessions of this computer are listed from what is known here, also those whose cluster can't be found any more.
func TestEverywhere(t *testing.T) {
	t.Parallel()
	k := testKind(t)
	for id, context := range map[string]string{"aaaaaaaa": "one", "bbbbbbbb": "another"} {
		r := recordOf(id, "shop")
		state := saved{
			Record: r,
			Roots:  []string{"/home/ada/web"},
			Origin: session.Origin{Kubeconfig: t.TempDir() + "/gone", Context: context},
		}
		if err := save(k.dirs, state); err != nil {
			t.Fatal(err)
		}
	}
	caller := ada()
	caller.Kubeconfig = t.TempDir() + "/gone"
	all := k.everywhere(t.Context(), caller)
	if len(all) != 2 || all[0].Context != "another" || all[1].Context != "one" {
		t.Fatalf("%+v", all)
	}
	for _, s := range all {
		if s.Live || !s.Mine || len(s.Notices) != 1 || !strings.Contains(s.Notices[0], "context "+s.Context) {
			t.Errorf("%+v", s)
		}
	}
}
