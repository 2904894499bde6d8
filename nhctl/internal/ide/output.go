package ide

import (
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
)

// output writes messages, one after the other. Nothing waits in it: whoever sends a message waits until the one before
// is written. So an editor that does not read makes the daemon wait, which then has nothing to keep.
type output struct {
	frames chan []byte
	closed chan struct{}
	close  func()
	ended  chan struct{} // closed once nothing is being written any more
}

var errClosed = errors.New("the editor has gone")

// newOutput writes until it is closed, or a write fails, and then calls failed. A write that the editor does not take
// can't be interrupted: it ends with the process.
func newOutput(w io.Writer, failed func()) *output {
	o := &output{frames: make(chan []byte), closed: make(chan struct{}), ended: make(chan struct{})}
	o.close = sync.OnceFunc(func() { close(o.closed) })
	go func() {
		defer close(o.ended)
		for {
			select {
			case <-o.closed:
				return
			case data := <-o.frames:
				if _, err := w.Write(data); err != nil {
					o.close()
					failed()
					return
				}
			}
		}
	}()
	return o
}

// send sends a message.
func (o *output) send(m message) error {
	m.Version = "2.0"
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	select {
	case o.frames <- baseprotocol.Frame(data):
		return nil
	case <-o.closed:
		return errClosed
	}
}
