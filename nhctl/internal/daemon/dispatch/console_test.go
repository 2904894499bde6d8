package dispatch

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// leaving is the connection of a caller who reads the answer and leaves: the next write fails. A reader sees that only
// when this end is closed.
type leaving struct {
	net.Conn
	answered bool
	closed   chan struct{}
	close    func()
}

func newLeaving() *leaving {
	l := &leaving{closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

func (l *leaving) Write(p []byte) (int, error) {
	if l.answered {
		return 0, io.ErrClosedPipe
	}
	l.answered = true
	return len(p), nil
}

func (l *leaving) Read([]byte) (int, error) { <-l.closed; return 0, net.ErrClosed }

func (l *leaving) Close() error { l.close(); return nil }

// A program is hung up when its caller has left, whichever direction shows it first, and is not when the program's own
// end comes first: its stream may have broken, and the caller come back.
func TestHangUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		caller func() net.Conn
		says   string // what the program's end says; nothing more comes until it is closed
		ends   bool   // it ends by itself then
		want   bool
	}{
		"a write shows it": {func() net.Conn { return newLeaving() }, "output", false, true},
		"a read shows it": {func() net.Conn {
			here, there := net.Pipe()
			go func() { _, _ = there.Read(make([]byte, 4096)); there.Close() }()
			return here
		}, "", false, true},
		"the program's stream ends": {func() net.Conn {
			here, there := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, there) }()
			return here
		}, "output", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream, program := net.Pipe()
			defer program.Close()
			go func() {
				if _, err := io.WriteString(program, tt.says); err == nil && tt.ends {
					program.Close()
				}
			}()
			hungUp := false
			open := func(context.Context, json.RawMessage) (*Console, error) {
				return &Console{Answer: 1, Stream: stream, HangUp: func(context.Context) { hungUp = true }}, nil
			}
			conn := tt.caller()
			(&Server{}).attach(t.Context(), wire.Peeked{Conn: conn, Reader: bufio.NewReader(conn)}, rpc.Message{}, open)
			if hungUp != tt.want {
				t.Errorf("hung up: %v, want %v", hungUp, tt.want)
			}
		})
	}
}
