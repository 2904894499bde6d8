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
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/wire"
)

const port = 8080 // of the agent, as rules name it

// bed is an agent's port with originals behind it, and local processes that rules lead to.
type bed struct {
	*Server
	address string
	cancel  context.CancelFunc
}

func newBed(t *testing.T, protocol Protocol, originals ...string) *bed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b := &bed{cancel: cancel, Server: &Server{
		Table:     &Table{Grace: time.Hour},
		Originals: &Originals{},
		Logger:    slog.New(slog.DiscardHandler),
	}}
	b.Originals.Set(map[int][]string{port: originals})
	listener := listen(t)
	b.address = listener.Addr().String()
	done := make(chan error, 1)
	go func() { done <- b.serve(ctx, listener, port, protocol) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// to dials an address, as the computer does.
func to(address string) Dial {
	return func(ctx context.Context, _ int) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, &wire.Refusal{Code: "refused", Reason: err.Error()}
		}
		return conn, nil
	}
}

func (b *bed) set(t *testing.T, r Rule, dial Dial) (away func()) {
	t.Helper()
	r.Ports = []int{port}
	away, err := b.Table.Set(r, dial)
	if err != nil {
		t.Fatal(err)
	}
	return away
}

// says is an HTTP server that answers with its name.
func says(t *testing.T, name string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %s %s %s", name, r.Method, r.URL, body)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// speaker is a server of bytes: it takes one connection after the other and hands them over.
func speaker(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener := listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func (b *bed) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", b.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func (b *bed) get(t *testing.T, path string, headers ...string) (answer, mark string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), response.Header.Get(Mark)
}

func (b *bed) report(t *testing.T, id string) Report {
	t.Helper()
	for _, r := range b.Table.Report() {
		if r.ID == id {
			for i := range r.Last {
				r.Last[i].Time = time.Time{}
			}
			return r
		}
	}
	t.Fatalf("no rule %s", id)
	return Report{}
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("never: " + what)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	r := &request{method: "GET", target: "/books/7?q=1", fields: []field{
		{"x-dev", "ada"}, {"accept", "a"}, {"accept", "b"}, {"baggage", "team=blue;p=1, dev=a%20b"},
	}}
	for name, c := range map[string]struct {
		matches []Match
		want    bool
	}{
		"none":                {nil, true},
		"header":              {[]Match{{OfHeader, "X-Dev", "ada"}}, true},
		"another value":       {[]Match{{OfHeader, "X-Dev", "ad"}}, false},
		"prefix":              {[]Match{{OfHeader, "X-Dev", "^ad"}}, true},
		"expression":          {[]Match{{OfHeader, "X-Dev", "~^a.a$"}}, true},
		"one line of several": {[]Match{{OfHeader, "Accept", "b"}}, true},
		"path":                {[]Match{{OfPath, "", "/books/7"}}, true},
		"path, prefix":        {[]Match{{OfPath, "", "^/books/"}}, true},
		"path without query":  {[]Match{{OfPath, "", "~q="}}, false},
		"method":              {[]Match{{OfMethod, "", "GET"}}, true},
		"method, other case":  {[]Match{{OfMethod, "", "get"}}, false},
		"baggage":             {[]Match{{OfBaggage, "dev", "a b"}}, true},
		"baggage, properties": {[]Match{{OfBaggage, "team", "blue"}}, true},
		"mark in a header":    {[]Match{{OfMark, "x-dev", "ada"}}, true},
		"mark in baggage":     {[]Match{{OfMark, "dev", "a b"}}, true},
		"no such mark":        {[]Match{{OfMark, "dev", "ada"}}, false},
		"baggage, property":   {[]Match{{OfBaggage, "p", "1"}}, false},
		"both":                {[]Match{{OfMethod, "", "GET"}, {OfHeader, "x-dev", "ada"}}, true},
		"one of two":          {[]Match{{OfMethod, "", "PUT"}, {OfHeader, "x-dev", "ada"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conditions, err := compile(c.matches)
			if err != nil {
				t.Fatal(err)
			}
			if got := (&live{conditions: conditions}).takes(port, r); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestRulesThatAreNone(t *testing.T) {
	t.Parallel()
	good := Rule{ID: "a1", Ports: []int{80}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Rule){
		"no id":            func(r *Rule) { r.ID = "" },
		"an id of lines":   func(r *Rule) { r.ID = "a\nb" },
		"no port":          func(r *Rule) { r.Ports = nil },
		"a port of none":   func(r *Rule) { r.Ports = []int{70000} },
		"a part of none":   func(r *Rule) { r.Matches = []Match{{Of: "body", Value: "x"}} },
		"a bad expression": func(r *Rule) { r.Matches = []Match{{Of: OfPath, Value: "~("}} },
		"no name":          func(r *Rule) { r.Matches = []Match{{Of: OfHeader, Value: "x"}} },
		"a bad name":       func(r *Rule) { r.Matches = []Match{{Of: OfHeader, Name: "a b", Value: "x"}} },
		"a long value":     func(r *Rule) { r.Matches = []Match{{Of: OfPath, Value: strings.Repeat("x", 300)}} },
		"a long hold":      func(r *Rule) { r.Hold = 1e9 },
		"half a pod":       func(r *Rule) { r.Address = "10.0.0.7" },
		"a mirroring pod":  func(r *Rule) { r.Pod, r.Mirror = true, true },
		"a pod by name":    func(r *Rule) { r.Pod, r.Address = true, "web" },
		"a pod of none":    func(r *Rule) { r.Pod, r.Address = true, "169.254.169.254" },
	} {
		r := good
		change(&r)
		if r.Check() == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestByRequest(t *testing.T) {
	t.Parallel()
	for name, protocol := range map[string]Protocol{"http": HTTP, "unknown": Unknown} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, protocol, says(t, "original"))
			b.set(t, Rule{ID: "mesh", Matches: []Match{{OfHeader, "x-dev", "ada"}}}, to(says(t, "mine")))
			client := http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}} // all by one connection
			defer client.CloseIdleConnections()
			for i := range 10 {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.address+"/x?y=1",
					strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				want := "original POST /x?y=1 body"
				if i%2 == 0 {
					r.Header.Set("X-Dev", "ada")
					want = "mine POST /x?y=1 body"
				}
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if string(body) != want || err != nil {
					t.Fatalf("%q, %v; want %q", body, err, want)
				}
			}
			last := make([]Request, 5)
			for i := range last {
				last[i] = Request{Method: "POST", Path: "/x", Status: 200}
			}
			want := Report{ID: "mesh", Matched: 5, Passed: 5, Last: last}
			if diff := cmp.Diff(want, b.report(t, "mesh")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A mesh wins over an exchange, and an exchange takes all else but health checks.
func TestMeshAndExchange(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "original"))
	b.set(t, Rule{ID: "a-exchange"}, to(says(t, "exchange")))
	b.set(t, Rule{ID: "b-mesh", Matches: []Match{{OfPath, "", "^/x"}}}, to(says(t, "mesh")))
	for _, c := range []struct{ path, agent, want string }{
		{"/", "curl/8", "exchange GET / "},
		{"/xy", "curl/8", "mesh GET /xy "},
		{"/xy", "kube-probe/1.36", "original GET /xy "},
	} {
		if got, mark := b.get(t, c.path, "User-Agent", c.agent); got != c.want || mark != "" {
			t.Errorf("%q, %q; want %q", got, mark, c.want)
		}
	}
	b.Table.Remove("a-exchange")
	if got, _ := b.get(t, "/"); got != "original GET / " {
		t.Errorf("after its end: %q", got)
	}
}

// What can't be led to the computer, the originals answer, and the answer says so.
func TestFailOpen(t *testing.T) {
	t.Parallel()
	refused := listen(t)
	refused.Close()
	for name, c := range map[string]struct {
		dial   Dial
		strict bool
		answer string
		mark   string
	}{
		"refused": {to(refused.Addr().String()), false, "original GET / ", "mine; failed-open=refused"},
		"away":    {nil, false, "original GET / ", "mine; failed-open=away"},
		"overload": {func(context.Context, int) (net.Conn, error) { return nil, &wire.Refusal{Reason: "too many"} },
			false, "original GET / ", "mine; failed-open=failed"},
		"cut": {func(context.Context, int) (net.Conn, error) { return nil, io.ErrUnexpectedEOF }, false,
			"original GET / ", "mine; failed-open=away"},
		"strict": {nil, true, "route mine is strict, and its local process was not reached: away\n",
			"mine; refused=away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, HTTP, says(t, "original"))
			b.set(t, Rule{ID: "mine", Strict: c.strict}, c.dial)
			if answer, mark := b.get(t, "/"); answer != c.answer || mark != c.mark {
				t.Errorf("%q, %q", answer, mark)
			}
			want := Report{ID: "mine", Away: c.dial == nil, FailedOpen: 1, Last: []Request{{
				Method:     "GET",
				Path:       "/",
				Status:     200,
				FailedOpen: strings.TrimPrefix(c.mark, "mine; failed-open="),
			}}}
			if c.strict {
				want.FailedOpen, want.Errors, want.Last[0].Status, want.Last[0].FailedOpen = 0, 1, 0, ""
			}
			if diff := cmp.Diff(want, b.report(t, "mine")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A local process that has taken connections is waited for while it restarts.
func TestHold(t *testing.T) {
	t.Parallel()
	mine := to(says(t, "mine"))
	var tries, down atomic.Int64
	dial := func(ctx context.Context, port int) (net.Conn, error) {
		if tries.Add(1); down.Load() > 0 && down.Add(-1) >= 0 {
			return nil, &wire.Refusal{Code: "refused"}
		}
		return mine(ctx, port)
	}
	b := newBed(t, HTTP, says(t, "original"))
	b.set(t, Rule{ID: "mine", Hold: 30_000}, dial)
	down.Store(1)
	if answer, _ := b.get(t, "/"); answer != "original GET / " || tries.Load() != 1 {
		t.Errorf("before it ever ran: %q after %d tries", answer, tries.Load())
	}
	if answer, _ := b.get(t, "/"); answer != "mine GET / " {
		t.Errorf("it runs: %q", answer)
	}
	down.Store(3)
	if answer, mark := b.get(t, "/"); answer != "mine GET / " || mark != "" || tries.Load() != 6 {
		t.Errorf("it restarts: %q, %q after %d tries", answer, mark, tries.Load())
	}
}

// A rule outlives its carrier by the time of grace, and goes on with the next one.
func TestGrace(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "original"))
	b.Table.Grace = time.Millisecond
	away := b.set(t, Rule{ID: "mine"}, to(says(t, "mine")))
	b.get(t, "/")
	b.set(t, Rule{ID: "mine"}, to(says(t, "again")))
	away() // the first carrier ends after the second has come
	if answer, _ := b.get(t, "/"); answer != "again GET / " {
		t.Errorf("%q", answer)
	}
	if r := b.report(t, "mine"); r.Matched != 2 {
		t.Errorf("%+v", r)
	}
	gone := &Table{Grace: time.Millisecond}
	away, err := gone.Set(Rule{ID: "mine", Ports: []int{port}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	away()
	until(t, "the rule is gone", func() bool { return len(gone.Report()) == 0 })
}

// A connection that is kept for a rule's next request ends with the rule: its process has no client then.
func TestKeptConnectionsEnd(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]struct {
		serve  func(*testing.T, http.HandlerFunc) string
		client func(*testing.T) *http.Client
	}{
		"HTTP/1": {func(t *testing.T, h http.HandlerFunc) string {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return s.Listener.Addr().String()
		}, func(*testing.T) *http.Client { return &http.Client{Transport: &http.Transport{}} }},
		"HTTP/2": {serve2, client2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }
			b := newBed(t, HTTP, version.serve(t, answer))
			var open atomic.Int64
			mine := to(version.serve(t, answer))
			b.set(t, Rule{ID: "mine"}, func(ctx context.Context, port int) (net.Conn, error) {
				conn, err := mine(ctx, port)
				if err != nil {
					return nil, err
				}
				open.Add(1)
				return &openConn{Conn: conn, open: &open}, nil
			})
			client := version.client(t)
			defer client.CloseIdleConnections()
			for range 3 {
				response, err := client.Get("http://" + b.address)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
			if n := open.Load(); n != 1 {
				t.Errorf("%d connections are kept", n)
			}
			b.Table.Remove("mine")
			until(t, "it is closed", func() bool { return open.Load() == 0 })
		})
	}
}

// openConn is a connection that is counted while it is open.
type openConn struct {
	net.Conn
	once sync.Once
	open *atomic.Int64
}

func (c *openConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// Requests, and not connections, are balanced over the originals; one that has gone is passed by.
func TestBalance(t *testing.T) {
	t.Parallel()
	gone := listen(t)
	gone.Close()
	b := newBed(t, HTTP, says(t, "a"), says(t, "b"), gone.Addr().String(), says(t, "c"))
	client := http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	count := map[string]int{}
	for range 40 {
		response, err := client.Get("http://" + b.address)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		count[string(body[:1])]++
	}
	if diff := cmp.Diff(map[string]int{"a": 10, "b": 10, "c": 20}, count); diff != "" {
		t.Error(diff)
	}
}

// Without a list of originals, the fallback leads to one of them.
func TestFallback(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP)
	b.Originals.Fallback = map[int]string{port: says(t, "any")}
	if answer, mark := b.get(t, "/"); answer != "any GET / " || mark != "" {
		t.Errorf("%q, %q", answer, mark)
	}
	b.Originals.Fallback = nil
	if answer, _ := b.get(t, "/"); !strings.HasPrefix(answer, "no original of this Service is ready") {
		t.Errorf("%q", answer)
	}
}

// Each byte arrives as it was sent, but for what is added, however it is cut into pieces.
func TestBytes(t *testing.T) {
	t.Parallel()
	const added = "X-Forwarded-For: 127.0.0.1\r\n"
	for name, c := range map[string]struct{ request, response string }{
		"order, case and duplicates": {
			"GET /a HTTP/1.1\r\nhOST: x\r\nZ:1\r\nA:  2 \r\nZ: 3\r\n\r\n",
			"HTTP/1.1 200 Fine Enough\r\nset-cookie: a\r\nContent-length: 2\r\nSet-Cookie: b\r\n\r\nhi",
		},
		"chunks and trailers": {
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
				"4;a=b\r\nbody\r\n00a\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n2\r\nhi\r\n0\r\nT: 2\r\nU: 3\r\n\r\n",
		},
		"information": {
			"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
		},
		"head": {
			"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
		},
		"lines without CR": {
			"GET / HTTP/1.1\nHost: x\n\n",
			"HTTP/1.1 304 Same\nETag: x\n\n",
		},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprint(name, " by ", piece), func(t *testing.T) {
				t.Parallel()
				head, rest, _ := strings.Cut(c.request, "\r\n\r\n")
				want := head + "\r\n" + added + "\r\n" + rest
				if !strings.Contains(c.request, "\r\n") {
					want = strings.TrimSuffix(c.request, "\n") + added + "\n"
				}
				var got bytes.Buffer
				original := speaker(t, func(conn net.Conn) {
					for range 2 {
						if _, err := io.CopyN(&got, conn, int64(len(want))); err != nil {
							return
						}
						write(conn, c.response, piece)
					}
				})
				conn := newBed(t, Unknown, original).dial(t)
				var sending sync.WaitGroup
				defer sending.Wait()
				sending.Go(func() { write(conn, c.request+c.request, piece) }) // pipelined
				answer := make([]byte, 2*len(c.response))
				if _, err := io.ReadFull(conn, answer); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.response+c.response, string(answer)); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(want+want, got.String()); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func write(to io.Writer, text string, piece int) {
	for text != "" {
		n := min(piece, len(text))
		if _, err := io.WriteString(to, text[:n]); err != nil {
			return
		}
		text = text[n:]
	}
}

// A body without a length lasts until its connection ends, and its end is the client's.
func TestUntilTheEnd(t *testing.T) {
	t.Parallel()
	const response = "HTTP/1.0 200 OK\r\n\r\nall of it"
	b := newBed(t, HTTP, speaker(t, func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		write(conn, response, 5)
	}))
	conn := b.dial(t)
	write(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100)
	if got, err := io.ReadAll(conn); string(got) != response || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// An answer that comes before its request's end is passed on, and the rest of the request, too.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	rest := make(chan string, 1)
	b := newBed(t, HTTP, speaker(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", 100)
		body, _ := io.ReadAll(r.Body)
		rest <- string(body)
		_, _ = io.Copy(io.Discard, in)
	}))
	conn := b.dial(t)
	write(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo", 100)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(response.Body); string(body) != "no" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	write(conn, "dy", 100)
	if got := <-rest; got != "body" {
		t.Errorf("%q", got)
	}
}

// A connection that switches to another protocol belongs to that, both ways.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "original"))
	b.set(t, Rule{ID: "mine"}, to(speaker(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		write(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello ", 100)
		_, _ = io.Copy(conn, in)
	})))
	conn := b.dial(t)
	write(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nGET", 100)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response, err)
	}
	write(conn, " / end", 1)
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(in); string(got) != "hello GET / end" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A client that leaves is known to whoever works for it.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	original := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	}))
	t.Cleanup(original.Close)
	b := newBed(t, HTTP, original.Listener.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cancel()
	<-left
}

// Whoever breaks off an answer breaks it off for the client, too: a part is never taken for the whole.
func TestBrokenAnswer(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, speaker(t, func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 100)
	}))
	response, err := http.Get("http://" + b.address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("%q", got)
	}
}

// What can be read in two ways, or is no HTTP at all, goes by connection: it arrives as it is.
func TestForeign(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"two lengths":     "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"length and code": "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"another coding":  "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"a negative one":  "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"a folded line":   "GET / HTTP/1.1\r\nA: 1\r\n 2\r\n\r\n",
		"space in a name": "GET / HTTP/1.1\r\nA : 1\r\n\r\n",
		"a long head":     "GET / HTTP/1.1\r\nA: " + strings.Repeat("x", maxHead) + "\r\n\r\n",
		"Redis":           "*1\r\n$4\r\nPING\r\n",
		"Redis in a line": "SET key value\r\n",
		"TLS":             "\x16\x03\x01\x02\x00\x01\x00\x01",
		"zeroes":          "\x00\x00\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			echo := func(conn net.Conn) { _, _ = io.Copy(conn, conn) }
			b := newBed(t, Unknown, speaker(t, echo))
			b.set(t, Rule{ID: "mesh", Matches: []Match{{OfPath, "", "/"}}}, to(says(t, "mine")))
			conn := b.dial(t)
			write(conn, sent, 1000)
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(conn, got); string(got) != sent || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// A server that speaks first is heard at once, on a port of which nothing is known.
func TestServerFirst(t *testing.T) {
	t.Parallel()
	greet := func(name string) string {
		return speaker(t, func(conn net.Conn) {
			write(conn, "220 "+name+"\r\n", 3)
			line, _ := bufio.NewReader(conn).ReadString('\n')
			write(conn, "heard "+line, 100)
		})
	}
	b := newBed(t, Unknown, greet("original"))
	converse := func() string {
		conn := b.dial(t)
		in := bufio.NewReader(conn)
		greeting, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		write(conn, "HELO x\r\n", 100)
		heard, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		return greeting + string(heard)
	}
	if got := converse(); got != "220 original\r\nheard HELO x\r\n" {
		t.Errorf("%q", got)
	}
	b.set(t, Rule{ID: "mine"}, to(greet("mine")))
	if got := converse(); got != "220 mine\r\nheard HELO x\r\n" {
		t.Errorf("%q", got)
	}
	if r := b.report(t, "mine"); r.Matched != 1 {
		t.Errorf("%+v", r)
	}
}

// switches has a rule come and go, each after an answer, until stop is called.
func (b *bed) switches(t *testing.T, mine string) (answered chan<- struct{}, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan struct{})
	next := func() {
		select {
		case <-ctx.Done():
		case <-answers:
		}
	}
	var switching sync.WaitGroup
	switching.Go(func() {
		for ctx.Err() == nil {
			away := b.set(t, Rule{ID: "mine"}, to(mine))
			next()
			away()
			b.Table.Remove("mine")
			next()
		}
	})
	return answers, func() { cancel(); switching.Wait() }
}

// 1,000 requests by many connections, while a rule comes and goes: each is answered once, by either.
func TestSwitching(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "x"), says(t, "x"), says(t, "x"), says(t, "x"))
	mine := says(t, "x")
	answered, stop := b.switches(t, mine)
	var asking sync.WaitGroup
	client := http.Client{Transport: &http.Transport{MaxConnsPerHost: 8, MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	for worker := range 8 {
		asking.Go(func() {
			for i := range 125 {
				text := fmt.Sprintf("%d-%d", worker, i)
				response, err := client.Post("http://"+b.address+"/", "text/plain", strings.NewReader(text))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if string(body) != "x POST / "+text || err != nil {
					t.Errorf("%q, %v", body, err)
				}
				answered <- struct{}{}
			}
		})
	}
	asking.Wait()
	stop()
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { return len(b), nil }

// When the agent is about to end, answers say that their connection does, and those that wait are closed.
func TestDrain(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says(t, "original"))
	waiting := b.dial(t)
	in := bufio.NewReader(waiting)
	ask := func() *http.Response {
		write(waiting, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		return response
	}
	if ask().Close {
		t.Error("the connection ends")
	}
	idle := b.dial(t)
	b.draining.Store(true)
	if !ask().Close {
		t.Error("the connection goes on")
	}
	waiting.Close()
	until(t, "the first connection is gone", func() bool { return b.Open() == 1 })
	until(t, "the one that waits is closed", func() bool {
		b.Drain(t.Context(), 0) // it may not wait yet
		return b.Open() == 0
	})
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("it is still open")
	}
}

// Originals that were ready once are the last to be asked where no one says any more which are.
func TestOrderOfOriginals(t *testing.T) {
	t.Parallel()
	o := Originals{Fallback: map[int]string{port: "service"}}
	check := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, o.order(port, "")); diff != "" {
			t.Error(diff)
		}
	}
	check("service")
	o.Set(map[int][]string{port: {"a"}})
	check("a", "service")
	o.Stale()
	check("service", "a")
	o.Set(map[int][]string{})
	check("service")
}
