package route

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// both runs a test of requests that a mesh takes, and of those that it lets pass. The server says its name.
func both(
	t *testing.T, serve func(*testing.T, http.HandlerFunc) string, handler func(name string) http.HandlerFunc,
	test func(t *testing.T, b *bed, dev, name string),
) {
	t.Helper()
	for name, dev := range map[string]string{"original": "eve", "mine": "ada"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, Unknown, serve(t, handler("original")))
			b.set(t, Rule{ID: "mesh", Matches: []Match{{OfHeader, "x-dev", "ada"}}}, to(serve(t, handler("mine"))))
			b.set(t, Rule{ID: "copy", Mirror: true}, to(serve(t, handler("copy")))) // no one sees anything of it
			test(t, b, dev, name)
		})
	}
}

// message is one of gRPC.
func message(text string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text)))
	return append(b, text...)
}

func readMessage(from io.Reader) (string, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(from, head); err != nil {
		return "", err
	}
	text := make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err := io.ReadFull(from, text)
	return string(text), err
}

// grpcServer answers each message with as many as its path says, and says in the end how many it has heard.
func grpcServer(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		if r.URL.Path == "/test/Refused" {
			w.Header().Set("Grpc-Status", "7")
			return
		}
		out := http.NewResponseController(w)
		_ = out.Flush()
		heard := 0
		for {
			text, err := readMessage(r.Body)
			if err != nil {
				break
			}
			heard++
			answers := map[string]int{"/test/Unary": 1, "/test/ServerStream": 3, "/test/Both": 1}[r.URL.Path]
			for range answers {
				_, _ = w.Write(message(name + " " + text))
				_ = out.Flush()
			}
		}
		if r.URL.Path == "/test/ClientStream" {
			_, _ = w.Write(message(fmt.Sprint(name, " ", heard)))
		}
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set("Grpc-Message", fmt.Sprint(heard))
	}
}

// gRPC of all four kinds: each message is there before the next is said, and the status comes in trailers.
func TestGRPC(t *testing.T) {
	t.Parallel()
	both(t, serve2, grpcServer, func(t *testing.T, b *bed, dev, name string) {
		client := client2(t)
		for kind, c := range map[string]struct {
			said    []string
			answers int // to each message
			last    []string
		}{
			"Unary":        {[]string{"a"}, 1, nil},
			"ServerStream": {[]string{"a"}, 3, nil},
			"ClientStream": {[]string{"a", "b", "c"}, 0, []string{name + " 3"}},
			"Both":         {[]string{"a", "b", "c"}, 1, nil},
			"Refused":      {nil, 0, nil},
		} {
			reader, writer := io.Pipe()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.address+"/test/"+kind, reader)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Dev", dev)
			r.Header.Set("Content-Type", "application/grpc")
			r.Header.Set("TE", "trailers")
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			hear := func(want string) {
				t.Helper()
				if got, err := readMessage(response.Body); got != want || err != nil {
					t.Errorf("%s: %q, %v; want %q", kind, got, err, want)
				}
			}
			for _, text := range c.said {
				if _, err := writer.Write(message(text)); err != nil {
					t.Fatal(err)
				}
				for range c.answers {
					hear(name + " " + text)
				}
			}
			writer.Close()
			for _, want := range c.last {
				hear(want)
			}
			if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil {
				t.Errorf("%s: %q, %v", kind, rest, err)
			}
			response.Body.Close()
			got := response.Trailer.Get("Grpc-Status") + " " + response.Trailer.Get("Grpc-Message")
			want := fmt.Sprint("0 ", len(c.said))
			if kind == "Refused" {
				got, want = response.Trailer.Get("Grpc-Status"), "7"
			}
			if got != want {
				t.Errorf("%s: status %q, want %q", kind, got, want)
			}
		}
	})
}

// A WebSocket is a conversation with one side, whatever it says, with its close code.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	both(t, serve1, func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer conn.Close()
			for {
				kind, text, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(kind, append([]byte(name+" "), text...)) != nil {
					return
				}
				if string(text) == "bye" {
					_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4000, name))
				}
			}
		}
	}, func(t *testing.T, b *bed, dev, name string) {
		conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+b.address+"/ws",
			http.Header{"X-Dev": {dev}})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		defer conn.Close()
		for _, text := range []string{"", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("\x00\xff", 100_000), "bye"} {
			if err := conn.WriteMessage(websocket.BinaryMessage, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := conn.ReadMessage(); string(got) != name+" "+text || err != nil {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
		_, _, err = conn.ReadMessage()
		if closed := new(websocket.CloseError); !errors.As(err, &closed) || closed.Code != 4000 || closed.Text != name {
			t.Errorf("%v", err)
		}
	})
}

// Events arrive as they are sent, and whoever sends them hears that their client leaves.
func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	for version, speak := range map[string]struct {
		serve  func(*testing.T, http.HandlerFunc) string
		client func(*testing.T) *http.Client
	}{"HTTP1": {serve1, client1}, "HTTP2": {serve2, client2}} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for name, dev := range map[string]string{"original": "eve", "mine": "ada"} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					events, left := make(chan string), make(chan struct{})
					sender := func(name string) string {
						return speak.serve(t, func(w http.ResponseWriter, r *http.Request) {
							w.Header().Set("Content-Type", "text/event-stream")
							_ = http.NewResponseController(w).Flush()
							for {
								select {
								case text := <-events:
									fmt.Fprintf(w, "data: %s %s\n\n", name, text)
									_ = http.NewResponseController(w).Flush()
								case <-r.Context().Done():
									close(left)
									return
								}
							}
						})
					}
					b := newBed(t, HTTP, sender("original"))
					b.set(t, Rule{ID: "mesh", Matches: []Match{{OfHeader, "x-dev", "ada"}}}, to(sender("mine")))
					response, err := b.ask2(t, speak.client(t), nil, "x-dev", dev)
					if err != nil {
						t.Fatal(err)
					}
					in := bufio.NewReader(response.Body)
					for i := range 10 {
						events <- fmt.Sprint(i)
						want := fmt.Sprintf("data: %s %d\n", name, i)
						if line, err := in.ReadString('\n'); line != want || err != nil {
							t.Fatalf("%q, %v; want %q", line, err, want)
						}
						_, _ = in.ReadString('\n')
					}
					response.Body.Close()
					<-left
				})
			}
		})
	}
}

// 100 MB both ways, with an answer that begins before the request has ended.
func TestMuchData(t *testing.T) {
	t.Parallel()
	const size = 100 << 20
	for version, speak := range map[string]struct {
		serve  func(*testing.T, http.HandlerFunc) string
		client func(*testing.T) *http.Client
	}{"HTTP1": {serve1, client1}, "HTTP2": {serve2, client2}} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, Unknown, speak.serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).EnableFullDuplex()
				_ = http.NewResponseController(w).Flush()
				_, _ = io.Copy(w, r.Body)
			}))
			response, err := b.ask2(t, speak.client(t), io.LimitReader(zeroes{}, size))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
}

// lan is a network in a bubble: an original and a local process, which serve connections with a function.
type lan struct {
	*Server
	serving sync.WaitGroup
	cancel  context.CancelFunc
	ctx     context.Context
}

func newLAN(t *testing.T, original, local func(net.Conn)) *lan {
	l := &lan{Server: &Server{Table: &Table{}, Logger: slog.New(slog.DiscardHandler)}}
	l.ctx, l.cancel = context.WithCancel(t.Context())
	reach := func(serve func(net.Conn)) (net.Conn, error) {
		near, far := net.Pipe()
		l.serving.Go(func() {
			defer far.Close()
			serve(far)
		})
		return near, nil
	}
	l.Originals = &Originals{Dial: func(context.Context, string, string) (net.Conn, error) { return reach(original) }}
	l.Originals.Set(map[int][]string{port: {"original"}})
	_, err := l.Table.Set(Rule{ID: "mesh", Ports: []int{port}, Matches: []Match{{OfHeader, "x-dev", "ada"}}},
		func(context.Context, int) (net.Conn, error) { return reach(local) })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// client is a new one's end of its connection.
func (l *lan) client(protocol Protocol) net.Conn {
	near, far := net.Pipe()
	l.serving.Go(func() { l.serveConn(l.ctx, &l.serving, far, port, protocol) })
	return near
}

func (l *lan) end() {
	l.cancel()
	l.serving.Wait()
}

// Silence of whichever length ends nothing: before a request, within it, before its answer, and within that.
func TestSilence(t *testing.T) {
	t.Parallel()
	for _, protocol := range []Protocol{HTTP, Unknown, TCP} {
		for name, dev := range map[string]string{"original": "eve", "mine": "ada"} {
			if protocol == TCP && name == "mine" {
				continue // no mesh takes its connections
			}
			t.Run(fmt.Sprint(name, " ", protocol), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					const long = time.Hour
					answer := func(name string) func(net.Conn) {
						return func(conn net.Conn) {
							in := bufio.NewReader(conn)
							r, err := http.ReadRequest(in)
							if err != nil {
								return
							}
							body, err := io.ReadAll(r.Body)
							if err != nil {
								return
							}
							text := fmt.Sprint(name, " ", string(body))
							<-time.After(long)
							fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text[:3])
							<-time.After(long)
							_, _ = io.WriteString(conn, text[3:])
							_, _ = in.ReadByte()
						}
					}
					l := newLAN(t, answer("original"), answer("mine"))
					defer l.end()
					conn := l.client(protocol)
					defer conn.Close()
					<-time.After(long)
					_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nX-Dev: "+dev)
					<-time.After(long)
					_, _ = io.WriteString(conn, "\r\nContent-Length: 4\r\n\r\nbo")
					<-time.After(long)
					_, _ = io.WriteString(conn, "dy")
					response, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Fatal(err)
					}
					if got, err := io.ReadAll(response.Body); string(got) != name+" body" || err != nil {
						t.Errorf("%q, %v", got, err)
					}
				})
			})
		}
	}
}

// A consumer that takes nothing holds up whoever sends to it: nothing heaps up in the front.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	for name, dev := range map[string]string{"original": "eve", "mine": "ada"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int64
				send := func(conn net.Conn) {
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
						return
					}
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
					for piece := make([]byte, 4096); sent.Load() < size; {
						if _, err := conn.Write(piece); err != nil {
							return
						}
						sent.Add(int64(len(piece)))
					}
				}
				l := newLAN(t, send, send)
				defer l.end()
				conn := l.client(HTTP)
				defer conn.Close()
				fmt.Fprintf(conn, "GET / HTTP/1.1\r\nX-Dev: %s\r\n\r\n", dev)
				synctest.Wait()
				if n := sent.Load(); n > 2*bufferSize {
					t.Errorf("%d bytes are on their way", n)
				}
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
					t.Errorf("%d bytes, %v", n, err)
				}
			})
		})
	}
}

// The same of a stream: its sender is held up by its window, and that of the connection to it stays open for others.
func TestSlowConsumerOfAStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size = 1 << 20
		var sent atomic.Int64
		server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				for piece := make([]byte, 4096); r.URL.Path == "/much" && sent.Load() < size; {
					if _, err := w.Write(piece); err != nil {
						return
					}
					sent.Add(int64(len(piece)))
				}
			})}
		server.Protocols.SetUnencryptedHTTP2(true)
		var l *lan
		send := func(conn net.Conn) { _ = server.Serve(&once{conn: conn, over: l.ctx.Done()}) }
		l = newLAN(t, send, send)
		defer l.end()
		conn := l.client(HTTP)
		defer conn.Close()
		heard := make(chan http2.Frame, 10_000)
		go func() {
			defer close(heard)
			framer := http2.NewFramer(nil, conn)
			for {
				f, err := framer.ReadFrame()
				if err != nil {
					return
				}
				if d, ok := f.(*http2.DataFrame); ok && len(d.Data()) > 0 {
					continue
				}
				heard <- f
			}
		}()
		said := newFrameWriter(conn)
		_, _ = io.WriteString(conn, http2.ClientPreface)
		_ = said.framer.WriteSettings()
		ask := func(id uint32, path string) {
			err := said.write(frame{kind: http2.FrameHeaders, id: id, end: true, fields: []hpack.HeaderField{
				{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: path},
			}}, defaultFrame)
			if err := errors.Join(err, said.flush()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		ask(1, "/much")
		if n := sent.Load(); n < defaultWindow || n > defaultWindow+2*streamWindow {
			t.Errorf("%d bytes are on their way", n)
		}
		ask(3, "/nothing")
		var answered []uint32
		for len(heard) > 0 {
			if f := <-heard; f.Header().Type == http2.FrameHeaders {
				answered = append(answered, f.Header().StreamID)
			}
		}
		if diff := cmp.Diff([]uint32{1, 3}, answered); diff != "" {
			t.Error(diff)
		}
		conn.Close()
		l.end()
		_ = server.Close()
	})
}

// once is a listener with one connection, until it is over.
type once struct {
	conn net.Conn
	over <-chan struct{}
	done bool
}

func (o *once) Accept() (net.Conn, error) {
	if o.done {
		<-o.over
		return nil, net.ErrClosed
	}
	o.done = true
	return o.conn, nil
}

func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return &net.TCPAddr{} }

// A head of HTTP/2 that comes byte by byte is read as one that comes at once.
func TestStreamByteByByte(t *testing.T) {
	t.Parallel()
	for name, dev := range map[string]string{"original": "eve", "mine": "ada"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, Unknown, says2(t, "original"))
			b.set(t, Rule{ID: "mesh", Matches: []Match{{OfHeader, "x-dev", "ada"}}}, to(says2(t, "mine")))
			var text bytes.Buffer
			text.WriteString(http2.ClientPreface)
			said := newFrameWriter(&text)
			err := errors.Join(said.framer.WriteSettings(), said.flush(),
				said.write(frame{kind: http2.FrameHeaders, id: 1, end: true, fields: []hpack.HeaderField{
					{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: "/x"},
					{Name: "x-dev", Value: dev},
				}}, 7), said.flush()) // in several frames
			if err != nil {
				t.Fatal(err)
			}
			conn := b.dial(t)
			write(conn, text.String(), 1)
			framer := http2.NewFramer(nil, conn)
			for {
				f, err := framer.ReadFrame()
				if err != nil {
					t.Fatal(err)
				}
				if d, ok := f.(*http2.DataFrame); ok {
					if got, want := string(d.Data()), name+" GET /x 127.0.0.1 "; got != want {
						t.Errorf("%q, want %q", got, want)
					}
					return
				}
			}
		})
	}
}
