package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// Headers that are added.
const (
	// Mark is on answers of originals to requests that were a computer's, on refusals, and on copies.
	Mark = "X-Nhctl-Route"
	// forwarded has the client's address.
	forwarded = "X-Forwarded-For"
)

// lingering is how long a connection that ends still takes what its client sends, so that the answer is not lost.
const lingering = 2 * time.Second

// serveHTTP leads requests one after the other. What is no HTTP/1 that can be read in one way only is led by connection
// from there on.
func (c *client) serveHTTP(ctx context.Context) {
	for {
		c.waiting.Store(true)
		err := c.in.wait()
		c.waiting.Store(false)
		if err != nil {
			return
		}
		h, err := readHead(c.in, requestLine)
		var b body
		if err == nil {
			b, err = h.requestBody()
		}
		switch {
		case errors.Is(err, errForeign) && string(h.raw) == prefaceLine:
			c.serveHTTP2(ctx)
			return
		case errors.Is(err, errForeign):
			c.splice(ctx, h.raw)
			return
		case err != nil || !c.exchange(ctx, h, b):
			return
		}
	}
}

// exchange leads one request and its answer. It says whether another request may follow.
func (c *client) exchange(ctx context.Context, h *head, b body) (again bool) {
	w, err := c.findOne(ctx, &h.request)
	if err != nil {
		c.refuse(w, h, err)
		return false
	}
	all := c.copies(&h.request, byRequest)
	defer all.leave()
	s := c.send(w.up, h, b, all)
	a, err := c.answer(w, h)
	switch {
	case err != nil:
		if a.status == 0 {
			w.unanswered(&h.request)
		}
		wire.Reset(w.up.conn, "the answer broke off")
		wire.Reset(c.conn, "the answer broke off")
		<-s.done
		return false
	case a.switched:
		_ = s.stop()
		wire.Join(ctx, &joined{Conn: c.conn, in: c.in}, &joined{Conn: w.up.conn, in: w.up.in})
		return false
	case !a.lasts || !h.lasts():
		w.up.conn.Close()
		c.linger(s.done)
		return false
	}
	<-s.sent // an answer may come before the end of its request
	if err := s.stop(); err != nil {
		w.up.conn.Close()
		return false
	}
	c.keep(w.up)
	return true
}

// sending is a request on its way.
type sending struct {
	client *client
	sent   chan struct{} // closed once all of it was written, or could not be
	done   chan error
}

// send writes a request, and then waits for its client to send more or to leave, which the far end is to know.
func (c *client) send(up *upstream, h *head, b body, all copies) *sending {
	s := &sending{client: c, sent: make(chan struct{}), done: make(chan error, 1)}
	go func() { s.done <- s.run(up, h, b, all) }()
	return s
}

func (s *sending) run(up *upstream, h *head, b body, all copies) error {
	c, to := s.client, &writer{to: up.conn}
	from := forwarded + ": " + c.from
	_, err := to.Write(h.with(from))
	if err == nil {
		for _, m := range all {
			m.push(frame{data: h.with(from, Mark+": "+m.mark())})
		}
		to.copies = all
		err = copyBody(to, c.in, b)
	}
	if err == nil {
		all.end()
	}
	close(s.sent)
	if err == nil {
		err = c.in.wait()
	}
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case to.failed: // the far end takes no more; its answer may come nevertheless
	case errors.Is(err, io.EOF):
		_ = wire.CloseWrite(up.conn)
	default:
		wire.Reset(up.conn, "the client has gone")
	}
	return err
}

// stop ends the wait for the client. An error says that there will be no other request.
func (s *sending) stop() error { return interrupt(s.client.conn, s.done) }

// writer remembers that it has failed.
type writer struct {
	to     io.Writer
	copies copies
	failed bool
}

func (w *writer) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.failed = err != nil
	w.copies.write(b[:n])
	return n, err
}

// answered is what has become of a request.
type answered struct {
	status int
	// lasts says that its connection goes on, switched that it speaks another protocol from now on.
	lasts, switched bool
}

// answer passes an answer on, and those that only inform and come before it.
func (c *client) answer(w way, h *head) (a answered, err error) {
	for {
		r, err := readHead(w.up.in, statusLine)
		if errors.Is(err, errForeign) {
			a.status = http.StatusOK
			w.count(&h.request, a.status)
			if _, err := c.conn.Write(r.raw); err != nil {
				return a, err
			}
			return a, copyBody(c.conn, w.up.in, untilEnd{})
		}
		if err != nil {
			return a, err
		}
		a.switched = r.status == http.StatusSwitchingProtocols ||
			h.method == http.MethodConnect && r.status/100 == 2
		final := r.status >= http.StatusOK || a.switched
		draining := c.server.draining.Load()
		var lines []string
		if final && w.failedOpen != "" {
			lines = append(lines, w.mark())
		}
		if final && draining && !a.switched {
			lines = append(lines, "Connection: close")
		}
		if final {
			a.status = r.status
			w.count(&h.request, a.status)
		}
		if _, err := c.conn.Write(r.with(lines...)); err != nil {
			return a, err
		}
		if !final {
			continue
		}
		if a.switched {
			return a, nil
		}
		b := r.responseBody(h.method)
		_, ends := b.(untilEnd)
		a.lasts = r.lasts() && !ends && !draining
		return a, copyBody(c.conn, w.up.in, b)
	}
}

// mark says that an original answers, or no one does, and why.
func (w way) mark() string {
	return fmt.Sprintf("%s: %s; failed-open=%s", Mark, w.rule.ID, w.failedOpen)
}

// refusal says why a request has nowhere to go, and the mark of the answer, if it has one.
func (w way) refusal(why error) (text, mark string) {
	if errors.Is(why, errStrict) {
		return fmt.Sprintf("route %s is strict, and its local process was not reached: %s\n", w.rule.ID, w.failedOpen),
			fmt.Sprintf("%s; refused=%s", w.rule.ID, w.failedOpen)
	}
	return "no original of this Service is ready: " + why.Error() + "\n", ""
}

// refuse answers a request that has nowhere to go.
func (c *client) refuse(w way, h *head, why error) {
	text, mark := w.refusal(why)
	if mark != "" {
		mark = Mark + ": " + mark + "\r\n"
	}
	w.unanswered(&h.request)
	_, _ = fmt.Fprintf(c.conn, "HTTP/1.1 503 Service Unavailable\r\n%sContent-Type: text/plain\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", mark, len(text), text)
	over := make(chan error)
	close(over)
	c.linger(over)
}

// linger ends the client's connection so that it sees the whole answer first.
func (c *client) linger(sent <-chan error) {
	_ = wire.CloseWrite(c.conn)
	_ = c.conn.SetReadDeadline(time.Now().Add(lingering))
	<-sent
	_, _ = io.Copy(io.Discard, c.conn)
}
