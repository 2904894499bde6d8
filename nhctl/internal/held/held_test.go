package held

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// world is a cluster with a session in its Lease, and the kind of that session, which notes what it is asked to do.
type world struct {
	cluster *kubetest.Cluster
	client  *kube.Client
	kind    *Kind[record.Tunnel]
	saved   Saved[record.Tunnel]
	did     []string
	// fails is the error of what is done in the cluster.
	fails error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{cluster: kubetest.New([]string{"shop"})}
	w.client = w.cluster.Client(t, "ada", "shop")
	w.saved = Saved[record.Tunnel]{Up: true, Record: record.Tunnel{
		Kind:      record.TunnelKind,
		Version:   record.TunnelVersion,
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
		Since:     time.Now(),
		Port:      20001,
		Image:     "sidecar:1",
	}}
	place, err := w.client.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.saved.Record.Place = place
	w.saved.LeadBy(w.client)
	if _, err := lease.Create(t.Context(), w.client, w.saved.Record); err != nil {
		t.Fatal(err)
	}
	dirs, logger := userdirstest.New(t), slog.New(slog.DiscardHandler)
	does := func(what string) func(context.Context, *kube.Client, record.Tunnel) error {
		return func(ctx context.Context, c *kube.Client, r record.Tunnel) error {
			if _, limited := ctx.Deadline(); !limited || c != w.client || r.Session != w.saved.Record.Session {
				t.Errorf("%s: limited %v, session %s", what, limited, r.Session)
			}
			w.did = append(w.did, what)
			return w.fails
		}
	}
	w.kind = &Kind[record.Tunnel]{
		Dirs:     dirs,
		Logger:   logger,
		Registry: registry.New(dirs, logger),
		Noun:     "tunnel",
		What:     func(record.Tunnel) string { return "the tunnel" },
		Work:     func(record.Tunnel) string { return "work" },
		Find:     lease.Tunnel,
		Lost:     func(found record.Tunnel) string { return "taken by " + found.Session },
		TakeDown: does("take down"),
		LetGo:    does("let go"),
		EndLimit: time.Minute,
	}
	t.Cleanup(w.kind.Registry.Close)
	format := store.Format{Kind: record.TunnelKind, Version: record.TunnelVersion}
	if err := session.Write(dirs, w.saved.Record.Session, format, w.saved); err != nil {
		t.Fatal(err)
	}
	return w
}

// kept says whether this computer still has the session's document.
func (w *world) kept() bool {
	_, err := os.Stat(filepath.Join(w.kind.Dirs.Session(w.saved.Record.Session), session.File))
	return err == nil
}

// takeUp takes the session up as a call with the world's client does, and waits for what that leaves behind.
func (w *world) takeUp(t *testing.T) error {
	t.Helper()
	v := &session.Visitor{Client: w.client}
	err := w.kind.TakeUp(t.Context(), rpc.Caller{}, v, w.saved, func(c *kube.Client) Live { return w.revive(c) })
	synctest.Wait()
	return err
}

// revive is the session as a live one, which notes what it is asked to do.
func (w *world) revive(c *kube.Client) *live {
	return &live{world: w, Session: Session[record.Tunnel]{
		Session: session.New(w.kind.Logger, c, w.saved.Record.Session),
		Kind:    w.kind,
		Record:  func() record.Tunnel { return w.saved.Record },
		Lead:    func(c *kube.Client) error { w.saved.LeadBy(c); return nil },
		Gone:    func(context.Context) string { return "its Lease is gone" },
		Changed: func(context.Context) string { return "" },
	}}
}

type live struct {
	Session[record.Tunnel]
	world *world
}

func (l *live) note(what string)                   { l.world.did = append(l.world.did, what) }
func (l *live) View() rpc.Session                  { return rpc.Session{ID: l.ID()} }
func (l *live) Status(context.Context) rpc.Session { return l.View() }
func (l *live) Start()                             { l.note("start") }
func (l *live) Serve()                             { l.note("serve"); l.Go("the heartbeat", func() { l.Beat(l) }) }

// Quit is Live's: the session's context still lives then.
func (l *live) Quit() {
	if l.Context().Err() == nil {
		l.note("quit")
	}
}

// in runs a test in a bubble with a world.
func in(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

// A saved session is served where it lives on, let go of where it is over, and removed where its start was cut short,
// unless a command is at work on it. Where nothing leads to its cluster, or the cluster refuses, it stays on this
// computer: the next call tries again.
func TestTakeUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*testing.T, *world)
		did    []string
		kept   bool
		busy   bool
		fails  bool
		ended  string
	}{
		"it lives on": {did: []string{"start", "serve"}, kept: true},
		"it is over": {
			change: func(_ *testing.T, w *world) {
				kubetest.Delete[coordinationv1.Lease](w.cluster, "shop", w.saved.Record.Lease())
			},
			did:   []string{"start", "quit", "let go"},
			ended: "its Lease is gone",
		},
		"it never came up": {
			change: func(_ *testing.T, w *world) { w.saved.Up = false },
			did:    []string{"take down"},
		},
		"it never came up, and stays in the cluster": {
			change: func(_ *testing.T, w *world) { w.saved.Up, w.fails = false, errors.New("forbidden") },
			did:    []string{"take down"},
			kept:   true,
		},
		"it never came up yet": {
			change: func(t *testing.T, w *world) {
				w.saved.Up = false
				if _, err := w.kind.Registry.Reserve("work"); err != nil {
					t.Fatal(err)
				}
			},
			kept:  true,
			busy:  true,
			fails: true,
		},
		"nothing leads to its cluster": {
			change: func(t *testing.T, w *world) {
				w.client = kubetest.New([]string{"shop"}).Client(t, "ada", "shop")
				w.saved.Kubeconfig = filepath.Join(t.TempDir(), "gone")
			},
			kept:  true,
			fails: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(t *testing.T, w *world) {
				if tt.change != nil {
					tt.change(t, w)
				}
				if err := w.takeUp(t); (err != nil) != tt.fails {
					t.Error(err)
				}
				if diff := cmp.Diff(tt.did, w.did); diff != "" || w.kept() != tt.kept {
					t.Errorf("kept %v, done (-want +got):\n%s", w.kept(), diff)
				}
				if serves := slices.Contains(tt.did, "serve"); w.kind.Registry.Serves("0a1b2c3d") != serves {
					t.Errorf("served: %v, want %v", !serves, serves)
				}
				if _, err := w.kind.Registry.Reserve("work"); (err != nil) != tt.busy {
					t.Errorf("its work afterwards: %v", err)
				}
				w.ended(t, tt.ended)
			})
		})
	}
}

// ended tests why the session's developer is told that it is over; "" means that they are not.
func (w *world) ended(t *testing.T, why string) {
	t.Helper()
	all, err := w.kind.Registry.History()
	var got []string
	for _, e := range all {
		got = append(got, e.What+": "+e.Why)
	}
	var want []string
	if why != "" {
		want = []string{"the tunnel: " + why}
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// A session that several find over is dropped once.
func TestDropIsOnce(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, w *world) {
		l := w.revive(w.client)
		w.kind.Registry.Add(l)
		for _, why := range []string{"first", "second"} {
			w.kind.Drop(l, w.saved.Record, why)
		}
		w.ended(t, "first")
		if diff := cmp.Diff([]string{"quit", "let go"}, w.did); diff != "" || w.kept() {
			t.Error(w.kept(), diff)
		}
	})
}

// The heartbeat renews the Lease until the session is over; then it drops the session, and ends.
func TestBeat(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, w *world) {
		if err := w.takeUp(t); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		r, there, err := lease.Tunnel(t.Context(), w.client, w.saved.Record)
		if silent := r.Silent(time.Now()); !there || err != nil || silent > 2*record.Beat {
			t.Errorf("silent for %s, %v", silent, err)
		}
		kubetest.Delete[coordinationv1.Lease](w.cluster, "shop", r.Lease())
		time.Sleep(2 * record.Beat)
		w.ended(t, "its Lease is gone")
		if w.kept() || w.kind.Registry.Serves(r.Session) {
			t.Error("it is here after its end")
		}
	})
}

// A look at the cluster ends a session only where the session's own cluster says so for sure.
func TestLookFor(t *testing.T) {
	t.Parallel()
	edit := func(w *world, change func(*coordinationv1.Lease)) {
		kubetest.Edit(w.cluster, "shop", w.saved.Record.Lease(), change)
	}
	rewrite := func(old, now string) func(*testing.T, *world, *live) {
		return func(_ *testing.T, w *world, _ *live) {
			edit(w, func(l *coordinationv1.Lease) {
				text := l.Annotations[contract.AnnotationRecord]
				l.Annotations[contract.AnnotationRecord] = strings.Replace(text, old, now, 1)
			})
		}
	}
	remove := func(_ *testing.T, w *world, _ *live) {
		kubetest.Delete[coordinationv1.Lease](w.cluster, "shop", w.saved.Record.Lease())
	}
	for name, tt := range map[string]struct {
		change  func(*testing.T, *world, *live)
		over    string
		renewed bool
		notes   int
	}{
		"all is well": {renewed: true},
		"its kind says so": {
			change: func(_ *testing.T, _ *world, l *live) {
				l.Changed = func(context.Context) string { return "changed" }
			},
			over:    "changed",
			renewed: true,
		},
		"its Lease is gone": {change: remove, over: "its Lease is gone"},
		"it is leaving": {change: func(t *testing.T, w *world, l *live) {
			remove(t, w, l)
			l.SetLeaving(true)
		}},
		"another session has its Lease": {
			change: func(t *testing.T, w *world, l *live) {
				remove(t, w, l)
				other := w.saved.Record
				other.Session = "11111111"
				if _, err := lease.Create(t.Context(), w.client, other); err != nil {
					t.Fatal(err)
				}
			},
			over: "taken by 11111111",
		},
		"another kind has its Lease": {
			change: rewrite(`"kind":"tunnel"`, `"kind":"route"`),
			over:   "its Lease %s is of another kind of session",
		},
		"its Lease can't be read":       {change: rewrite(`"port":20001`, `"port":-1`)},
		"a newer nhctl wrote its Lease": {change: rewrite(`"version":1`, `"version":9`)},
		"the cluster does not answer": {change: func(_ *testing.T, w *world, _ *live) {
			w.cluster.Inject(func(kubetest.Request) kubetest.Fault { return kubetest.Refuse })
		}},
		"another cluster has come to its address": {
			change: func(t *testing.T, _ *world, l *live) {
				l.SetClient(kubetest.New([]string{"shop"}).Client(t, "ada", "shop"))
			},
			notes: 1,
		},
		"no one says where its Lease is not": {change: func(t *testing.T, w *world, l *live) {
			remove(t, w, l)
			w.cluster.Inject(func(q kubetest.Request) kubetest.Fault {
				if q.Resource == "namespaces" {
					return kubetest.Refuse
				}
				return kubetest.None
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(t *testing.T, w *world) {
				l := w.revive(w.client)
				time.Sleep(record.Beat)
				if tt.change != nil {
					tt.change(t, w, l)
				}
				want := strings.Replace(tt.over, "%s", w.saved.Record.Lease(), 1)
				if over := l.LookFor(t.Context()); over != want || len(l.Notices()) != tt.notes {
					t.Errorf("over: %q, want %q; notices %q", over, want, l.Notices())
				}
				found := kubetest.Get[coordinationv1.Lease](w.cluster, "shop", w.saved.Record.Lease())
				begun := metav1.NewMicroTime(w.saved.Record.Since)
				if renewed := found != nil && begun.Before(found.Spec.RenewTime); renewed != tt.renewed {
					t.Errorf("renewed: %v", renewed)
				}
			})
		})
	}
}

// The credentials of a newer call are taken; where they lead by another address, the next daemon is to find it too.
func TestRenew(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, w *world) {
		l := w.revive(w.client)
		before := w.saved
		same := w.cluster.Client(t, "ada", "shop")
		if l.Renew(same); l.Client() != same || !cmp.Equal(before.Origin, w.saved.Origin) {
			t.Errorf("the same address: taken %v, kept as %+v", l.Client() == same, w.saved.Origin)
		}
		moved := w.cluster.Client(t, "ada", "shop")
		moved.Identity = "moved"
		l.Renew(moved)
		want := session.Origin{Kubeconfig: moved.Files[0], Context: "test"}
		if w.saved.Origin != want || w.saved.Record.Place.Server != "moved" || l.Client() != moved {
			t.Errorf("kept as %+v at %+v", w.saved.Origin, w.saved.Record.Place)
		}
	})
}
