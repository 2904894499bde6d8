package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/nhctl/nhctl/sidecar/mux"
)

// A carrier is spoken in binary messages of a WebSocket, so that whatever lies between the two ends may be an HTTP
// proxy or a gateway. Messages have no meaning: they are as long as what was written at once.

// Path is where a server takes carriers, with the protocol's version.
var Path = fmt.Sprintf("/v%d/carrier", Version)

const (
	// messageBuffer is the size of the buffers for messages, in bytes; longer ones are sent in parts. A frame of data
	// and the short ones before it fit: every part is a write at each hop on the way to a pod.
	messageBuffer = mux.MaxFrame + 4<<10
	// readBuffer is the size of the buffers that are read into, in bytes. Longer reads go past them.
	readBuffer = 16 << 10
	// maxRequest limits the request that begins a carrier, in bytes.
	maxRequest = 16 << 10
)

// upgradeClient asks a server for a WebSocket. The caller limits the time, by closing raw.
func upgradeClient(ctx context.Context, raw net.Conn) (*messages, error) {
	dialer := websocket.Dialer{
		NetDialContext:  func(context.Context, string, string) (net.Conn, error) { return raw, nil },
		ReadBufferSize:  readBuffer,
		WriteBufferSize: messageBuffer,
	}
	ws, response, err := dialer.DialContext(ctx, "ws://sidecar"+Path, nil)
	switch {
	case err == nil:
		return &messages{Conn: raw, ws: ws}, nil
	case response != nil && response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: it has no %s", ErrVersion, Path)
	case response != nil:
		return nil, fmt.Errorf("upgrade to a WebSocket: %s: %w", response.Status, err)
	}
	return nil, fmt.Errorf("upgrade to a WebSocket: %w", err)
}

// upgradeServer answers the request for a WebSocket. The caller limits the time, by closing raw.
func upgradeServer(raw net.Conn) (*messages, error) {
	reader := bufio.NewReaderSize(io.LimitReader(raw, maxRequest), maxRequest)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return nil, fmt.Errorf("read the request for a WebSocket: %w", err)
	}
	w := &upgrading{raw: raw, reader: reader, header: http.Header{}}
	if request.URL.Path != Path {
		w.WriteHeader(http.StatusNotFound)
		return nil, fmt.Errorf("%w: it asks for %q", ErrVersion, request.URL.Path)
	}
	upgrader := websocket.Upgrader{
		ReadBufferSize:  readBuffer,
		WriteBufferSize: messageBuffer,
		// No browser has a reason to be here.
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "" },
	}
	ws, err := upgrader.Upgrade(w, request, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade to a WebSocket: %w", err)
	}
	return &messages{Conn: raw, ws: ws}, nil
}

// upgrading is the http.ResponseWriter of one request on a connection that is no HTTP server's.
type upgrading struct {
	raw    net.Conn
	reader *bufio.Reader
	header http.Header
	status int
}

// Header returns the headers of a refusal.
func (u *upgrading) Header() http.Header { return u.header }

// WriteHeader refuses the request.
func (u *upgrading) WriteHeader(status int) {
	if u.status == 0 {
		u.status = status
		_, _ = fmt.Fprintf(u.raw, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
			status, http.StatusText(status))
	}
}

// Write drops the text of a refusal: its status says enough.
func (u *upgrading) Write(p []byte) (int, error) {
	u.WriteHeader(http.StatusOK)
	return len(p), nil
}

// Hijack hands the connection over.
func (u *upgrading) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return u.raw, bufio.NewReadWriter(u.reader, bufio.NewWriter(u.raw)), nil
}

// messages is the byte stream in a WebSocket's binary messages. One goroutine reads at a time, and one writes.
type messages struct {
	net.Conn // for its addresses and its end
	ws       *websocket.Conn
	message  io.Reader // the rest of the present one
}

// Read reads from the present message, or waits for the next.
func (m *messages) Read(p []byte) (int, error) {
	for {
		if m.message == nil {
			kind, r, err := m.ws.NextReader()
			if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
				return 0, io.EOF
			}
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errors.New("a message of text came on a carrier")
			}
			m.message = r
		}
		n, err := m.message.Read(p)
		if errors.Is(err, io.EOF) {
			m.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write sends p as one message.
func (m *messages) Write(p []byte) (int, error) {
	if err := m.ws.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WritePieces sends pieces as one message. They are copied once, to where they are masked or written from.
func (m *messages) WritePieces(pieces ...[]byte) (total int, err error) {
	w, err := m.ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return 0, err
	}
	for _, p := range pieces {
		n, err := w.Write(p)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, w.Close()
}
