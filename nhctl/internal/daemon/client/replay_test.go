package client

import (
	"context"
	"encoding/json"
	"net"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema/recording"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Recordings of real sessions are as the schemas have them, and this client understands every word of the daemon's: the
// answers, the problems, the events and the updates, in their order.
func TestReplay(t *testing.T) {
	t.Parallel()
	recording.Each(t, func(t *testing.T, lines []recording.Line) {
		if err := recording.Check(lines); err != nil {
			t.Error(err)
		}
		replay(t, lines)
	})
}

// heard is what a client learns, in its order: answers and problems, events, updates.
type heard []any

// replay has a client make the calls of a recording, and compares what it learns with what the daemon said.
func replay(t *testing.T, lines []recording.Line) {
	t.Helper()
	here, there := net.Pipe()
	played := make(chan error, 1)
	go func() { played <- recording.Play(there, lines) }()
	var got heard
	c := newClient(here, func(e event.Event) { got = append(got, e) })
	defer c.Close()
	methods := recording.Methods(lines)
	for _, l := range lines {
		if l.Client == nil || l.Client.ID == nil {
			continue
		}
		if l.Client.Method == rpc.MethodSubscribe {
			subscribe(t, c, l.Client.Params, updatesIn(lines), &got)
			continue
		}
		result := reflect.New(reflect.TypeOf(rpcschema.Methods()[l.Client.Method].Result).Elem())
		var params any
		if l.Client.Params != nil {
			params = l.Client.Params
		}
		if err := c.Call(t.Context(), l.Client.Method, params, result.Interface()); err != nil {
			got = append(got, *problem.From(err))
			continue
		}
		got = append(got, result.Elem().Interface())
	}
	if err := <-played; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(said(t, lines, methods), got); diff != "" {
		t.Errorf("the client learns (-said +heard):\n%s", diff)
	}
}

func updatesIn(lines []recording.Line) (n int) {
	for _, l := range lines {
		if l.Daemon != nil && l.Daemon.Method == rpc.MethodUpdate {
			n++
		}
	}
	return n
}

// subscribe follows a topic for so many updates.
func subscribe(t *testing.T, c *Client, params json.RawMessage, updates int, got *heard) {
	t.Helper()
	var p rpc.Subscribe
	read(t, params, &p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := c.Subscribe(ctx, p, func(u rpc.Update) {
		*got = append(*got, u)
		if updates--; updates == 0 {
			cancel()
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// said is what the daemon says to a client in a recording. That a subscription was cancelled is no news.
func said(t *testing.T, lines []recording.Line, methods map[string]string) (all heard) {
	t.Helper()
	for _, l := range lines {
		if l.Daemon == nil {
			continue
		}
		method := methods[string(l.Daemon.ID)]
		switch {
		case l.Daemon.Method == rpc.MethodEvent:
			var e event.Event
			read(t, l.Daemon.Params, &e)
			all = append(all, e)
		case l.Daemon.Method == rpc.MethodUpdate:
			var u rpc.Update
			read(t, l.Daemon.Params, &u)
			all = append(all, u)
		case method == rpc.MethodSubscribe:
		case l.Daemon.Error != nil:
			var p problem.Error
			read(t, l.Daemon.Error.Data, &p)
			all = append(all, p)
		default:
			result := reflect.New(reflect.TypeOf(rpcschema.Methods()[method].Result).Elem())
			read(t, l.Daemon.Result, result.Interface())
			all = append(all, result.Elem().Interface())
		}
	}
	return all
}

func read(t *testing.T, text json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
