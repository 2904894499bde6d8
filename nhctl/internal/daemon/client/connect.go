package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/gofrs/flock"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/environment"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// startLimit limits how long a daemon may take to come up.
const startLimit = 10 * time.Second

// serveArgs are the arguments with which this program is a daemon.
var serveArgs = [...]string{"daemon", "start", "--foreground"}

// Connect connects to the user's daemon; it starts one when there is none. onEvent is called with the events of this
// connection's calls.
//
// A daemon serves clients of older builds; one of an older build than this is replaced, between calls. Its sessions
// stay in the cluster, and the new one takes them up.
func Connect(ctx context.Context, dirs userdirs.Dirs, env []string, onEvent func(event.Event)) (*Client, error) {
	return connect(ctx, dirs, env, func(conn net.Conn) *Client { return newClient(conn, onEvent) })
}

// ConnectRaw is Connect for those who pass on what the daemon says.
func ConnectRaw(ctx context.Context, dirs userdirs.Dirs, env []string, notified Notified) (*Client, error) {
	return connect(ctx, dirs, env, func(conn net.Conn) *Client { return Over(conn, notified) })
}

func connect(
	ctx context.Context, dirs userdirs.Dirs, env []string, over func(net.Conn) *Client,
) (*Client, error) {
	c := connector{
		dirs:  dirs,
		build: rpc.ThisBuild(),
		over:  over,
		spawn: func(ctx context.Context) error { return spawn(ctx, dirs, env) },
	}
	return c.connect(ctx)
}

// connector connects clients of a build.
type connector struct {
	dirs  userdirs.Dirs
	build rpc.Build
	// over makes a client of a connection.
	over func(net.Conn) *Client
	// spawn starts a daemon of the build, and returns when it listens.
	spawn func(context.Context) error
}

// patience is the pause between two questions whether a daemon is still at work.
const patience = 100 * time.Millisecond

func (c connector) connect(ctx context.Context) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*startLimit)
	defer cancel()
	for {
		client, err := c.dial(ctx)
		if err != nil {
			return nil, err
		}
		daemon, err := client.introduce(ctx, c.build)
		if err != nil {
			client.Close()
			if ctx.Err() != nil {
				return nil, fmt.Errorf("ask the daemon who it is: %w", err)
			}
			continue // it was on its way out
		}
		if !c.build.Newer(daemon) {
			return client, nil
		}
		err = client.replace(ctx, daemon)
		if problem.From(err).Code == problem.Held && err != nil {
			if daemon.Protocol == c.build.Protocol {
				return client, nil // it does for now, and a later command replaces it
			}
			client.Close()
			if err := delay.For(ctx, patience); err != nil {
				return nil, fmt.Errorf("replace the daemon of version %s: %w", daemon.Version, err)
			}
			continue
		}
		client.Close()
		if err := stopped(ctx, c.dirs); err != nil {
			return nil, fmt.Errorf("replace the daemon of version %s: %w", daemon.Version, err)
		}
	}
}

// dial dials the daemon, and starts one when there is none.
func (c connector) dial(ctx context.Context) (*Client, error) {
	client, err := dial(c.dirs, c.over)
	if err == nil {
		return client, nil
	}
	if errors.Is(err, private.ErrPeer) {
		return nil, notOurs(c.dirs, err)
	}
	if err := c.spawn(ctx); err != nil {
		return nil, err
	}
	return dial(c.dirs, c.over)
}

// introduce says who calls, and returns the daemon's build.
func (c *Client) introduce(ctx context.Context, build rpc.Build) (rpc.Build, error) {
	var daemon rpc.Initialized
	err := c.Call(ctx, rpc.MethodInitialize, rpc.Initialize{Build: build}, &daemon)
	if !errors.Is(err, ErrNoMethod) {
		return daemon.Build, err
	}
	var before rpc.Daemon // of a build that knows no protocol numbers
	err = c.Call(ctx, rpc.MethodDaemon, nil, &before)
	return rpc.Build{Version: before.Version}, err
}

// replace asks a daemon to make room. One that knows no protocol numbers is stopped.
func (c *Client) replace(ctx context.Context, daemon rpc.Build) error {
	method := rpc.MethodReplace
	if daemon.Protocol == 0 {
		method = rpc.MethodDaemonStop
	}
	return c.Call(ctx, method, nil, nil)
}

// stopPause is the pause between two looks whether a daemon has stopped.
const stopPause = 20 * time.Millisecond

// ConnectRunning connects to a daemon that runs, of whatever version; problem.NotFound when there is none.
func ConnectRunning(dirs userdirs.Dirs) (*Client, error) {
	c, err := dial(dirs, unheard)
	if errors.Is(err, private.ErrPeer) {
		return nil, notOurs(dirs, err)
	}
	if err != nil {
		return nil, problem.New(problem.NotFound, "no daemon runs").
			WithHint("any command that needs one starts it; or: nhctl daemon start")
	}
	return c, nil
}

// unheard makes a client that listens to no event.
func unheard(conn net.Conn) *Client { return newClient(conn, func(event.Event) {}) }

// notOurs refuses a daemon that would get this user's credentials.
func notOurs(dirs userdirs.Dirs, err error) error {
	return problem.New(problem.Refused, "the daemon at %s is not yours: %w", dirs.Socket, err).
		WithHint(
			"stop it as the user who started it, remove the socket, or set XDG_RUNTIME_DIR to a directory of yours")
}

// maxOutput is the size in bytes from which a new daemon begins a new file of its output.
const maxOutput = 1 << 20

// spawn starts a daemon that outlives this process, and returns when it listens.
func spawn(ctx context.Context, dirs userdirs.Dirs, env []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(dirs.Output()); err == nil && info.Size() > maxOutput {
		flags |= os.O_TRUNC
	}
	output, err := os.OpenFile(dirs.Output(), flags, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.Command(self, serveArgs[:]...)
	cmd.Env = append(environment.ForDaemon(env), "LOGGER_DISCARD=1") // syncthing's own log
	cmd.Stdout, cmd.Stderr, cmd.Dir = output, output, dirs.State
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	limit := time.After(startLimit)
	for {
		if private.Listens(dirs.Socket) {
			return nil
		}
		select {
		case err := <-died:
			// Another command may have started one at the same moment.
			if private.Listens(dirs.Socket) {
				return nil
			}
			died <- err
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return problem.New(problem.Internal, "the daemon does not come up").
				WithHint("%s or %s say why", dirs.Output(), dirs.Log())
		default:
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// stopped waits until a daemon that closes its socket has also let go of the lock, which it holds while it saves its
// sessions, or until the next daemon listens.
func stopped(ctx context.Context, dirs userdirs.Dirs) error {
	for private.Listens(dirs.Socket) {
		if err := delay.For(ctx, stopPause); err != nil {
			return err
		}
	}
	lock := flock.New(dirs.Lock())
	for {
		if free, err := lock.TryLock(); free || err != nil {
			return errors.Join(err, lock.Unlock())
		}
		if private.Listens(dirs.Socket) {
			return nil
		}
		if err := delay.For(ctx, stopPause); err != nil {
			return err
		}
	}
}
