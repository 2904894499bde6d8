package registry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
)

// fakeKind is a kind whose sessions are their ids.
type fakeKind struct {
	name   string
	takeUp func(id string) error
}

func (k *fakeKind) Name() string { return k.name }

func (k *fakeKind) Load(file string) (session.Stored, error) {
	id := filepath.Base(filepath.Dir(file))
	if strings.HasPrefix(id, "bad") {
		return nil, errors.New("it is torn")
	}
	return fakeSession{kind: k, id: id}, nil
}

type fakeSession struct {
	kind *fakeKind
	id   string
}

func (s fakeSession) ID() string        { return s.id }
func (s fakeSession) Work() string      { return "work on " + s.id }
func (s fakeSession) View() rpc.Session { return rpc.Session{ID: s.id} }
func (s fakeSession) Status(context.Context) rpc.Session {
	return rpc.Session{ID: s.id, Phase: "asked"}
}
func (s fakeSession) Home() (string, record.Place)  { return "shop", record.Place{} }
func (s fakeSession) Client() *kube.Client          { return nil }
func (s fakeSession) Notices() []string             { return nil }
func (s fakeSession) Forwards() []event.ForwardData { return nil }
func (s fakeSession) OnChange(func())               {}
func (s fakeSession) Stop()                         {}
func (s fakeSession) TakeUp(context.Context, rpc.Caller, *session.Visitor) error {
	return s.kind.takeUp(s.id)
}

// keep writes the document of a session.
func keep(t *testing.T, r *Registry, id, text string) {
	t.Helper()
	dir := filepath.Join(r.dirs.Sessions(), id)
	err := os.MkdirAll(dir, 0o700)
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, session.File), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func newRegistry(t *testing.T) *Registry {
	t.Helper()
	return New(userdirstest.New(t), slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// Each saved session is taken up by its kind, once. One that fails, or panics, or can't be read costs itself alone.
func TestAdopt(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	taken := make(chan string, 10)
	takeUp := func(id string) error {
		taken <- id
		switch id {
		case "panics":
			panic("no such luck")
		case "fails":
			return errors.New("no cluster")
		}
		return nil
	}
	tunnel := &fakeKind{name: "tunnel", takeUp: func(id string) error { return takeUp("tunnel's " + id) }}
	dev := &fakeKind{name: record.DevMode, takeUp: takeUp}
	r.Register(tunnel)
	r.Register(dev)
	for id, text := range map[string]string{
		"panics":  `{"kind":"dev"}`,
		"fails":   `{}`,
		"good":    `{"version":1}`,
		"routed":  `{"kind":"tunnel"}`,
		"later":   `{"kind":"mesh"}`,
		"bad":     `torn`,
		"live":    `{}`,
		"at-work": `{}`,
	} {
		keep(t, r, id, text)
	}
	r.Add(fakeSession{kind: dev, id: "live"})
	release, err := r.Reserve("work on at-work")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	var told []string
	ctx := event.WithSink(t.Context(), func(e event.Event) { told = append(told, e.Message) })
	r.Adopt(ctx, rpc.Caller{}, nil)
	close(taken)
	var got []string
	for id := range taken {
		got = append(got, id)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"fails", "good", "panics", "tunnel's routed"}, got); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"saved session bad: it is torn", `saved session later: it is of kind "mesh"`} {
		if len(told) != 1 || !strings.Contains(told[0], want) {
			t.Errorf("told %q, want %q in it", told, want)
		}
	}
}

// A session is listed where it is kept, but not while a call starts or ends it: then it is neither served nor lost.
func TestViews(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	r.Register(&fakeKind{name: record.DevMode})
	for _, id := range []string{"kept", "starting"} {
		keep(t, r, id, `{}`)
	}
	ids := func() (all []string) {
		for _, view := range r.Views() {
			all = append(all, view.ID)
		}
		overview := slices.Sorted(maps.Keys(r.Overview(t.Context())))
		if diff := cmp.Diff(all, overview); diff != "" {
			t.Errorf("the overview has others: %s", diff)
		}
		return all
	}
	release, err := r.Reserve("work on starting")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kept"}, ids()); diff != "" {
		t.Error(diff)
	}
	release()
	if diff := cmp.Diff([]string{"kept", "starting"}, ids()); diff != "" {
		t.Error(diff)
	}
}

// Work that no call waits for ends with the registry, which waits; its panic is its own.
func TestBackgroundWork(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	ended := false
	r.Go("work", func(ctx context.Context) { <-ctx.Done(); ended = true })
	r.Go("work that fails", func(context.Context) { panic("no such luck") })
	r.Close()
	if !ended {
		t.Error("Close did not wait")
	}
}

// One call at a time works on a session.
func TestReserve(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	release, err := r.Reserve("web")
	if err != nil || r.Quiet() || r.Idle() {
		t.Error(err, r.Quiet(), r.Idle())
	}
	if _, err := r.Reserve("web"); problem.From(err).Code != problem.Held {
		t.Errorf("a second call: %v", err)
	}
	if other, err := r.Reserve("cart"); err != nil {
		t.Error(err)
	} else {
		other()
	}
	release()
	if _, err := r.Reserve("web"); err != nil {
		t.Error(err)
	}
}

// A session that is over is not taken up again by a call that comes before its removal is done.
func TestOverIsNotAdopted(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	taken := 0
	kind := &fakeKind{name: "fake", takeUp: func(string) error { taken++; return nil }}
	r.Register(kind)
	keep(t, r, "s1", `{"kind": "fake", "version": 1}`)
	s := fakeSession{kind: kind, id: "s1"}
	r.Add(s)
	if !r.Over(s, Ended{Session: "s1"}) {
		t.Fatal("it was not there")
	}
	r.Adopt(t.Context(), rpc.Caller{}, nil)
	if taken != 0 || r.Serves("s1") {
		t.Errorf("taken up %d times", taken)
	}
}
