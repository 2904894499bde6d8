package cleanup

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
)

// finds is a kind: what it finds in a namespace.
type finds func(namespace string) ([]session.Leftover, error)

func (f finds) Leftovers(_ context.Context, _ rpc.Caller, v *session.Visitor) ([]session.Leftover, error) {
	return f(v.Client.Namespace)
}

// bench is a daemon's calls about leftovers, a cluster, and a caller in namespace shop.
type bench struct {
	*Cleanup
	*kubetest.Cluster
	t      *testing.T
	caller rpc.Caller

	mu      sync.Mutex
	removed []string // keys, in the order of their removal
	told    []string
}

func newBench(t *testing.T, namespaces ...string) *bench {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	b := &bench{
		Cleanup: New(registry.New(userdirstest.New(t), logger)),
		Cluster: kubetest.New(append([]string{"shop"}, namespaces...)),
		t:       t,
	}
	b.caller = rpc.Caller{Kubeconfig: b.Serve(t, "ada", "shop")}
	return b
}

// call calls a method as a client does.
func (b *bench) call(method string, params any) (all []rpc.Leftover, err error) {
	b.t.Helper()
	text, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx := event.WithSink(b.t.Context(), func(e event.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, e.Message)
	})
	answer, err := b.Methods()[method](ctx, text)
	if all, is := answer.([]rpc.Leftover); is {
		return all, err
	}
	return nil, err
}

func (b *bench) remove(others []string, chosen ...string) ([]string, error) {
	b.t.Helper()
	gone, err := b.call(rpc.MethodRemove, rpc.RemoveLeftovers{Caller: b.caller, Keys: chosen, Others: others})
	return keys(gone), err
}

// leftover is something that can be removed.
func (b *bench) leftover(key string, state rpc.LeftoverState) session.Leftover {
	return session.Leftover{
		Leftover: rpc.Leftover{
			Key:     key,
			What:    "the " + key,
			Session: key + "'s",
			Holder:  &rpc.Holder{User: "eve", Local: "eve@desktop"},
			State:   state,
		},
		Remove: func(context.Context) error {
			b.removed = append(b.removed, key)
			return nil
		},
	}
}

func keys(all []rpc.Leftover) (keys []string) {
	for _, l := range all {
		keys = append(keys, l.Namespace+l.Key)
	}
	return keys
}

// The list has the finds of every kind in the caller's namespace; where there are none, it is empty, not null.
func TestLists(t *testing.T) {
	t.Parallel()
	b := newBench(t, "bank")
	all, err := b.call(rpc.MethodLeftovers, rpc.Leftovers{Caller: b.caller})
	if all == nil || len(all) > 0 || err != nil {
		t.Errorf("of nothing: %#v, %v", all, err)
	}
	for _, key := range []string{"dev", "tunnel"} {
		b.Register(finds(func(namespace string) ([]session.Leftover, error) {
			l := b.leftover(key, rpc.LeftoverYours)
			l.Namespace = namespace + "/"
			return []session.Leftover{l}, nil
		}))
	}
	for namespace, want := range map[string][]string{
		"":     {"shop/dev", "shop/tunnel"},
		"bank": {"bank/dev", "bank/tunnel"},
	} {
		caller := b.caller
		caller.Namespace = namespace
		all, err := b.call(rpc.MethodLeftovers, rpc.Leftovers{Caller: caller})
		if diff := cmp.Diff(want, keys(all)); diff != "" || err != nil {
			t.Errorf("of namespace %q: %s, %v", namespace, diff, err)
		}
	}
	if len(b.removed) > 0 {
		t.Errorf("listing removed %q", b.removed)
	}
}

// Where one kind can't look, the call fails: a list that lacks something would pass for all that there is. Nothing is
// removed then, either.
func TestNoHalfList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Register(finds(func(string) ([]session.Leftover, error) {
		return []session.Leftover{b.leftover("dev", rpc.LeftoverYours)}, nil
	}))
	b.Register(finds(func(string) ([]session.Leftover, error) {
		return nil, problem.New(problem.Unreachable, "list the tunnels: no answer")
	}))
	all, err := b.call(rpc.MethodLeftovers, rpc.Leftovers{Caller: b.caller})
	if problem.From(err).Code != problem.Unreachable || len(all) > 0 {
		t.Errorf("%q, %v", keys(all), err)
	}
	if gone, err := b.remove(nil, "dev"); err == nil || len(gone)+len(b.removed) > 0 {
		t.Errorf("removed %q %q, %v", gone, b.removed, err)
	}
}

// The daemon looks again before it removes something. A session that was heard of in the meantime stays, one that has
// gone by itself is no failure, and others than the chosen ones are not touched.
func TestRemoveLooksAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	now := []session.Leftover{
		b.leftover("silent", rpc.LeftoverAbandoned),
		b.leftover("back", rpc.LeftoverAbandoned),
		b.leftover("gone", rpc.LeftoverYours),
		b.leftover("not chosen", rpc.LeftoverYours),
	}
	b.Register(finds(func(string) ([]session.Leftover, error) { return now, nil }))
	listed, err := b.call(rpc.MethodLeftovers, rpc.Leftovers{Caller: b.caller})
	if err != nil || len(listed) != 4 || listed[1].State != rpc.LeftoverAbandoned {
		t.Fatalf("%+v, %v", listed, err)
	}
	now = []session.Leftover{
		b.leftover("silent", rpc.LeftoverAbandoned),
		b.leftover("back", rpc.LeftoverHeld),
		b.leftover("not chosen", rpc.LeftoverYours),
		b.leftover("later", rpc.LeftoverYours),
	}
	gone, err := b.remove(nil, "silent", "back", "gone")
	p := problem.From(err)
	if p.Code != problem.Held || !strings.Contains(p.Message, "the back is held by eve@desktop") ||
		!strings.Contains(p.Hint, "--others back's") {
		t.Errorf("%v (%s)", err, p.Hint)
	}
	if diff := cmp.Diff([][]string{{"silent"}, {"silent"}}, [][]string{gone, b.removed}); diff != "" {
		t.Error(diff)
	}
}

// Someone else's session goes only where it is named, and by its id: to choose what it has left is not enough.
func TestRemoveOthers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		others, want []string
	}{
		"none is named":         {nil, nil},
		"another is named":      {[]string{"second's"}, nil},
		"it is named by a key":  {[]string{"first"}, nil},
		"it is named by its id": {[]string{"second's", "first's"}, []string{"first"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.Register(finds(func(string) ([]session.Leftover, error) {
				first, second := b.leftover("first", rpc.LeftoverHeld), b.leftover("second", rpc.LeftoverHeld)
				return []session.Leftover{first, second}, nil
			}))
			gone, err := b.remove(tt.others, "first")
			if diff := cmp.Diff([][]string{tt.want, tt.want}, [][]string{gone, b.removed}); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (tt.want != nil) {
				t.Error(err)
			}
		})
	}
}

// A leftover that can't be removed hides no other, of its own kind or of another: the rest goes, and the error has each
// reason. The answer is the error alone, so notices name those that went.
func TestFailuresHideNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Register(finds(func(string) ([]session.Leftover, error) {
		stuck, unclear := b.leftover("stuck", rpc.LeftoverYours), b.leftover("unclear", rpc.LeftoverUnclear)
		stuck.Remove = func(context.Context) error { return errors.New("a webhook refuses it") }
		unclear.Remove, unclear.Reason = nil, "its record can't be read"
		return []session.Leftover{stuck, unclear, b.leftover("first", rpc.LeftoverYours)}, nil
	}))
	b.Register(finds(func(string) ([]session.Leftover, error) {
		return []session.Leftover{b.leftover("second", rpc.LeftoverAbandoned)}, nil
	}))
	gone, err := b.remove(nil, "stuck", "unclear", "first", "second")
	want := []string{"first", "second"}
	if diff := cmp.Diff([][]string{want, want}, [][]string{gone, b.removed}); diff != "" {
		t.Error(diff)
	}
	const reasons = "remove the stuck: a webhook refuses it\nthe unclear is left alone: its record can't be read"
	if err == nil || err.Error() != reasons {
		t.Errorf("%v, want %s", err, reasons)
	}
	if diff := cmp.Diff([]string{"removed: the first", "removed: the second"}, b.told); diff != "" {
		t.Error(diff)
	}
}

// The daemon looks in all namespaces, several at a time. One notice names those in which the caller may not look; any
// other failure is one of the whole list.
func TestEverywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t, "bank", "vault", "attic", "cellar", "garden")
	var broken string
	var come atomic.Int32
	full := make(chan struct{})
	b.Register(finds(func(namespace string) ([]session.Leftover, error) {
		if come.Add(1) == atOnce {
			close(full)
		}
		<-full // a namespace that answers late keeps no one from the others
		switch namespace {
		case broken:
			return nil, errors.New("no answer from " + namespace)
		case "vault", "cellar":
			return nil, problem.New(problem.Forbidden, "list leases in %s: forbidden", namespace)
		}
		first, second := b.leftover("/2", rpc.LeftoverYours), b.leftover("/1", rpc.LeftoverHeld)
		first.Namespace, second.Namespace = namespace, namespace
		return []session.Leftover{first, second}, nil
	}))
	everywhere := func() ([]rpc.Leftover, error) {
		return b.call(rpc.MethodLeftovers, rpc.Leftovers{Caller: b.caller, AllNamespaces: true})
	}
	all, err := everywhere()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"attic/2", "attic/1", "bank/2", "bank/1", "garden/2", "garden/1", "shop/2", "shop/1"}
	if diff := cmp.Diff(want, keys(all)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"you may not look into these namespaces: cellar, vault"}, b.told); diff != "" {
		t.Error(diff)
	}
	broken = "garden"
	if all, err := everywhere(); err == nil || len(all) > 0 || !strings.Contains(err.Error(), "no answer from garden") {
		t.Errorf("%q, %v", keys(all), err)
	}
	b.Forbid("ada", "list", "namespaces")
	_, err = everywhere()
	if p := problem.From(err); p.Code != problem.Forbidden || !strings.Contains(p.Hint, "-n NAMESPACE") {
		t.Errorf("who may not list namespaces: %v (%s)", err, p.Hint)
	}
}
