package wire

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
)

// halfCloser is a connection whose writing side can be closed alone, as TCP's.
type halfCloser interface{ CloseWrite() error }

// Join copies between two connections both ways, until both directions have ended or ctx does; it closes both. When one side has
// no more to say, the other hears so and may still answer.
func Join(ctx context.Context, a, b net.Conn) {
	stop := context.AfterFunc(ctx, func() { a.Close(); b.Close() })
	defer stop()
	var copying sync.WaitGroup
	for _, direction := range [][2]net.Conn{{a, b}, {b, a}} {
		from, to := direction[0], direction[1]
		copying.Go(func() {
			_, err := io.Copy(to, from)
			if h, ok := to.(halfCloser); ok && err == nil {
				_ = h.CloseWrite()
				return
			}
			// yamux closes the writing side alone; anything else ends here.
			to.Close()
			if err != nil {
				from.Close()
			}
		})
	}
	copying.Wait()
	a.Close()
	b.Close()
}

// Peeked is a connection of which a reader holds some already.
type Peeked struct {
	net.Conn
	Reader *bufio.Reader
}

func (p Peeked) Read(b []byte) (int, error) { return p.Reader.Read(b) }
