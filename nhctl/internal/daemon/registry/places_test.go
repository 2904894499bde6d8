package registry

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// placed is a session that lives in some place.
type placed struct {
	fakeSession
	client  *kube.Client
	place   record.Place
	changed func()
	stop    func()
}

func (p *placed) Home() (string, record.Place) { return p.client.Namespace, p.place }
func (p *placed) Client() *kube.Client         { return p.client }
func (p *placed) OnChange(changed func())      { p.changed = changed }
func (p *placed) Stop()                        { p.stop() }
func (p *placed) View() rpc.Session            { return rpc.Session{ID: p.id, Pod: p.client.Server()} }

// live adds a session in the place where a client leads.
func live(t *testing.T, r *Registry, id string, c *kube.Client) *placed {
	t.Helper()
	place, err := c.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &placed{fakeSession: fakeSession{id: id}, client: c, place: place}
	r.Add(p)
	return p
}

// Two clusters may have namespaces and sessions of the same names: a call finds those of its own place alone, whatever
// address it came by. Where its client is the session's own, a cluster that does not answer is no hindrance; else not
// to know is an error, never another's session.
func TestPlacesAreToldApart(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	ours, theirs := kubetest.New([]string{"shop", "bank"}), kubetest.New([]string{"shop"})
	own, other := ours.Client(t, "ada", "shop"), theirs.Client(t, "ada", "shop")
	here, there := live(t, r, "aaaa0001", own), live(t, r, "aaaa0001", other)
	alone := live(t, r, "bbbb0002", own)
	byAddress, err := session.ClientOf(rpc.Caller{Kubeconfig: ours.Serve(t, "ada", "shop")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, id string
		client   *kube.Client
		fault    kubetest.Fault
		want     []*placed
		fails    bool
	}{
		{"the session's own client", "aaaa0001", own, kubetest.None, []*placed{here}, false},
		{"the other cluster", "aaaa0001", other, kubetest.None, []*placed{there}, false},
		{"another address", "aaaa0001", byAddress, kubetest.None, []*placed{here}, false},
		{"another namespace", "aaaa0001", ours.Client(t, "ada", "bank"), kubetest.None, nil, false},
		{"own, without an answer", "bbbb0002", own, kubetest.Refuse, []*placed{alone}, false},
		{"another address, without an answer", "bbbb0002", byAddress, kubetest.Refuse, nil, true},
		{"two of one id, without an answer", "aaaa0001", own, kubetest.Refuse, nil, true},
	} {
		ours.Inject(func(kubetest.Request) kubetest.Fault { return tt.fault })
		v := &session.Visitor{Client: tt.client}
		found, err := Matching(t.Context(), r, v, func(s *placed) bool { return s.ID() == tt.id })
		if !slices.Equal(found, tt.want) || (err != nil) != tt.fails {
			t.Errorf("%s: %d found, %v", tt.name, len(found), err)
		}
	}
	// So does the view of a record: one of the same id in another cluster is not served here.
	ours.Inject(nil)
	r.Remove(here)
	of := record.Record{Session: "aaaa0001", Holder: record.Holder{Local: "eve@desktop"}, AbandonAfter: time.Hour}
	for _, tt := range []struct {
		client *kube.Client
		local  string
		ago    time.Duration
		want   [5]bool // live, mine, quiet, abandoned, with a pod
	}{
		{own, "ada@laptop", 0, [5]bool{}},
		{own, "eve@desktop", 2 * time.Hour, [5]bool{false, true, true, true, false}},
		{other, "ada@laptop", time.Minute, [5]bool{true, true, true, false, true}},
	} {
		now := time.Now()
		of.Heartbeat = now.Add(-tt.ago)
		view, err := r.View(t.Context(), &session.Visitor{Client: tt.client}, of, tt.local, now)
		got := [5]bool{view.Live, view.Mine, view.Quiet(), view.Abandoned, view.Pod != ""}
		if got != tt.want || err != nil || view.Quiet() == of.Lives(now) {
			t.Errorf("as %s of %s: %v, want %v, %v", tt.local, tt.client.Server(), got, tt.want, err)
		}
	}
}

// A call gets sessions of the kind that it asks for, or none.
func TestKindsAreToldApart(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	here := live(t, r, "aaaa0001", kubetest.New([]string{"shop"}).Client(t, "ada", "shop"))
	r.Add(fakeSession{id: "bbbb0002"})
	if found, err := ByID[*placed](r, "aaaa0001", "tunnel"); found != here || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	_, err := ByID[*placed](r, "bbbb0002", "tunnel")
	p := problem.From(err)
	if p.Code != problem.NoSession || p.Message != "no tunnel of this computer is session bbbb0002" {
		t.Errorf("one of another kind: %v", err)
	}
	if all := Of[*placed](r); !slices.Equal(all, []*placed{here}) || len(Of[fakeSession](r)) != 1 {
		t.Errorf("%v", all)
	}
}

// A caller hears once of a session that ended in their namespace, also from the daemon after this one. Callers of other
// places hear nothing, not even of a namespace with that name in another cluster; those of a namespace that was created
// again do.
func TestEndedIsToldOnce(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	ours, theirs := kubetest.New([]string{"shop", "bank"}), kubetest.New([]string{"shop"})
	own := ours.Client(t, "ada", "shop")
	end := func(id string) {
		s := live(t, r, id, own)
		if !r.Over(s, Ended{Session: id, Namespace: "shop", Place: s.place, What: id, Why: "its pod is gone"}) {
			t.Errorf("%s was not there", id)
		}
	}
	told := func(r *Registry, c *kube.Client) (all []string) {
		ctx := event.WithSink(t.Context(), func(e event.Event) { all = append(all, e.Session) })
		r.News(ctx, &session.Visitor{Client: c})
		return all
	}
	end("aaaa0001")
	for name, c := range map[string]*kube.Client{
		"another cluster": theirs.Client(t, "ada", "shop"), "another namespace": ours.Client(t, "ada", "bank"),
	} {
		if all := told(r, c); len(all) > 0 {
			t.Errorf("%s heard of %q", name, all)
		}
	}
	end("aaaa0002")
	if diff := cmp.Diff([]string{"aaaa0001", "aaaa0002"}, told(r, own)); diff != "" {
		t.Error(diff)
	}
	end("aaaa0003")
	next := New(r.dirs, r.logger)
	kubetest.Delete[corev1.Namespace](ours, "", "shop")
	ours.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	if diff := cmp.Diff([]string{"aaaa0003"}, told(next, own)); diff != "" {
		t.Error(diff)
	}
	if all := told(r, own); len(all) > 0 {
		t.Errorf("told again of %q", all)
	}
}

// The history keeps the last sessions alone. One that a newer nhctl has written stays as it is, byte by byte; sessions
// end all the same.
func TestHistoryHasALimit(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for i := range remembered + 2 {
		r.Remember(Ended{Session: string(rune('a' + i))})
	}
	all, err := r.History()
	if err != nil || len(all) != remembered || all[0].Session != "c" || all[remembered-1].Session != "v" {
		t.Errorf("%d, %v", len(all), err)
	}
	newer := []byte(`{"kind":"history","version":2,"data":{"of":"another type"}}`)
	if err := os.WriteFile(r.dirs.History(), newer, 0o600); err != nil {
		t.Fatal(err)
	}
	s := fakeSession{id: "aaaa0001"}
	r.Add(s)
	if !r.Over(s, Ended{Session: s.id}) || !r.Idle() {
		t.Error("the session did not end")
	}
	if text, err := os.ReadFile(r.dirs.History()); !bytes.Equal(text, newer) || err != nil {
		t.Errorf("%s, %v", text, err)
	}
}

// Watchers hear of sessions that come, change and go, until they stop. Close ends the work of the background before the
// sessions that it may be about.
func TestWatchAndClose(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	heard := 0
	stop := r.Watch(func() { heard++ })
	s := live(t, r, "aaaa0001", kubetest.New([]string{"shop"}).Client(t, "ada", "shop"))
	s.changed()
	r.Remove(s)
	if heard != 3 {
		t.Errorf("heard %d times, want 3", heard)
	}
	stop()
	r.Add(s)
	if heard != 3 {
		t.Error("heard of one after the end")
	}
	var order []string
	s.stop = func() { order = append(order, "session") }
	r.Go("work", func(ctx context.Context) { <-ctx.Done(); order = append(order, "work") })
	r.Close()
	if diff := cmp.Diff([]string{"work", "session"}, order); diff != "" {
		t.Error(diff)
	}
}

// waiting is a kind whose sessions are in clusters that do not answer.
type waiting struct{ fakeSession }

func (w waiting) Name() string { return record.DevMode }
func (w waiting) Load(file string) (session.Stored, error) {
	return waiting{fakeSession{id: filepath.Base(filepath.Dir(file))}}, nil
}
func (w waiting) TakeUp(ctx context.Context, _ rpc.Caller, _ *session.Visitor) error {
	<-ctx.Done()
	return ctx.Err()
}

// Clusters that do not answer hold up a call for a moment, however many saved sessions they have.
func TestAdoptHasALimit(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for _, id := range []string{"aaaa0001", "aaaa0002", "aaaa0003"} {
		keep(t, r, id, `{}`)
	}
	r.Register(waiting{})
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		r.Adopt(t.Context(), rpc.Caller{}, nil)
		if took := time.Since(begun); took != adoptLimit {
			t.Errorf("the call waited for %s, want %s", took, adoptLimit)
		}
	})
}
