package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"
	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// daemons are served one after the other, each by what its subscribe does after a first update.
type daemons struct {
	t *testing.T
	// subscribe says how the daemon of that number goes on.
	subscribe func(ctx context.Context, number int, conn net.Conn) error
	connected int
}

// connect reaches the next daemon.
func (d *daemons) connect(context.Context) (*Client, error) {
	here, there := net.Pipe()
	d.connected++
	number := d.connected
	subscribe := func(ctx context.Context, p rpc.Subscribe) error {
		items := map[string]rpc.Session{fmt.Sprint(number): {ID: fmt.Sprint(number)}}
		server := jrpc2.ServerFromContext(ctx)
		if err := server.Notify(ctx, rpc.MethodUpdate,
			rpc.Update{Topic: p.Topic, Snapshot: true, Sessions: items}); err != nil {
			return err
		}
		return d.subscribe(ctx, number, there)
	}
	methods := handler.Map{}
	if d.subscribe != nil {
		methods[rpc.MethodSubscribe] = handler.New(subscribe)
	}
	server := jrpc2.NewServer(methods, &jrpc2.ServerOptions{AllowPush: true})
	server.Start(channel.Line(there, there))
	d.t.Cleanup(func() { there.Close() })
	return newClient(here, func(event.Event) {}), nil
}

func failure(code problem.Code) error {
	return (&jrpc2.Error{Code: rpc.ErrorCode}).WithData(problem.New(code, "it ends"))
}

// A subscription goes on with the next daemon when one is replaced, or dies, with a new snapshot.
func TestFollowOverDaemons(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := &daemons{t: t, subscribe: func(_ context.Context, number int, conn net.Conn) error {
		switch number {
		case 1: // replaced
			return failure(problem.Interrupted)
		case 2: // killed
			conn.Close()
		}
		<-ctx.Done()
		return failure(problem.Interrupted)
	}}
	items, seen := map[string]rpc.Session{}, []string{}
	err := Follow(ctx, d.connect, rpc.Subscribe{Topic: rpc.TopicSessions}, func(u rpc.Update) {
		rpc.Fold(items, u, u.Sessions)
		for id := range items {
			seen = append(seen, id)
		}
		if len(seen) == 3 {
			cancel()
		}
	})
	if diff := cmp.Diff([]string{"1", "2", "3"}, seen); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// What a daemon refuses is no reason to ask again.
func TestFollowRefused(t *testing.T) {
	t.Parallel()
	refused := func(context.Context, int, net.Conn) error { return failure(problem.Usage) }
	for name, tt := range map[string]struct {
		subscribe func(context.Context, int, net.Conn) error
		want      problem.Code
	}{
		"refused":                 {refused, problem.Usage},
		"a daemon that can't yet": {nil, problem.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &daemons{t: t, subscribe: tt.subscribe}
			err := Follow(t.Context(), d.connect, rpc.Subscribe{}, func(rpc.Update) {})
			if p := problem.From(err); p.Code != tt.want || d.connected != 1 {
				t.Errorf("%v, after %d connections", err, d.connected)
			}
		})
	}
}

// Without a daemon there is nothing to follow.
func TestFollowNothing(t *testing.T) {
	t.Parallel()
	want := errors.New("none")
	connect := func(context.Context) (*Client, error) { return nil, want }
	if err := Follow(t.Context(), connect, rpc.Subscribe{}, func(rpc.Update) {}); !errors.Is(err, want) {
		t.Error(err)
	}
}
