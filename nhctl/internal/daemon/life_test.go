package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
)

// calls is a kind that has calls alone.
type calls struct {
	Kind
	methods dispatch.Methods
}

func (c calls) Methods() dispatch.Methods   { return c.methods }
func (c calls) Consoles() dispatch.Consoles { return nil }

// kindOf is a kind with calls by their names.
func kindOf(methods dispatch.Methods) NewKind {
	return func(userdirs.Dirs, *slog.Logger, *registry.Registry) Kind { return calls{methods: methods} }
}

// call is a call without parameters.
func call(do func(context.Context) error) dispatch.Method {
	return dispatch.Call(func(ctx context.Context, _ struct{}) (struct{}, error) { return struct{}{}, do(ctx) })
}

// serving runs a daemon until the test ends, and returns how it has ended, once a client can connect.
func serving(t *testing.T, dirs userdirs.Dirs, kinds ...NewKind) (ended func() error) {
	t.Helper()
	done := make(chan struct{})
	var failed error
	go func() { defer close(done); failed = Serve(t.Context(), dirs, kinds...) }()
	ended = func() error { <-done; return failed }
	t.Cleanup(func() { _ = ended() })
	for {
		c, err := client.ConnectRunning(dirs)
		if err == nil {
			c.Close()
			return ended
		}
		select {
		case <-done:
			t.Fatal(failed)
		default:
		}
	}
}

// connect connects to a daemon that serves.
func connect(t *testing.T, dirs userdirs.Dirs) *client.Client {
	t.Helper()
	c, err := client.ConnectRunning(dirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// stop stops the daemon.
func stop(t *testing.T, c *client.Client) {
	t.Helper()
	if err := c.Call(t.Context(), rpc.MethodDaemonStop, nil, nil); err != nil {
		t.Error(err)
	}
	c.Close()
}

// A daemon that was killed leaves its lock's file and its socket: the next one serves in its place, and removes the
// directories that only the dead one needed. It never takes the socket from one that lives, and leaves none behind.
func TestAfterAKill(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	dead, err := net.Listen("unix", dirs.Socket)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	borrowed := filepath.Join(dirs.State, strings.ReplaceAll(userdirs.Borrowed, "*", "1"))
	if err := errors.Join(os.WriteFile(dirs.Lock(), nil, 0o600), os.MkdirAll(borrowed, 0o700)); err != nil {
		t.Fatal(err)
	}
	ended := serving(t, dirs)
	if err := Serve(t.Context(), dirs); !errors.Is(err, ErrRunning) {
		t.Errorf("a second one: %v", err)
	}
	c := connect(t, dirs)
	if err := c.Call(t.Context(), rpc.MethodDaemon, nil, nil); err != nil { // it has begun to serve
		t.Error(err)
	}
	if _, err := os.Stat(borrowed); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of the dead one is left: %v", err)
	}
	stop(t, c)
	if err := ended(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dirs.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its socket is left: %v", err)
	}
}

// A daemon that is stopped while calls run has them undone first, and each caller gets an answer. Only then another
// daemon can have the lock.
func TestStopWhileCallsRun(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	begun, undone := make(chan struct{}), make(chan struct{})
	var locked error
	ended := serving(t, dirs, kindOf(dispatch.Methods{"work": call(func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		early, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
		defer cancel()
		_, locked = acquire(early, dirs)
		close(undone)
		return ctx.Err()
	})}))
	answer := make(chan error, 1)
	c := connect(t, dirs)
	go func() { answer <- c.Call(t.Context(), "work", nil, nil); c.Close() }()
	<-begun
	stop(t, connect(t, dirs))
	if err := ended(); err != nil {
		t.Error(err)
	}
	select {
	case <-undone:
	default:
		t.Error("it ended before the call was undone")
	}
	if err := <-answer; problem.From(err).Code != problem.Interrupted {
		t.Errorf("the call: %v", err)
	}
	if locked == nil {
		t.Error("another one had the lock in the meantime")
	}
}

// A call that panics is a problem of that call, and a problem comes to the client whole: its question, its remedies and
// its hint. Other calls of other connections go on.
func TestProblemsOfCalls(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	question := problem.YesTo("trust:1", "Do you trust it?")
	whole := &problem.Error{
		Code:     problem.Untrusted,
		Message:  "the config asks for more",
		Hint:     "read it",
		Question: &question,
		Remedies: []problem.Remedy{{Title: "again", Method: "dev.end", Params: json.RawMessage(`{"force":true}`)}},
		Exit:     7,
	}
	goOn, begun := make(chan struct{}), make(chan struct{})
	serving(t, dirs,
		kindOf(dispatch.Methods{
			"panics": call(func(context.Context) error { panic("no such luck") }),
			"asks":   call(func(context.Context) error { return whole }),
		}),
		kindOf(dispatch.Methods{"lasts": call(func(context.Context) error { close(begun); <-goOn; return nil })}))
	lasts := make(chan error, 1)
	other, c := connect(t, dirs), connect(t, dirs)
	go func() { lasts <- other.Call(t.Context(), "lasts", nil, nil) }()
	<-begun
	p := problem.From(c.Call(t.Context(), "panics", nil, nil))
	if p.Code != problem.Internal || !strings.Contains(p.Message, "no such luck") ||
		!strings.Contains(p.Hint, dirs.Log()) {
		t.Errorf("%v (%s)", p, p.Hint)
	}
	got := problem.From(c.Call(t.Context(), "asks", nil, nil))
	got.Cause = nil
	if diff := cmp.Diff(whole, got); diff != "" {
		t.Error(diff)
	}
	close(goOn)
	if err := <-lasts; err != nil {
		t.Errorf("another call: %v", err)
	}
}

// alive is a session.
type alive struct{ session.Live }

func (alive) OnChange(func()) {}

// A daemon ends once it had neither sessions, nor calls at work on one, nor clients for a while, and never before.
func TestIdle(t *testing.T) {
	t.Parallel()
	for name, needs := range map[string]func(*Daemon) (release func()){
		"no one": func(*Daemon) func() { return func() {} },
		"a session": func(d *Daemon) func() {
			s := alive{}
			d.registry.Add(s)
			return func() { d.registry.Remove(s) }
		},
		"a call at work": func(d *Daemon) func() {
			release, err := d.registry.Reserve("web")
			if err != nil {
				t.Error(err)
			}
			return release
		},
		"a client": func(d *Daemon) func() { d.count(1); return func() { d.count(-1) } },
		"clients between two looks": func(d *Daemon) func() {
			come := func() { d.count(1); d.count(-1) }
			over := make(chan struct{})
			go func() {
				for tick := time.NewTicker(idle - 30*time.Second); ; {
					select {
					case <-tick.C:
						come()
					case <-over:
						return
					}
				}
			}()
			return func() { close(over); come() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dirs := userdirstest.New(t)
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				d := newDaemon(dirs, rpc.Build{}, slog.New(slog.NewTextHandler(io.Discard, nil)), stop, nil)
				release := needs(d)
				go d.idle(ctx)
				if name != "no one" {
					select {
					case <-ctx.Done():
						t.Fatal("it ended although it was needed")
					case <-time.After(24 * time.Hour):
					}
				}
				release()
				released := time.Now()
				<-ctx.Done()
				if took := time.Since(released); took < idle-time.Minute || took > idle+2*time.Minute {
					t.Errorf("it ended %s after it was needed, want about %s", took, idle)
				}
			})
		})
	}
}
