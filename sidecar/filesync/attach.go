package filesync

import (
	"context"
	"io"
)

// Attach connects the engine to its peer, whose index is the instance, by a stream, and returns when the stream ends. A
// stream that is attached already is closed: the newer one is the living one.
func (e *Engine) Attach(ctx context.Context, stream io.ReadWriteCloser, instance string) error {
	if err := e.Ready(ctx); err != nil {
		return err
	}
	conn, err := e.replace(stream, instance)
	if err != nil {
		return err
	}
	select {
	case <-conn.gone:
		e.config.Logger.Debug("stream ended", "folder", e.config.FolderID, "blocks prefetched", conn.came.Load(),
			"blocks asked for", conn.asked.Load())
		return nil
	case <-e.ended:
		return ErrEnded
	case <-ctx.Done():
		conn.close(ctx.Err())
		return ctx.Err()
	}
}

func (e *Engine) replace(stream io.ReadWriteCloser, instance string) (*attached, error) {
	e.attach.Lock()
	defer e.attach.Unlock()
	if e.current != nil {
		e.current.close(errReplaced)
		e.current = nil
	}
	if err := e.meet(instance); err != nil {
		return nil, err
	}
	e.current = e.connect(stream)
	return e.current, nil
}

// detach closes the present stream, if any.
func (e *Engine) detach() {
	e.attach.Lock()
	defer e.attach.Unlock()
	if e.current != nil {
		e.current.close(errReplaced)
		e.current = nil
	}
}
