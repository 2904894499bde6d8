package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/nhctl/nhctl/sidecar/mux"
)

var goodRequest = "GET " + Path + " HTTP/1.1\r\nHost: sidecar\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

// upgraded returns two ends of a WebSocket.
func upgraded(t *testing.T) (client, server *messages) {
	t.Helper()
	near, far := net.Pipe()
	return upgradedOn(t, near, far)
}

// upgradedOn returns two ends of a WebSocket on a connection.
func upgradedOn(t *testing.T, near, far net.Conn) (client, server *messages) {
	t.Helper()
	t.Cleanup(func() { near.Close(); far.Close() })
	done := make(chan error, 1)
	go func() {
		var err error
		server, err = upgradeServer(far)
		done <- err
	}()
	client, err := upgradeClient(t.Context(), near)
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// writes counts what is written to a connection.
type writes struct {
	net.Conn
	sizes []int
}

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return w.Conn.Write(p)
}

// The largest frame of a stream is one write of the connection, also with others before it.
func TestOneWriteOfAFrame(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	here, there := &writes{Conn: near}, &writes{Conn: far}
	client, server := upgradedOn(t, here, there)
	for _, tt := range []struct {
		from, to *messages
		counted  *writes
	}{{client, server, here}, {server, client, there}} {
		tt.counted.sizes = nil
		done := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(tt.to, make([]byte, mux.MaxFrame+4<<10))
			done <- err
		}()
		if n, err := tt.from.WritePieces(make([]byte, 4<<10), make([]byte, mux.MaxFrame)); err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if err := <-done; err != nil || len(tt.counted.sizes) != 1 {
			t.Errorf("writes of %v bytes, %v", tt.counted.sizes, err)
		}
	}
}

// What is written at once is read as a stream, also where it is longer than the buffers.
func TestMessagesAreAStream(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(*testing.T) (from, to *messages){
		"to the server": upgraded,
		"to the client": func(t *testing.T) (from, to *messages) { to, from = upgraded(t); return from, to },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := ends(t)
			var want []byte
			for i, size := range []int{1, 0, messageBuffer - 1, messageBuffer, 3*messageBuffer + 7, 2} {
				want = append(want, bytes.Repeat([]byte{byte('a' + i)}, size)...)
			}
			go func() {
				for rest := want; len(rest) > 0; {
					n, m := min(len(rest), 100_000), min(len(rest), 170_000)
					if _, err := from.Write(rest[:n]); err != nil {
						return
					}
					if k, err := from.WritePieces(rest[n:m], nil); k != m-n || err != nil {
						return
					}
					rest = rest[m:]
				}
			}()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(to, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v: want those %d that were written", len(got), err, len(want))
			}
		})
	}
}

func TestMessagesEnd(t *testing.T) {
	t.Parallel()
	t.Run("by a close message", func(t *testing.T) {
		t.Parallel()
		client, server := upgraded(t)
		go func() { _ = client.ws.WriteMessage(websocket.CloseMessage, nil) }()
		go func() { _, _, _ = client.ws.NextReader() }() // the answer
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want EOF", err)
		}
	})
	t.Run("by text", func(t *testing.T) {
		t.Parallel()
		client, server := upgraded(t)
		go func() { _ = client.ws.WriteMessage(websocket.TextMessage, []byte("hello")) }()
		if n, err := server.Read(make([]byte, 9)); n > 0 || err == nil {
			t.Errorf("%d bytes, %v: want an error", n, err)
		}
	})
}

func TestUpgradeRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		request string
		status  int // of the answer; none when 0
		want    error
	}{
		"another version": {strings.Replace(goodRequest, Path, "/v0/carrier", 1) + "\r\n",
			http.StatusNotFound, ErrVersion},
		"a browser's page":   {goodRequest + "Origin: https://example.com\r\n\r\n", http.StatusForbidden, nil},
		"no upgrade":         {"GET " + Path + " HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusBadRequest, nil},
		"a request too long": {goodRequest + "X: " + strings.Repeat("x", maxRequest) + "\r\n\r\n", 0, nil},
		"another protocol":   {"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := net.Pipe()
			defer near.Close()
			failed := make(chan error, 1)
			go func() {
				_, err := upgradeServer(far)
				far.Close()
				failed <- err
			}()
			go func() { _, _ = io.WriteString(near, tt.request) }()
			response, err := http.ReadResponse(bufio.NewReader(near), nil)
			switch {
			case tt.status == 0 && err == nil && response.StatusCode < http.StatusBadRequest:
				t.Errorf("answered with %s", response.Status)
			case tt.status != 0 && (err != nil || response.StatusCode != tt.status):
				t.Errorf("got %v, %v; want status %d", response, err, tt.status)
			}
			if err := <-failed; err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// spoken is a connection whose far end has said something, and reads and says no more.
type spoken struct {
	net.Conn
	said io.Reader
}

func (s spoken) Read(p []byte) (int, error)  { return s.said.Read(p) }
func (s spoken) Write(p []byte) (int, error) { return len(p), nil }

func FuzzUpgrade(f *testing.F) {
	f.Add([]byte(goodRequest + "\r\n"))
	f.Add([]byte(goodRequest + "\r\n\x82\x81\x00\x00\x00\x00a\x88\x80\x00\x00\x00\x00"))
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"))
	f.Fuzz(func(_ *testing.T, request []byte) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		if m, err := upgradeServer(spoken{far, bytes.NewReader(request)}); err == nil {
			_, _ = io.Copy(io.Discard, m)
		}
	})
}
