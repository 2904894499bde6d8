package route

import (
	"bufio"
	"bytes"
	"context"
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

	"github.com/nhctl/nhctl/sidecar/wire"
)

// heard is a process that keeps what it is told.
type heard struct {
	mu   sync.Mutex
	text []string
}

func (h *heard) add(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, text)
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.text...)
}

// is waits until that is what was heard.
func (h *heard) is(t *testing.T, want ...string) {
	t.Helper()
	until(t, fmt.Sprintf("%q is heard, but %q", want, h.all()), func() bool { return len(h.all()) >= len(want) })
	if diff := cmp.Diff(want, h.all()); diff != "" {
		t.Error(diff)
	}
}

// hears is a process that keeps the bytes of each connection until it ends, or until they are as many as wanted, and
// then answers.
func (h *heard) hears(t *testing.T, want int, answer string) string {
	t.Helper()
	return speaker(t, func(conn net.Conn) {
		b, _ := io.ReadAll(io.LimitReader(conn, int64(want)))
		h.add(string(b))
		_, _ = io.WriteString(conn, answer)
	})
}

// counts waits until a mirror has counted so much.
func (b *bed) counts(t *testing.T, id string, want Report) {
	t.Helper()
	until(t, fmt.Sprintf("%+v, but %+v", want, b.report(t, id)), func() bool {
		got := b.report(t, id)
		got.ID, got.Last = "", nil
		return cmp.Equal(want, got)
	})
}

// used is what all copies take of the memory for them.
func (b *bed) used() int {
	b.Table.copies.mu.Lock()
	defer b.Table.copies.mu.Unlock()
	return b.Table.copies.used
}

// The original has the same bytes with a mirror and without, and the copy has them, too, but for its mark.
func TestMirrorBytes(t *testing.T) {
	t.Parallel()
	const from = "X-Forwarded-For: 127.0.0.1\r\n"
	for name, request := range map[string]string{
		"no body":             "GET /a HTTP/1.1\r\nhOST: x\r\nZ:1\r\nA:  2 \r\nZ: 3\r\n\r\n",
		"a length":            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
		"chunks and trailers": "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nb\r\n0\r\nT: 1\r\n\r\n",
		"an old client":       "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"much":                "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("0", 100_000),
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprint(name, " by ", piece), func(t *testing.T) {
				t.Parallel()
				head, rest, _ := strings.Cut(request, "\r\n\r\n")
				want := head + "\r\n" + from + "\r\n" + rest
				marked := head + "\r\n" + from + "X-Nhctl-Route: copy; mirrored\r\n\r\n" + rest
				const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi"
				var originals, copied heard
				b := newBed(t, Unknown, speaker(t, func(conn net.Conn) {
					for { // one connection for all requests of a client
						text := make([]byte, len(want))
						if _, err := io.ReadFull(conn, text); err != nil {
							return
						}
						originals.add(string(text))
						write(conn, answer, piece)
					}
				}))
				b.set(t, Rule{ID: "copy", Mirror: true}, to(copied.hears(t, len(marked), answer)))
				conn := b.dial(t)
				var sending sync.WaitGroup
				defer sending.Wait()
				sending.Go(func() { write(conn, request+request, piece) }) // pipelined
				answers := make([]byte, 2*len(answer))
				if _, err := io.ReadFull(conn, answers); err != nil || string(answers) != answer+answer {
					t.Fatalf("%q, %v", answers, err)
				}
				originals.is(t, want, want)
				copied.is(t, marked, marked)
				b.counts(t, "copy", Report{Matched: 2})
				until(t, "the memory is given back", func() bool { return b.used() == 0 })
			})
		}
	}
}

// Whatever a client says, by requests or otherwise, the original hears the same with mirrors as without.
func FuzzMirror(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\nGET",
		"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\nabc",
		"*1\r\n$4\r\nPING\r\n",
		"",
	} {
		f.Add(text)
	}
	hear := func(t *testing.T, text string, mirrors ...Rule) string {
		server := &Server{Table: &Table{}, Originals: &Originals{}, Logger: slog.New(slog.DiscardHandler)}
		texts, dials := make(chan string, 16), 0
		original := speaker(t, func(conn net.Conn) {
			text, _ := io.ReadAll(conn)
			texts <- string(text)
		})
		server.Originals.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
			dials++
			return net.Dial(network, address)
		}
		server.Originals.Set(map[int][]string{port: {original}})
		for i, r := range mirrors {
			dial := to(speaker(t, func(conn net.Conn) {
				if i == 0 {
					_, _ = io.Copy(io.Discard, conn)
				}
			}))
			r.Ports, r.Mirror = []int{port}, true
			if _, err := server.Table.Set(r, dial); err != nil {
				t.Fatal(err)
			}
		}
		near, far := tcp(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var serving sync.WaitGroup
		serving.Go(func() { server.serveConn(ctx, &serving, far, port, HTTP) })
		_, _ = io.WriteString(near, text)
		_ = near.CloseWrite()
		_, _ = io.Copy(io.Discard, near)
		cancel()
		serving.Wait()
		whole := ""
		for range dials {
			whole += <-texts
		}
		return whole
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, prefaceLine) {
			t.Skip("of HTTP/2")
		}
		text = firstRequest(text) // the next one waits for an answer, which never comes
		without := hear(t, text)
		with := hear(t, text, Rule{ID: "a"}, Rule{ID: "b"}, Rule{ID: "c", Matches: []Match{{OfMethod, "", "GET"}}})
		if with != without {
			t.Errorf("%q instead of %q", with, without)
		}
	})
}

// firstRequest is the first request of a text, or all of it where it is none.
func firstRequest(text string) string {
	in := &reader{conn: &sliced{text: text, piece: 1}, buffers: &buffers{}}
	h, err := readHead(in, requestLine)
	if err != nil {
		return text
	}
	var passed bytes.Buffer
	b, err := h.requestBody()
	if err != nil || copyBody(&passed, in, b) != nil {
		return text
	}
	return string(h.raw) + passed.String()
}

// tcp is a connection's two ends.
func tcp(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	listener := listen(t)
	one, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	two, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close(); two.Close() })
	return one.(*net.TCPConn), two.(*net.TCPConn)
}

// Whatever a local process does with its copies, the original and its client see nothing of it.
func TestMirrorInTrouble(t *testing.T) {
	t.Parallel()
	const size = mirrorBudget + 2<<20
	refused := listen(t)
	refused.Close()
	local := func(serve func(net.Conn)) func(*testing.T) Dial {
		return func(t *testing.T) Dial { return to(speaker(t, serve)) }
	}
	for name, dial := range map[string]func(*testing.T) Dial{
		"away":    func(*testing.T) Dial { return nil },
		"refused": func(*testing.T) Dial { return to(refused.Addr().String()) },
		"leaves":  local(func(net.Conn) {}),
		"resets":  local(func(conn net.Conn) { wire.Reset(conn, "") }),
		"babbles": local(func(conn net.Conn) { write(conn, "who is there?\x00", 100) }),
		"never connects": func(*testing.T) Dial {
			return func(ctx context.Context, _ int) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		},
		"takes nothing": func(t *testing.T) Dial {
			return func(context.Context, int) (net.Conn, error) {
				near, far := net.Pipe()
				t.Cleanup(func() { far.Close() })
				return near, nil
			}
		},
	} {
		for version, speak := range map[string]struct {
			serve  func(*testing.T, http.HandlerFunc) string
			client func(*testing.T) *http.Client
		}{"HTTP1": {serve1, client1}, "HTTP2": {serve2, client2}} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				b := newBed(t, HTTP, speak.serve(t, func(w http.ResponseWriter, r *http.Request) {
					n, err := io.Copy(io.Discard, r.Body)
					fmt.Fprint(w, n, err)
				}))
				b.set(t, Rule{ID: "copy", Mirror: true}, dial(t))
				response, err := b.ask2(t, speak.client(t), io.LimitReader(zeroes{}, size))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if got := string(body); got != fmt.Sprint(size, " <nil>") || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				if mark := response.Header.Get(Mark); mark != "" {
					t.Errorf("it is marked %q", mark)
				}
				until(t, "the copy is counted", func() bool {
					r := b.report(t, "copy")
					return r.Errors+r.Dropped == 1 && r.Matched == 0 // one that waits long is dropped before it fails
				})
				until(t, "the memory is given back", func() bool { return b.used() == 0 })
			})
		}
	}
}

func serve1(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := &http.Server{Handler: handler}
	listener := listen(t)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(listener) }()
	t.Cleanup(func() { s.Close(); <-done })
	return listener.Addr().String()
}

func client1(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// Copies of which too many wait are given up, and no memory beyond the limit is taken; the next are taken again.
func TestMirrorBound(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var waiting atomic.Int64
	mine := serve1(t, func(http.ResponseWriter, *http.Request) {
		waiting.Add(1)
		<-release
	})
	b := newBed(t, HTTP, says(t, "original"))
	b.set(t, Rule{ID: "copy", Mirror: true}, to(mine))
	conn := b.dial(t)
	in := bufio.NewReader(conn)
	const most, asked = mirrorBudget / copyCost, mirrorBudget/copyCost + 100
	ask := func() {
		write(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
	}
	for range asked {
		ask()
		if n := b.used(); n > mirrorBudget {
			t.Fatalf("%d bytes are taken", n)
		}
	}
	until(t, "copies wait", func() bool { return waiting.Load() > 0 })
	dropped := b.report(t, "copy").Dropped
	if dropped < asked-most {
		t.Errorf("%d of %d were dropped", dropped, asked)
	}
	close(release)
	until(t, "the memory is given back", func() bool { return b.used() == 0 })
	ask()
	until(t, "each copy is counted once", func() bool {
		// With so many at once, one may not be taken in time, and one that has begun may be given up and be counted
		// late.
		r := b.report(t, "copy")
		return r.Matched+r.Errors+r.Dropped == asked+1 && r.Dropped >= dropped && r.Matched > 0
	})
}

// A client that breaks its request off breaks off the copy, too: a part is never taken for the whole.
func TestMirrorOfABrokenRequest(t *testing.T) {
	t.Parallel()
	drain := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	for version, speak := range map[string]struct {
		serve  func(*testing.T, http.HandlerFunc) string
		client func(*testing.T) *http.Client
	}{"HTTP1": {serve1, client1}, "HTTP2": {serve2, client2}} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			begun, broken := make(chan struct{}), make(chan error, 1)
			b := newBed(t, HTTP, speak.serve(t, drain))
			b.set(t, Rule{ID: "copy", Mirror: true}, to(speak.serve(t, func(_ http.ResponseWriter, r *http.Request) {
				close(begun)
				_, err := io.Copy(io.Discard, r.Body)
				broken <- err
			})))
			reader, writer := io.Pipe()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.address, reader)
			if err != nil {
				t.Fatal(err)
			}
			var breaking sync.WaitGroup
			breaking.Go(func() {
				_, _ = writer.Write(make([]byte, 64<<10)) // more than a client keeps for later
				<-begun
				writer.CloseWithError(io.ErrClosedPipe)
			})
			if response, err := speak.client(t).Do(r); err == nil {
				response.Body.Close()
				t.Error("it was answered")
			}
			breaking.Wait()
			if err := <-broken; err == nil {
				t.Error("it was taken for the whole")
			}
			until(t, "the memory is given back", func() bool { return b.used() == 0 })
		})
	}
}

// A stream has a copy with its headers, its data however much that is, and its trailers.
func TestMirrorStreams(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	var copied heard
	b := newBed(t, HTTP, says2(t, "original"))
	b.set(t, Rule{ID: "copy", Mirror: true}, to(serve2(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		copied.add(fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("X-Forwarded-For"), " ", r.Header.Get(Mark), " ",
			r.Header["A"], " ", n, " ", err, " ", r.Trailer.Get("Sent")))
		_, _ = io.Copy(w, io.LimitReader(zeroes{}, size)) // it is read, and goes nowhere
	})))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.address+"/x?y",
		io.LimitReader(zeroes{}, size))
	if err != nil {
		t.Fatal(err)
	}
	r.Header["A"] = []string{"1", "2"}
	r.Trailer = http.Header{"Sent": {"all"}}
	response, err := client2(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	copied.is(t, fmt.Sprint("POST /x?y 127.0.0.1 copy; mirrored [1 2] ", size, " <nil> all"))
	b.counts(t, "copy", Report{Matched: 1})
	until(t, "the memory is given back", func() bool { return b.used() == 0 })
}

// Mirrors claim nothing: any number of them combines with meshes and exchanges, each with its conditions. Health checks
// and upgrades have no copies.
func TestMirrorsCombine(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "original"))
	mirror := func(name string, matches ...Match) *heard {
		h := &heard{}
		b.set(t, Rule{ID: name, Mirror: true, Matches: matches}, to(serve1(t,
			func(_ http.ResponseWriter, r *http.Request) { h.add(r.Header.Get(Mark) + " " + r.URL.Path) })))
		return h
	}
	first, second, books := mirror("first"), mirror("second"), mirror("books", Match{OfPath, "", "^/books"})
	b.set(t, Rule{ID: "mesh", Matches: []Match{{OfHeader, "x-dev", "ada"}}}, to(says(t, "mesh")))
	ask := func(path, want string, headers ...string) {
		t.Helper()
		if got, mark := b.get(t, path, headers...); got != want || mark != "" {
			t.Errorf("%q, %q", got, mark)
		}
	}
	ask("/a", "original GET /a ")
	first.is(t, "first; mirrored /a") // no order of copies is promised
	second.is(t, "second; mirrored /a")
	ask("/books", "mesh GET /books ", "x-dev", "ada")
	first.is(t, "first; mirrored /a", "first; mirrored /books")
	second.is(t, "second; mirrored /a", "second; mirrored /books")
	b.set(t, Rule{ID: "exchange"}, to(says(t, "exchange")))
	ask("/c", "exchange GET /c ")
	ask("/h", "original GET /h ", "User-Agent", "kube-probe/1.36")
	ask("/u", "exchange GET /u ", "Upgrade", "websocket")
	first.is(t, "first; mirrored /a", "first; mirrored /books", "first; mirrored /c")
	second.is(t, "second; mirrored /a", "second; mirrored /books", "second; mirrored /c")
	books.is(t, "books; mirrored /books")
	b.counts(t, "first", Report{Matched: 3, Passed: 2})
	b.counts(t, "books", Report{Matched: 1, Passed: 4})
	b.Table.Remove("first")
	ask("/d", "exchange GET /d ")
	second.is(t, "second; mirrored /a", "second; mirrored /books", "second; mirrored /c", "second; mirrored /d")
	last := b.report(t, "books").Last
	if diff := cmp.Diff([]Request{{Method: "GET", Path: "/books", Status: 200}}, last); diff != "" {
		t.Error(diff)
	}
}

// Of other protocols, the client's bytes are copied, with their end.
func TestMirrorConnections(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{
		"Redis":         "*1\r\n$4\r\nPING\r\n",
		"much":          strings.Repeat("\x00much\xff", 100_000),
		"after a while": "GET / HTTP/1.1\r\nHost: x\r\n\r\nSET key value\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var copied heard
			echo := func(conn net.Conn) { _, _ = io.Copy(conn, conn) }
			original := speaker(t, echo)
			if name == "after a while" {
				original = speaker(t, func(conn net.Conn) {
					in := bufio.NewReader(conn)
					for {
						if b, err := in.Peek(1); err != nil || b[0] != 'G' {
							break
						}
						if _, err := http.ReadRequest(in); err != nil {
							return
						}
						write(conn, "HTTP/1.1 204 None\r\n\r\n", 100)
					}
					_, _ = io.Copy(conn, in)
				})
			}
			b := newBed(t, Unknown, original)
			b.set(t, Rule{ID: "copy", Mirror: true}, to(speaker(t, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				if b, err := in.Peek(1); err == nil && b[0] == 'G' {
					_, _ = http.ReadRequest(in)
					write(conn, "HTTP/1.1 204 None\r\n\r\n", 100)
					return
				}
				text, err := io.ReadAll(in)
				copied.add(fmt.Sprint(string(text), err))
			})))
			conn := b.dial(t)
			var sending sync.WaitGroup
			defer sending.Wait()
			sending.Go(func() {
				write(conn, said, 1<<20)
				_ = conn.CloseWrite()
			})
			got, err := io.ReadAll(conn)
			_, want, found := strings.Cut(said, "\r\n\r\n")
			if !found {
				want = said
			}
			if !strings.HasSuffix(string(got), want) || err != nil {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			copied.is(t, want+"<nil>")
		})
	}
	t.Run("reset", func(t *testing.T) {
		t.Parallel()
		var copied heard
		heardHalf := make(chan struct{})
		hold := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
		b := newBed(t, TCP, speaker(t, hold))
		b.set(t, Rule{ID: "copy", Mirror: true}, to(speaker(t, func(conn net.Conn) {
			begun := make([]byte, 4)
			_, _ = io.ReadFull(conn, begun)
			close(heardHalf)
			_, err := io.ReadAll(conn)
			copied.add(fmt.Sprint(err != nil))
		})))
		conn := b.dial(t)
		write(conn, "half", 100)
		<-heardHalf
		wire.Reset(conn, "")
		copied.is(t, "true")
	})
}

// An answer that never ends is heard for a while after its original is over, and one that has not begun for as long as
// its local process likes: it may stand at a breakpoint.
func TestMirrorAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says string
		left bool
	}{
		"endless":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", true},
		"breakpoint": {"HTTP/1.1 100 Continue\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				table := &Table{}
				dial := func(context.Context, int) (net.Conn, error) { return near, nil }
				rule := Rule{ID: "copy", Mirror: true, Ports: []int{port}}
				if _, err := table.Set(rule, dial); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var serving sync.WaitGroup
				c1 := &client{server: &Server{Table: table}, port: port, life: ctx, serving: &serving}
				all := c1.copies(&request{method: "GET", target: "/"}, byRequest)
				all.push(frame{data: []byte("GET / HTTP/1.1\r\n\r\n"), end: true})
				if _, err := http.ReadRequest(bufio.NewReader(far)); err != nil {
					t.Fatal(err)
				}
				write(far, c.says, 100)
				synctest.Wait()
				all.leave()
				over := make(chan struct{})
				go func() { serving.Wait(); close(over) }()
				ended := false
				select {
				case <-over:
					ended = true
				case <-ctx.Done():
				case <-time.After(2 * lingering):
				}
				if ended != c.left {
					t.Errorf("ended: %v", ended)
				}
				cancel()
				<-over
			})
		})
	}
}
