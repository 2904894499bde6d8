package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// PodPort is a TCP port on a pod's loopback, and the way to it for those who may not port-forward.
type PodPort struct {
	Pod  string
	Port int
	// Container is where Command connects standard input and output to the port.
	Container string
	Command   []string
}

// DialPod opens a raw connection to a port, through the API server and the kubelet: by port-forward, or where that is
// denied, by exec. Each call is a connection of its own. Deadlines have no effect on it.
func (c *Client) DialPod(ctx context.Context, p PodPort) (net.Conn, error) {
	conn, err := c.forwardPort(ctx, p)
	if err == nil || problem.From(err).Code != problem.Forbidden || len(p.Command) == 0 {
		return conn, err
	}
	conn, second := c.execPort(ctx, p)
	if second != nil && problem.From(second).Code == problem.Forbidden {
		return nil, err // the permission that is missing first
	}
	return conn, second
}

// execPort connects to a port by a command in the pod. It returns once the command's streams stand.
func (c *Client) execPort(ctx context.Context, p PodPort) (net.Conn, error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	conn := &execConn{in: in, out: out, pod: p.Pod, stop: stop, ended: make(chan struct{})}
	began := &beginning{Reader: stdin, began: make(chan struct{})}
	said := &firstWords{}
	go func() {
		defer close(conn.ended)
		err := c.Exec(running, ExecOptions{
			Pod:       p.Pod,
			Container: p.Container,
			Command:   p.Command,
			Stdin:     began,
			Stdout:    stdout,
			Stderr:    said,
		})
		if err == nil {
			err = errors.New("the command has ended")
		}
		err = fmt.Errorf("connect to pod %s by exec: %w%s", p.Pod, err, said.quoted())
		conn.err = err
		stdout.CloseWithError(err)
		in.Close() // client-go logs any other end of its input
	}()
	select {
	case <-began.began:
		return conn, nil
	case <-conn.ended:
		stop()
		return nil, conn.err
	case <-ctx.Done(): // client-go's dialler does not hear of it, and may need some time to end
		stop()
		in.Close()
		return nil, context.Cause(ctx)
	}
}

// beginning tells when it is first read.
type beginning struct {
	io.Reader
	once  sync.Once
	began chan struct{}
}

func (b *beginning) Read(p []byte) (int, error) {
	b.once.Do(func() { close(b.began) })
	return b.Reader.Read(p)
}

// firstWords keeps the beginning of what a command says on standard error.
type firstWords struct {
	mu   sync.Mutex
	text []byte
}

func (w *firstWords) Write(p []byte) (int, error) {
	const limit = 1 << 10
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p[:min(len(p), limit-len(w.text))]...)
	return len(p), nil
}

func (w *firstWords) quoted() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if text := strings.TrimSpace(string(w.text)); text != "" {
		return ": " + text
	}
	return ""
}

// execConn is a command's standard input and output as a net.Conn.
type execConn struct {
	in    *io.PipeWriter
	out   *io.PipeReader
	pod   string
	stop  context.CancelFunc
	ended chan struct{}
	err   error // why it has ended
}

func (c *execConn) Read(p []byte) (int, error) { return c.out.Read(p) }

func (c *execConn) Write(p []byte) (int, error) {
	n, err := c.in.Write(p)
	if err != nil {
		select {
		case <-c.ended:
			err = c.err
		default:
		}
	}
	return n, err
}

// farewell is how long Close waits for the command to end by itself.
const farewell = time.Second

// Close ends the command's input, and the command where it does not end then.
func (c *execConn) Close() error {
	c.in.Close()
	defer c.out.Close()
	defer c.stop()
	go func() { _, _ = io.Copy(io.Discard, c.out) }() // until the command or c.out ends
	select {
	case <-c.ended:
	case <-time.After(farewell):
		c.stop()
		<-c.ended
	}
	return nil
}

func (c *execConn) LocalAddr() net.Addr              { return podAddr("computer") }
func (c *execConn) RemoteAddr() net.Addr             { return podAddr(c.pod) }
func (c *execConn) SetDeadline(time.Time) error      { return nil }
func (c *execConn) SetReadDeadline(time.Time) error  { return nil }
func (c *execConn) SetWriteDeadline(time.Time) error { return nil }
