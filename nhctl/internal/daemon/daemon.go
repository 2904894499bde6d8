package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"
	"github.com/gofrs/flock"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// idle is how long a daemon stays without sessions and clients.
const idle = 10 * time.Minute

// maxLog is the size in bytes from which a new daemon begins a new log.
const maxLog = 8 << 20

// Daemon serves one user.
type Daemon struct {
	paths   Paths
	logger  *slog.Logger
	started time.Time
	stop    context.CancelFunc
	context context.Context

	mu       sync.Mutex
	sessions map[string]*session
	busy     map[string]bool // workloads that a call is entering or leaving
	clients  int
	quiet    time.Time // since when there is neither session nor client

	pastMu sync.Mutex // the history's file
}

// ErrRunning says that another daemon of this user runs.
var ErrRunning = errors.New("a daemon runs already")

// Serve runs the daemon until ctx ends, a client stops it, or nobody needs it.
func Serve(ctx context.Context, paths Paths) error {
	lock, err := acquire(ctx, paths)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	// Many small objects come and go with an index: a tighter collector keeps the daemon small.
	debug.SetGCPercent(50)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d := &Daemon{paths: paths, logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), started: time.Now(), stop: stop, context: ctx,
		sessions: map[string]*session{}, busy: map[string]bool{}, quiet: time.Now()}
	_ = os.Remove(paths.Socket) // of a daemon that died; the lock says that it is not alive
	listener, err := net.Listen("unix", paths.Socket)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := os.Chmod(paths.Socket, 0o600); err != nil {
		return err
	}
	d.logger.Info("daemon is up", "pid", os.Getpid(), "version", buildinfo.Version, "socket", paths.Socket)
	d.prune()
	go d.idle(ctx)
	var connections sync.WaitGroup
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		conn, err := listener.Accept()
		if err != nil {
			break
		}
		if err := private.Peer(conn); err != nil {
			d.logger.Warn("refused a connection", "error", err)
			conn.Close()
			continue
		}
		connections.Go(func() { d.serve(ctx, conn) })
	}
	d.logger.Info("daemon ends")
	connections.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sessions {
		s.stop()
	}
	return nil
}

// acquire takes the lock that the user's one daemon holds. A daemon that answers keeps it; one that ends is waited for.
func acquire(ctx context.Context, paths Paths) (*flock.Flock, error) {
	lock := flock.New(paths.lock())
	for limit := time.Now().Add(startLimit / 2); ; {
		ok, err := lock.TryLock()
		if ok {
			return lock, nil
		}
		if answers(paths) || err != nil || time.Now().After(limit) {
			return nil, errors.Join(ErrRunning, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// answers says whether a daemon listens.
func answers(paths Paths) bool {
	conn, err := net.DialTimeout("unix", paths.Socket, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// prune removes what is kept of sessions that ended, where it is too old or too much.
func (d *Daemon) prune() {
	left, _ := filepath.Glob(filepath.Join(d.paths.State, borrowed))
	for _, dir := range left { // of a daemon that died
		_ = os.RemoveAll(dir)
	}
	live := func(id string) bool {
		_, err := os.Stat(d.paths.session(id))
		return err == nil
	}
	if err := kept.Prune(d.paths.allKept(), live, time.Now()); err != nil {
		d.logger.Warn("prune the versions of ended sessions", "error", err)
	}
}

// idle stops a daemon that nobody needs.
func (d *Daemon) idle(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		d.mu.Lock()
		if d.clients+len(d.sessions)+len(d.busy) > 0 {
			d.quiet = time.Now()
		}
		over := time.Since(d.quiet) > idle
		d.mu.Unlock()
		if over {
			d.stop()
			return
		}
	}
}

func (d *Daemon) count(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients += n
	d.quiet = time.Now()
}

// serve answers one client.
func (d *Daemon) serve(ctx context.Context, conn net.Conn) {
	d.count(1)
	defer d.count(-1)
	defer conn.Close()
	// A client that goes away, or asks to, cancels its calls; they undo what they had begun.
	calls, cancel := context.WithCancel(ctx)
	defer cancel()
	line, rest := firstLine(ctx, conn)
	if m, ok := attaches(line); ok {
		d.attach(calls, wire.Peeked{Conn: conn, Reader: rest}, m)
		return
	}
	c := &client{daemon: d, cancel: cancel}
	server := jrpc2.NewServer(c.methods(), &jrpc2.ServerOptions{AllowPush: true, Concurrency: 64,
		NewContext: func() context.Context { return calls }})
	server.Start(channel.Line(io.MultiReader(bytes.NewReader(line), rest), conn))
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.calls.Wait()
		select { // a client that got its answer closes the connection
		case <-ended:
		case <-time.After(lastWords):
			server.Stop()
		}
	})
	defer stop()
	_ = server.Wait()
	close(ended)
	cancel()
	c.calls.Wait()
}

// lastWords is how long a daemon that ends waits for its clients to have read their answers.
const lastWords = time.Second

// client is one connection.
type client struct {
	daemon *Daemon
	calls  sync.WaitGroup
	cancel context.CancelFunc
}

// methods maps the names of calls to what they do.
func (c *client) methods() handler.Map {
	d := c.daemon
	methods := handler.Map{
		rpc.MethodStart:      call(c, d.start),
		rpc.MethodEnd:        call(c, d.end),
		rpc.MethodList:       call(c, d.list),
		rpc.MethodStatus:     call(c, d.status),
		rpc.MethodBuild:      call(c, d.build),
		rpc.MethodRun:        call(c, d.run),
		rpc.MethodDebug:      call(c, d.debug),
		rpc.MethodRestart:    call(c, d.restart),
		rpc.MethodStop:       call(c, d.stopCommand),
		rpc.MethodLogs:       call(c, d.logs),
		rpc.MethodForward:    call(c, d.forward),
		rpc.MethodVolumes:    call(c, d.volumes),
		rpc.MethodClean:      call(c, d.clean),
		rpc.MethodDaemon:     call(c, func(context.Context, struct{}) (rpc.Daemon, error) { return d.describe(), nil }),
		rpc.MethodDaemonStop: call(c, func(context.Context, struct{}) (struct{}, error) { go d.stop(); return struct{}{}, nil }),
		rpc.MethodCancel:     call(c, func(context.Context, struct{}) (struct{}, error) { c.cancel(); return struct{}{}, nil }),
	}
	maps.Copy(methods, c.syncMethods())
	return methods
}

// callError is the JSON-RPC code of every problem; the problem itself is in the error's data.
const callError = -32000

// call makes a handler of a function: errors become problems, and a panic ends the call, not the daemon.
func call[P, R any](c *client, do func(context.Context, P) (R, error)) jrpc2.Handler {
	return func(ctx context.Context, request *jrpc2.Request) (result any, err error) {
		d := c.daemon
		c.calls.Add(1)
		defer c.calls.Done()
		defer func() {
			if r := recover(); r != nil {
				d.logger.Error("panic", "method", request.Method(), "panic", r, "stack", string(debug.Stack()))
				err = wireError(problem.New(problem.Internal, "the daemon failed in %s: %v", request.Method(), r).WithHint("its log has more: %s", d.paths.Log()))
			}
		}()
		var params P
		if request.HasParams() {
			if err := request.UnmarshalParams(&params); err != nil {
				return nil, wireError(problem.New(problem.Usage, "parameters of %s: %w", request.Method(), err))
			}
		}
		r, err := do(ctx, params)
		if err != nil {
			return nil, wireError(problem.From(err))
		}
		return r, nil
	}
}

func wireError(p *problem.Error) error {
	return (&jrpc2.Error{Code: callError, Message: p.Message}).WithData(p)
}

func (d *Daemon) describe() rpc.Daemon {
	info := rpc.Daemon{PID: os.Getpid(), Version: buildinfo.Version, Started: d.started, Socket: d.paths.Socket, Log: d.paths.Log(), Sessions: []rpc.Session{}}
	d.mu.Lock()
	live := make([]*session, 0, len(d.sessions))
	for _, s := range d.sessions {
		live = append(live, s)
	}
	d.mu.Unlock()
	for _, s := range live {
		view := recordView(s.record())
		view.Live, view.Mine = true, true
		info.Sessions = append(info.Sessions, view)
	}
	return info
}
