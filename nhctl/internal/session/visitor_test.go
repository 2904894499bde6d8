package session

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// homed is a live session of which only the place and the client matter.
type homed struct {
	Live
	namespace string
	place     record.Place
	client    *kube.Client
}

func (h homed) Home() (string, record.Place) { return h.namespace, h.place }
func (h homed) Client() *kube.Client         { return h.client }

// placeOf is where a client leads.
func placeOf(t *testing.T, c *kube.Client) record.Place {
	t.Helper()
	place, err := c.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// byAddress is a client of the cluster at a certain address, which is all that its identity says.
func byAddress(t *testing.T, cluster *kubetest.Cluster, address string) *kube.Client {
	t.Helper()
	c := cluster.Client(t, "ada", "shop")
	c.Identity = address
	return c
}

// unproven is byAddress for a client whose server proves nothing by a certificate: another cluster may have come to its
// address.
func unproven(t *testing.T, cluster *kubetest.Cluster, address string) *kube.Client {
	t.Helper()
	file := cluster.Serve(t, "ada", "shop")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	authority := regexp.MustCompile(`certificate-authority-data: [^}]*`)
	text = authority.ReplaceAll(text, []byte("insecure-skip-tls-verify: true"))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(kube.Options{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	c.Identity = address
	return c
}

// away lets a cluster answer nothing.
func away(cluster *kubetest.Cluster) *kubetest.Cluster {
	cluster.Inject(func(kubetest.Request) kubetest.Fault { return kubetest.Refuse })
	return cluster
}

// A session began at address a of a cluster. Which clients of calls take it up (Lead), find it alive (At), and have a
// missing Lease mean its end (Gone)?
func TestWhichClientServesASession(t *testing.T) {
	t.Parallel()
	own, other := kubetest.New([]string{"shop"}), kubetest.New([]string{"shop"})
	begun := byAddress(t, own, "a")
	home := placeOf(t, begun)
	confined, again := kubetest.New([]string{"shop"}), kubetest.New([]string{"shop"})
	confined.Forbid("ada", "get", "namespaces")
	const unknown = "unknown"
	for name, tt := range map[string]struct {
		call     *kube.Client
		leads    bool
		at, gone string
	}{
		"the same server": {call: byAddress(t, own, "a"), leads: true, at: "yes", gone: "yes"},
		"another address": {call: byAddress(t, own, "b"), leads: true, at: "yes", gone: "yes"},
		"its server, by an unproven address": {
			call: unproven(t, own, "a"), leads: true, at: "yes", gone: "yes"},
		"its server, which does not answer": {
			call: byAddress(t, away(kubetest.New([]string{"shop"})), "a"), leads: true, at: "yes", gone: unknown},
		"its server, whose namespace was made again": {
			call: byAddress(t, again, "a"), leads: true, at: "yes", gone: "yes"},
		"its server, where the user may not read the namespace": {
			call: byAddress(t, confined, "a"), leads: true, at: "yes", gone: "yes"},
		"another cluster": {call: byAddress(t, other, "b"), at: "no", gone: "elsewhere"},
		"another one, where the user may not read the namespace": {
			call: byAddress(t, confined, "b"), at: "no", gone: "elsewhere"},
		"another cluster that has come to the address": {
			call: unproven(t, other, "a"), at: "yes", gone: "elsewhere"},
		"another server, which does not answer": {
			call: byAddress(t, away(kubetest.New([]string{"shop"})), "b"), at: unknown, gone: unknown},
	} {
		v := &Visitor{Client: tt.call}
		origin := Origin{Kubeconfig: filepath.Join(t.TempDir(), "gone"), Context: "renamed"}
		c, err := Lead(t.Context(), v, rpc.Caller{}, origin, "shop", home)
		if leads := err == nil; leads != tt.leads || leads && c != tt.call {
			t.Errorf("%s: leads %v, %v", name, leads, err)
		}
		there, err := v.At(t.Context(), homed{namespace: "shop", place: home, client: begun})
		if got := verdict(there, err); got != tt.at {
			t.Errorf("%s: at the session's place: %s, want %s (%v)", name, got, tt.at, err)
		}
		gone, err := Gone(t.Context(), tt.call, home)
		if got := verdict(gone, err); got != tt.gone {
			t.Errorf("%s: gone: %s, want %s (%v)", name, got, tt.gone, err)
		}
	}
}

func verdict(yes bool, err error) string {
	switch {
	case errors.Is(err, ErrElsewhere):
		return "elsewhere"
	case err != nil:
		return "unknown"
	case yes:
		return "yes"
	}
	return "no"
}

// A call of another namespace, or without a cluster, leads by the kubeconfig that the session began with: it is read
// with the session's context and namespace, whatever the caller's are.
func TestLeadByTheOrigin(t *testing.T) {
	t.Parallel()
	own, other := kubetest.New([]string{"shop", "till"}), kubetest.New([]string{"shop"})
	file := own.Serve(t, "ada", "till")
	begun, err := kube.New(kube.Options{Kubeconfig: file, Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	home := placeOf(t, begun)
	from := LedBy(begun, &home)
	want := Origin{Kubeconfig: file, Context: "test"}
	if diff := cmp.Diff(want, from); diff != "" || home.Server != begun.Identity {
		t.Fatal(diff, home)
	}
	caller := rpc.Caller{Env: map[string]string{"KUBECONFIG": other.Serve(t, "bob", "shop")}}
	for name, v := range map[string]*Visitor{
		"no cluster":        nil,
		"another cluster":   {Client: byAddress(t, other, "b")},
		"another namespace": {Client: own.Client(t, "ada", "till")},
	} {
		c, err := Lead(t.Context(), v, caller, from, "shop", home)
		if err != nil || c.Identity != begun.Identity || c.Namespace != "shop" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	from.Kubeconfig = caller.Env["KUBECONFIG"] // the file was overwritten
	if _, err := Lead(t.Context(), nil, caller, from, "shop", home); !errors.Is(err, ErrElsewhere) {
		t.Errorf("a kubeconfig that leads elsewhere by now: %v", err)
	}
}

// Sessions of another namespace are none of the call's: nothing is asked about them.
func TestAtAnotherNamespace(t *testing.T) {
	t.Parallel()
	c := byAddress(t, away(kubetest.New([]string{"shop"})), "a")
	v := &Visitor{Client: c}
	if there, err := v.At(t.Context(), homed{namespace: "till", client: c}); there || err != nil {
		t.Error(there, err)
	}
}

// A call asks once where its namespace is, and again only where it got no answer.
func TestWhereIsAskedOnce(t *testing.T) {
	t.Parallel()
	cluster := kubetest.New([]string{"shop"})
	asked := 0
	cluster.Inject(func(kubetest.Request) kubetest.Fault {
		if asked++; asked == 1 {
			return kubetest.Refuse
		}
		return kubetest.None
	})
	v := &Visitor{Client: cluster.Client(t, "ada", "shop")}
	if _, err := v.Where(t.Context()); err == nil {
		t.Error("a place without an answer")
	}
	for range 2 {
		if place, err := v.Where(t.Context()); err != nil || place.Namespace == "" {
			t.Error(place, err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// The holder is who the API server takes the caller for, whatever the caller says, at the caller's computer.
func TestHolderOf(t *testing.T) {
	t.Parallel()
	cluster := kubetest.New([]string{"shop"})
	caller := rpc.Caller{Env: map[string]string{"USER": "root"}}
	by, err := HolderOf(t.Context(), cluster.Client(t, "ada", "shop"), caller)
	if want := (record.Holder{User: "ada", Local: record.LocalOf(caller.Env)}); by != want || err != nil {
		t.Errorf("%+v, want %+v; %v", by, want, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := HolderOf(ctx, cluster.Client(t, "ada", "shop"), caller); err == nil {
		t.Error("a holder whom no one has named")
	}
}
