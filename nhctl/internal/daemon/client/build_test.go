package client

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// fakeDaemons are the daemons of one user, of whatever build: one at a time.
type fakeDaemons struct {
	t    *testing.T
	dirs userdirs.Dirs

	mu       sync.Mutex
	started  []string // versions, in their order
	stop     func()
	atWork   bool
	replaced int
}

func newFakeDaemons(t *testing.T) *fakeDaemons {
	t.Helper()
	dir, err := os.MkdirTemp("", "nhctl-") // socket paths are short
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeDaemons{t: t, dirs: userdirs.Dirs{State: dir, Socket: filepath.Join(dir, "s")}}
	t.Cleanup(func() {
		if f.stop != nil {
			f.stop()
		}
		os.RemoveAll(dir)
	})
	return f
}

// start starts a daemon of a build.
func (f *fakeDaemons) start(build rpc.Build) error {
	listener, err := net.Listen("unix", f.dirs.Socket)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.started = append(f.started, build.Version)
	f.stop = func() { listener.Close() }
	f.mu.Unlock()
	methods := handler.Map{
		rpc.MethodDaemon: handler.New(func(context.Context) (rpc.Daemon, error) {
			return rpc.Daemon{Version: build.Version}, nil
		}),
		rpc.MethodDaemonStop: handler.New(func(context.Context) error { listener.Close(); return nil }),
	}
	if build.Protocol > 0 {
		methods[rpc.MethodInitialize] = handler.New(func(context.Context, rpc.Initialize) (rpc.Initialized, error) {
			return rpc.Initialized{Build: build}, nil
		})
		methods[rpc.MethodReplace] = handler.New(func(context.Context) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.atWork {
				return (&jrpc2.Error{Code: rpc.ErrorCode}).WithData(problem.New(problem.Held, "at work"))
			}
			f.replaced++
			listener.Close()
			return nil
		})
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			jrpc2.NewServer(methods, nil).Start(channel.Line(conn, conn))
		}
	}()
	return nil
}

// use is one command of a build.
func (f *fakeDaemons) use(build rpc.Build) {
	f.t.Helper()
	c := connector{
		dirs:  f.dirs,
		build: build,
		over:  unheard,
		spawn: func(context.Context) error { return f.start(build) },
	}
	client, err := c.connect(f.t.Context())
	if err != nil {
		f.t.Fatalf("a command of %s: %v", build.Version, err)
	}
	client.Close()
}

func builtAt(version string, seconds int64) rpc.Build {
	return rpc.Build{Protocol: 1, Version: version, Built: time.Unix(seconds, 0)}
}

// An editor's build and a terminal's, used in turn, never replace each other's daemon in turn.
func TestTwoBuildsNeverFlap(t *testing.T) {
	t.Parallel()
	older, newer := builtAt("v0.1.0+old", 1), builtAt("v0.1.0+new", 2)
	f := newFakeDaemons(t)
	for range 5 {
		f.use(older)
		f.use(newer)
	}
	if len(f.started) != 2 || f.started[1] != newer.Version {
		t.Errorf("daemons were started: %v", f.started)
	}
}

// A daemon at work is left alone; one of the same protocol serves in the meantime.
func TestReplacedBetweenCalls(t *testing.T) {
	t.Parallel()
	older, newer := builtAt("v0.1.0+old", 1), builtAt("v0.1.0+new", 2)
	f := newFakeDaemons(t)
	f.use(older)
	f.atWork = true
	f.use(newer)
	if len(f.started) != 1 {
		t.Errorf("daemons were started: %v", f.started)
	}
	f.mu.Lock()
	f.atWork = false
	f.mu.Unlock()
	f.use(newer)
	if len(f.started) != 2 || f.replaced != 1 {
		t.Errorf("daemons were started: %v, %d were replaced", f.started, f.replaced)
	}
}

// A daemon of before there were protocol numbers is replaced.
func TestDaemonWithoutProtocol(t *testing.T) {
	t.Parallel()
	f := newFakeDaemons(t)
	if err := f.start(rpc.Build{Version: "v9.9.9"}); err != nil {
		t.Fatal(err)
	}
	f.use(builtAt("v0.1.0", 1))
	if len(f.started) != 2 {
		t.Errorf("daemons were started: %v", f.started)
	}
}
