package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/environment"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/supervise"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Client is a connection to the daemon.
type Client struct {
	rpc  *jrpc2.Client
	conn net.Conn
}

// startLimit limits how long a daemon may take to come up.
const startLimit = 10 * time.Second

// ServeArgs are the arguments with which this program is a daemon.
var serveArgs = [...]string{"daemon", "start", "--foreground"}

// Connect connects to the user's daemon; it starts one when there is none, and replaces one of another version. onEvent is
// called with the events of this connection's calls.
func Connect(ctx context.Context, paths Paths, env []string, onEvent func(event.Event)) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*startLimit)
	defer cancel()
	for {
		c, err := dial(paths, onEvent)
		if errors.Is(err, private.ErrPeer) {
			return nil, notOurs(paths, err)
		}
		if err != nil {
			if err := spawn(ctx, paths, env); err != nil {
				return nil, err
			}
			if c, err = dial(paths, onEvent); err != nil {
				return nil, err
			}
		}
		var info rpc.Daemon
		if err := c.Call(ctx, rpc.MethodDaemon, nil, &info); err != nil {
			c.Close()
			if ctx.Err() != nil {
				return nil, fmt.Errorf("ask the daemon who it is: %w", err)
			}
			continue // it was on its way out
		}
		if info.Version == buildinfo.Version {
			return c, nil
		}
		// A daemon of another version makes room; its sessions are taken up by the new one.
		_ = c.Call(ctx, rpc.MethodDaemonStop, nil, nil)
		c.Close()
		if err := stopped(ctx, paths); err != nil {
			return nil, fmt.Errorf("replace the daemon of version %s: %w", info.Version, err)
		}
	}
}

// ConnectRunning connects to a daemon that runs, of whatever version; problem.NotFound when there is none.
func ConnectRunning(paths Paths) (*Client, error) {
	c, err := dial(paths, func(event.Event) {})
	if errors.Is(err, private.ErrPeer) {
		return nil, notOurs(paths, err)
	}
	if err != nil {
		return nil, problem.New(problem.NotFound, "no daemon runs").WithHint("any command that needs one starts it; or: nhctl daemon start")
	}
	return c, nil
}

func dial(paths Paths, onEvent func(event.Event)) (*Client, error) {
	conn, err := dialSocket(paths)
	if err != nil {
		return nil, err
	}
	return &Client{rpc: jrpc2.NewClient(ordered{channel.Line(conn, conn), onEvent}, nil), conn: conn}, nil
}

// dialSocket reaches the daemon of this very user.
func dialSocket(paths Paths) (net.Conn, error) {
	conn, err := net.DialTimeout("unix", paths.Socket, 2*time.Second)
	if err != nil {
		return nil, err
	}
	if err := private.Peer(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// notOurs refuses a daemon that would get this user's credentials.
func notOurs(paths Paths, err error) error {
	return problem.New(problem.Refused, "the daemon at %s is not yours: %w", paths.Socket, err).
		WithHint("stop it as the user who started it, remove the socket, or set XDG_RUNTIME_DIR to a directory of yours")
}

// ordered handles events as they are received: jrpc2 hands each message to a goroutine of its own, and so would mix up log lines, and
// let an answer overtake the events before it.
type ordered struct {
	channel.Channel
	onEvent func(event.Event)
}

// Recv returns the next message that is no event.
func (c ordered) Recv() ([]byte, error) {
	for {
		data, err := c.Channel.Recv()
		if err != nil {
			return nil, err
		}
		var notification struct {
			Method string      `json:"method"`
			Params event.Event `json:"params"`
		}
		if json.Unmarshal(data, &notification) != nil || notification.Method != rpc.MethodEvent {
			return data, nil
		}
		c.onEvent(notification.Params)
	}
}

// spawn starts a daemon that outlives this process, and returns when it listens.
func spawn(ctx context.Context, paths Paths, env []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(paths.Log()); err == nil && info.Size() > maxLog {
		flags |= os.O_TRUNC
	}
	log, err := os.OpenFile(paths.Log(), flags, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, serveArgs[:]...)
	cmd.Env = append(environment.ForDaemon(env), "LOGGER_DISCARD=1") // syncthing's own log
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, paths.State
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	limit := time.After(startLimit)
	for {
		if answers(paths) {
			return nil
		}
		select {
		case err := <-died:
			// Another command may have started one at the same moment.
			if answers(paths) {
				return nil
			}
			died <- err
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return problem.New(problem.Internal, "the daemon does not come up").WithHint("its log says why: %s", paths.Log())
		default:
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// stopped waits until no daemon holds the lock.
func stopped(ctx context.Context, paths Paths) error {
	for answers(paths) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// Stop stops the daemon and returns when it is gone. Sessions stay as they are in the cluster.
func (c *Client) Stop(ctx context.Context, paths Paths) error {
	if err := c.Call(ctx, rpc.MethodDaemonStop, nil, nil); err != nil {
		return err
	}
	c.Close()
	return stopped(ctx, paths)
}

// Call calls a method. When ctx ends, the daemon is asked to cancel, and the call returns once everything begun is undone.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	stop := context.AfterFunc(ctx, func() {
		limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = c.rpc.Notify(limit, rpc.MethodCancel, nil)
	})
	defer stop()
	response, err := c.rpc.Call(context.WithoutCancel(ctx), method, params)
	if err != nil {
		return c.explain(ctx, err)
	}
	if result == nil {
		return nil
	}
	return response.UnmarshalResult(result)
}

func (c *Client) explain(ctx context.Context, err error) error {
	var answered *jrpc2.Error
	if errors.As(err, &answered) && len(answered.Data) > 0 {
		return problemOf(answered.Data, answered.Message)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return problem.New(problem.Internal, "the daemon was lost: %w", err).WithHint("run the command again: a new daemon takes up where the old one was")
}

// Attach opens a console. The connection has its conversation, and nothing else.
func Attach(ctx context.Context, paths Paths, p rpc.Attach) (net.Conn, supervise.Attached, error) {
	var attached supervise.Attached
	params, err := json.Marshal(p)
	if err != nil {
		return nil, attached, err
	}
	line, err := json.Marshal(message{Version: "2.0", ID: 1, Method: rpc.MethodAttach, Params: params})
	if err != nil {
		return nil, attached, err
	}
	conn, err := dialSocket(paths)
	if errors.Is(err, private.ErrPeer) {
		err = notOurs(paths, err)
	}
	if err != nil {
		return nil, attached, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	reader := bufio.NewReader(conn)
	var reply message
	if _, err = conn.Write(append(line, '\n')); err == nil {
		if line, err = reader.ReadBytes('\n'); err == nil {
			err = json.Unmarshal(line, &reply)
		}
	}
	if !stop() {
		err = context.Cause(ctx)
	}
	switch {
	case err != nil:
	case reply.Error != nil:
		err = problemOf(reply.Error.Data, reply.Error.Message)
	default:
		err = json.Unmarshal(reply.Result, &attached)
	}
	if err != nil {
		conn.Close()
		return nil, attached, err
	}
	return wire.Peeked{Conn: conn, Reader: reader}, attached, nil
}

// problemOf is the problem that came with an error; its text alone makes one, too.
func problemOf(data []byte, text string) *problem.Error {
	p := &problem.Error{}
	if json.Unmarshal(data, p) == nil && p.Message != "" {
		return p
	}
	return problem.New(problem.Internal, "%s", text)
}

// Close ends the connection.
func (c *Client) Close() {
	_ = c.rpc.Close()
	_ = c.conn.Close()
}
