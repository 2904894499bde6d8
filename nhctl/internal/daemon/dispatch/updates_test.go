package dispatch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// lasting is a server whose subscribe sends so many updates, and then lasts.
func lasting(count int) *Server {
	subscribe := func(ctx context.Context, p rpc.Subscribe) (struct{}, error) {
		push := Updates(ctx)
		for range count {
			if err := push(rpc.Update{Topic: p.Topic, Snapshot: true}); err != nil {
				return struct{}{}, err
			}
		}
		<-ctx.Done()
		return struct{}{}, ctx.Err()
	}
	return &Server{
		Methods: Methods{rpc.MethodSubscribe: Call(subscribe)},
		Lasting: map[string]bool{rpc.MethodSubscribe: true},
	}
}

// Updates name their subscription; it ends by its id alone, and nothing is at work in it.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	s := lasting(1)
	c := connect(t, s)
	for id, topic := range map[string]string{"1": "clusters", "2": "sessions"} {
		c.say(`{"jsonrpc":"2.0","id":` + id + `,"method":"subscribe","params":{"topic":"` + topic + `","caller":{}}}`)
		text, err := c.from.ReadString('\n')
		if err != nil || !strings.Contains(text, `"call":"`+id+`","topic":"`+topic+`","snapshot":true`) {
			t.Errorf("%s, %v", text, err)
		}
	}
	if n := s.Working(); n != 0 {
		t.Errorf("%d calls are at work", n)
	}
	c.say(`{"jsonrpc":"2.0","id":3,"method":"cancel","params":{"id":"1"}}`)
	ended := map[string]bool{}
	for range 2 {
		ended[string(c.hear().ID)] = true
	}
	if !ended["1"] || !ended["3"] {
		t.Errorf("ended: %v", ended)
	}
	c.say(`{"jsonrpc":"2.0","id":4,"method":"cancel","params":{"id":"2"}}`)
	for range 2 {
		if l := c.hear(); string(l.ID) == "2" && (l.Error == nil || l.Error.Data.Code != problem.Interrupted) {
			t.Errorf("%+v", l)
		}
	}
}

// A client that does not read holds up neither other clients nor, for long, the daemon's end.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lasting(10)
		s.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
		ctx, stop := context.WithCancel(t.Context())
		here, there := net.Pipe() // which keeps nothing: each write waits for its reader
		ended := make(chan struct{})
		go func() { defer close(ended); s.Serve(ctx, there) }()
		call := `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"topic":"clusters"}}`
		_, err := io.WriteString(here, call+"\n")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		select {
		case <-ended:
			t.Error("the connection ended by itself")
		default:
		}
		stop()
		begun := time.Now()
		<-ended
		if waited := time.Since(begun); waited > 5*lastWords {
			t.Errorf("the end took %v", waited)
		}
		here.Close()
	})
}

// Clients that go on calling while the daemon ends don't break it.
func TestClientsThatKeepCalling(t *testing.T) {
	t.Parallel()
	fine := func(context.Context, struct{}) (string, error) { return "fine", nil }
	s := &Server{Methods: Methods{"good": Call(fine)}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	ctx, stop := context.WithCancel(t.Context())
	var clients, served sync.WaitGroup
	for range 50 {
		here, there := net.Pipe()
		served.Go(func() { s.Serve(ctx, there) })
		clients.Go(func() { _, _ = io.Copy(io.Discard, here) })
		clients.Go(func() {
			defer here.Close()
			for {
				if _, err := io.WriteString(here, `{"jsonrpc":"2.0","id":1,"method":"good"}`+"\n"); err != nil {
					return
				}
			}
		})
	}
	stop()
	served.Wait()
	clients.Wait()
}

// Without a client there is no one to tell.
func TestUpdatesOfNoCall(t *testing.T) {
	t.Parallel()
	if err := Updates(t.Context())(rpc.Update{}); err == nil {
		t.Error("it went somewhere")
	}
	want := errors.New("gone")
	ctx := WithUpdates(t.Context(), func(rpc.Update) error { return want })
	if err := Updates(ctx)(rpc.Update{}); !errors.Is(err, want) {
		t.Error(err)
	}
}
