package sessiontest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/routesession"
	"github.com/nhctl/nhctl/nhctl/internal/tunnelsession"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// limit limits every wait: far more than it takes, also on a machine that is busy.
const limit = 2 * time.Minute

// Computer is a developer's, with a daemon.
type Computer struct {
	Dirs userdirs.Dirs
	t    testing.TB
	base string
	env  map[string]string
	stop func()
	log  log

	mu      sync.Mutex
	notices []string
}

// log is the daemon's.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// NewComputer returns a computer where someone has logged in, with a daemon.
func NewComputer(t testing.TB, login string) *Computer {
	t.Helper()
	base := temporary(t)
	c := &Computer{t: t, base: base, stop: func() {}, env: map[string]string{
		"HOME":           filepath.Join(base, "home"),
		"XDG_STATE_HOME": filepath.Join(base, "state"),
		"USER":           login,
	}}
	if err := os.MkdirAll(c.env["HOME"], 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.Dirs, err = userdirs.New(c.env); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.StopDaemon()
		if t.Failed() {
			t.Logf("the daemon of %s said:\n%s", login, c.log.String())
		}
	})
	c.StartDaemon()
	return c
}

// StartDaemon starts a daemon, and returns once it listens.
func (c *Computer) StartDaemon() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	logger := slog.New(slog.NewTextHandler(&c.log, nil))
	devMode := func(dirs userdirs.Dirs, _ *slog.Logger, r *registry.Registry) daemon.Kind {
		return devsession.New(dirs, logger, r)
	}
	tunnels := func(dirs userdirs.Dirs, _ *slog.Logger, r *registry.Registry) daemon.Kind {
		return tunnelsession.New(dirs, logger, r)
	}
	routes := func(dirs userdirs.Dirs, _ *slog.Logger, r *registry.Registry) daemon.Kind {
		return routesession.New(dirs, logger, r)
	}
	go func() { ended <- daemon.Serve(ctx, c.Dirs, devMode, tunnels, routes) }()
	c.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			c.t.Errorf("the daemon: %v", err)
		}
		c.stop = func() {}
	}
	Until(c.t, "the daemon listens", func() error {
		if !private.Listens(c.Dirs.Socket) {
			return os.ErrNotExist
		}
		return nil
	})
}

// StopDaemon stops the daemon, and returns once it has gone. The sessions stay in the cluster.
func (c *Computer) StopDaemon() { c.stop() }

// AwaitDaemonsEnd returns once the daemon has gone by itself.
func (c *Computer) AwaitDaemonsEnd() {
	c.t.Helper()
	Until(c.t, "the daemon has gone", func() error {
		if private.Listens(c.Dirs.Socket) {
			return os.ErrExist
		}
		return nil
	})
	c.StopDaemon()
}

// Heard says whether a call has brought a notice with a text.
func (c *Computer) Heard(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.notices, func(n string) bool { return strings.Contains(n, text) })
}

func (c *Computer) hear(e event.Event) {
	if e.Type == event.Notice {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.notices = append(c.notices, e.Message)
	}
}

// Call calls the daemon, as a command does.
func (c *Computer) Call(method string, params, result any) error {
	c.t.Helper()
	return c.call(method, params, result, c.hear)
}

// Output is what a call for a command's output brings, line by line.
func (c *Computer) Output(p rpc.Logs) (lines []string) {
	c.t.Helper()
	err := c.call(rpc.MethodLogs, p, nil, func(e event.Event) {
		if e.Log != nil {
			lines = append(lines, e.Log.Text)
		}
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return lines
}

func (c *Computer) call(method string, params, result any, hear func(event.Event)) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	connection, err := client.Connect(ctx, c.Dirs, nil, hear)
	if err != nil {
		return err
	}
	defer connection.Close()
	return connection.Call(ctx, method, params, result)
}

// Until waits for a condition: until check fails no more. What it said last is why the test fails after a while.
func Until(t testing.TB, what string, check func() error) {
	t.Helper()
	const pause = 10 * time.Millisecond
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s: %v", limit, what, err)
		}
	}
}
