// Package daemon is the life of the process that owns a developer's sessions: the one that holds the user's lock,
// serves their socket, and ends when no one needs it. It knows kinds of sessions only by what they register, and calls
// only by their names.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/cleanup"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/topics"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// idle is how long a daemon stays without sessions and clients.
const idle = 10 * time.Minute

// lockLimit limits how long a daemon waits for one that ends.
const lockLimit = 5 * time.Second

// Kind is a kind of sessions that the daemon serves.
type Kind interface {
	session.Kind
	session.Cleaner
	topics.Kind
	// Methods and Consoles are its calls.
	Methods() dispatch.Methods
	Consoles() dispatch.Consoles
}

// NewKind makes a kind whose sessions are in the daemon's registry.
type NewKind func(userdirs.Dirs, *slog.Logger, *registry.Registry) Kind

// Daemon serves one user.
type Daemon struct {
	dirs     userdirs.Dirs
	build    rpc.Build
	logger   *slog.Logger
	level    *slog.LevelVar // of the logger
	started  time.Time
	registry *registry.Registry
	server   *dispatch.Server
	stop     context.CancelFunc

	mu      sync.Mutex
	clients int
	quiet   time.Time // since when there is neither session nor client
}

// ErrRunning says that another daemon of this user runs.
var ErrRunning = errors.New("a daemon runs already")

// maxLog is the size in megabytes from which the log is renamed, and a new one begun.
const maxLog = 8

// Serve runs the daemon until ctx ends, a client stops it, or no one needs it.
func Serve(ctx context.Context, dirs userdirs.Dirs, kinds ...NewKind) error {
	return serve(ctx, dirs, rpc.ThisBuild(), kinds)
}

func serve(ctx context.Context, dirs userdirs.Dirs, build rpc.Build, kinds []NewKind) error {
	lock, err := acquire(ctx, dirs)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	// Many small objects come and go with an index: a tighter collector keeps the daemon small.
	debug.SetGCPercent(50)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	log := &lumberjack.Logger{Filename: dirs.Log(), MaxSize: maxLog, MaxBackups: 1}
	defer log.Close()
	level := &slog.LevelVar{}
	d := newDaemon(dirs, build, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})), stop, kinds)
	d.level = level
	_ = os.Remove(dirs.Socket) // of a daemon that died; the lock says that it is not alive
	listener, err := net.Listen("unix", dirs.Socket)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := os.Chmod(dirs.Socket, 0o600); err != nil {
		return err
	}
	d.logger.Info("daemon is up", "pid", os.Getpid(), "version", build.Version, "socket", dirs.Socket)
	d.prune()
	d.accept(ctx, listener)
	d.registry.Close()
	return nil
}

func newDaemon(
	dirs userdirs.Dirs, build rpc.Build, logger *slog.Logger, stop context.CancelFunc, kinds []NewKind,
) *Daemon {
	d := &Daemon{
		dirs:     dirs,
		build:    build,
		logger:   logger,
		level:    &slog.LevelVar{},
		started:  time.Now(),
		registry: registry.New(dirs, logger),
		stop:     stop,
		quiet:    time.Now(),
	}
	d.server = &dispatch.Server{
		Methods:  d.methods(),
		Consoles: dispatch.Consoles{},
		Logger:   logger,
		Log:      dirs.Log(),
		Lasting:  map[string]bool{rpc.MethodLogs: true, rpc.MethodReplace: true, rpc.MethodSubscribe: true},
	}
	followed := topics.New(logger, d.registry)
	maps.Copy(d.server.Methods, followed.Methods())
	cleaning := cleanup.New(d.registry)
	maps.Copy(d.server.Methods, cleaning.Methods())
	for _, make := range kinds {
		kind := make(dirs, logger, d.registry)
		d.registry.Register(kind)
		followed.Register(kind)
		cleaning.Register(kind)
		maps.Copy(d.server.Methods, kind.Methods())
		maps.Copy(d.server.Consoles, kind.Consoles())
	}
	return d
}

// accept serves clients until ctx ends, and returns when the last has gone.
func (d *Daemon) accept(ctx context.Context, listener net.Listener) {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { d.idle(ctx) })
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
		parts.Go(func() {
			d.count(1)
			defer d.count(-1)
			d.server.Serve(ctx, conn)
		})
	}
	d.logger.Info("daemon ends")
	d.stop() // where listening has failed
}

// acquire takes the lock that the user's one daemon holds. A daemon that answers keeps it; one that ends is waited for.
func acquire(ctx context.Context, dirs userdirs.Dirs) (*flock.Flock, error) {
	lock := flock.New(dirs.Lock())
	for limit := time.Now().Add(lockLimit); ; {
		ok, err := lock.TryLock()
		if ok {
			return lock, nil
		}
		if private.Listens(dirs.Socket) || err != nil || time.Now().After(limit) {
			return nil, errors.Join(ErrRunning, err)
		}
		if err := delay.For(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// prune removes what is kept of sessions that ended, where it is too old or too much.
func (d *Daemon) prune() {
	left, _ := filepath.Glob(filepath.Join(d.dirs.State, userdirs.Borrowed))
	for _, dir := range left { // of a daemon that died
		_ = os.RemoveAll(dir)
	}
	live := func(id string) bool {
		_, err := os.Stat(d.dirs.Session(id))
		return err == nil
	}
	if err := kept.Prune(d.dirs.AllKept(), live, time.Now()); err != nil {
		d.logger.Warn("prune the versions of ended sessions", "error", err)
	}
}

// idle stops a daemon that no one needs.
func (d *Daemon) idle(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		busy := !d.registry.Idle()
		d.mu.Lock()
		if d.clients > 0 || busy {
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

// methods are the calls about the daemon itself.
func (d *Daemon) methods() dispatch.Methods {
	describe := func(context.Context, struct{}) (rpc.Daemon, error) { return d.describe(), nil }
	stop := func(context.Context, struct{}) (struct{}, error) {
		go d.stop() // once this call has its answer
		return struct{}{}, nil
	}
	return dispatch.Methods{
		rpc.MethodInitialize: dispatch.Call(d.initialize),
		rpc.MethodReplace:    dispatch.Call(d.replace),
		rpc.MethodDaemon:     dispatch.Call(describe),
		rpc.MethodDaemonStop: dispatch.Call(stop),
		rpc.MethodLogLevel:   dispatch.Call(d.setLogLevel),
	}
}

// initialize introduces the daemon to a client, of whatever build.
func (d *Daemon) initialize(_ context.Context, p rpc.Initialize) (rpc.Initialized, error) {
	d.logger.Debug("client", "build", p.Build.Version)
	return rpc.Initialized{Build: d.build, Capabilities: rpc.Capabilities()}, nil
}

// replace makes room for the daemon of a newer build, between calls. The sessions stay in the cluster, and the next
// daemon takes them up.
func (d *Daemon) replace(context.Context, struct{}) (struct{}, error) {
	if d.server.Working() > 0 || !d.registry.Quiet() {
		return struct{}{}, problem.New(problem.Held, "the daemon of version %s is at work for another command",
			d.build.Version).WithHint("wait until that has ended, or stop it with Ctrl-C")
	}
	go d.stop() // once this call has its answer
	return struct{}{}, nil
}

// setLogLevel sets what is logged, until the daemon ends.
func (d *Daemon) setLogLevel(_ context.Context, p rpc.LogLevel) (struct{}, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(p.Level)); err != nil {
		return struct{}{}, problem.New(problem.Usage, "log level %q: want debug, info, warn or error", p.Level)
	}
	d.level.Set(level)
	d.logger.Info("log level", "level", level)
	return struct{}{}, nil
}

func (d *Daemon) describe() rpc.Daemon {
	info := rpc.Daemon{
		PID:      os.Getpid(),
		Version:  d.build.Version,
		Started:  d.started,
		Socket:   d.dirs.Socket,
		Log:      d.dirs.Log(),
		Sessions: []rpc.Session{},
	}
	for _, s := range d.registry.Live() {
		info.Sessions = append(info.Sessions, s.View())
	}
	return info
}
