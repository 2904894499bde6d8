package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// serve2 is a server of HTTP/2 without TLS, as servers of gRPC are.
func serve2(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func says2(t *testing.T, name string) string {
	return serve2(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %s %s %s %s", name, r.Method, r.URL, r.Header.Get("X-Forwarded-For"), body)
	})
}

// client2 is a client of HTTP/2 with one connection.
func client2(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (b *bed) ask2(
	t *testing.T, client *http.Client, body io.Reader, headers ...string,
) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.address+"/x?y=1", body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return client.Do(r)
}

func (b *bed) says2(t *testing.T, client *http.Client, body string, headers ...string) (text, mark string, status int) {
	t.Helper()
	response, err := b.ask2(t, client, strings.NewReader(body), headers...)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(all), response.Header.Get(Mark), response.StatusCode
}

// Streams of one connection go where each belongs.
func TestByStream(t *testing.T) {
	t.Parallel()
	for name, protocol := range map[string]Protocol{"http": HTTP, "unknown": Unknown} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, client := newBed(t, protocol, says2(t, "original")), client2(t)
			b.set(t, Rule{ID: "mesh", Matches: []Match{{OfHeader, "x-dev", "ada"}}}, to(says2(t, "mine")))
			for i := range 10 {
				dev, want := "eve", "original POST /x?y=1 127.0.0.1 body"
				if i%2 == 0 {
					dev, want = "ada", "mine POST /x?y=1 127.0.0.1 body"
				}
				if got, mark, _ := b.says2(t, client, "body", "x-dev", dev); got != want || mark != "" {
					t.Fatalf("%q, %q", got, mark)
				}
			}
			if n := b.Open(); n != 1 {
				t.Errorf("the client has %d connections", n)
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

// Each stream fails open for itself.
func TestStreamsFailOpen(t *testing.T) {
	t.Parallel()
	b, client := newBed(t, HTTP, says2(t, "original")), client2(t)
	b.set(t, Rule{ID: "mine", Matches: []Match{{OfPath, "", "/x"}}}, nil)
	if got, mark, _ := b.says2(t, client, ""); !strings.HasPrefix(got, "original") ||
		mark != "mine; failed-open=away" {
		t.Errorf("%q, %q", got, mark)
	}
	refused := func(context.Context, int) (net.Conn, error) { return nil, &wire.Refusal{Code: "refused"} }
	b.set(t, Rule{ID: "mine", Strict: true}, refused)
	if got, mark, status := b.says2(t, client, "body"); !strings.Contains(got, "is strict") ||
		mark != "mine; refused=refused" || status != http.StatusServiceUnavailable {
		t.Errorf("%q, %q, %d", got, mark, status)
	}
	b.Table.Remove("mine")
	b.Originals.Set(nil)
	if got, _, status := b.says2(t, client2(t), ""); status != http.StatusServiceUnavailable {
		t.Errorf("%q, %d", got, status)
	}
}

// Requests of one connection are balanced over the originals.
func TestStreamsAreBalanced(t *testing.T) {
	t.Parallel()
	b, client := newBed(t, HTTP, says2(t, "a"), says2(t, "b"), says2(t, "c")), client2(t)
	count := map[string]int{}
	for range 30 {
		got, _, _ := b.says2(t, client, "")
		count[got[:1]]++
	}
	if diff := cmp.Diff(map[string]int{"a": 10, "b": 10, "c": 10}, count); diff != "" {
		t.Error(diff)
	}
}

// What either end says of a stream reaches the other at once, with trailers in the end.
func TestStreaming(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, serve2(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		buffer := make([]byte, 100)
		for {
			n, err := r.Body.Read(buffer)
			if n > 0 {
				fmt.Fprintf(w, "<%s>", buffer[:n])
				_ = http.NewResponseController(w).Flush()
			}
			if err != nil {
				break
			}
		}
		w.Header().Set("Grpc-Status", "0 "+r.Trailer.Get("Sent"))
	}))
	reader, writer := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.address, reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"Sent": {"all"}}
	response, err := client2(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for i := range 5 {
		said := fmt.Sprintf("%d", i)
		if _, err := io.WriteString(writer, said); err != nil {
			t.Fatal(err)
		}
		heard := make([]byte, len(said)+2)
		if _, err := io.ReadFull(response.Body, heard); string(heard) != "<"+said+">" || err != nil {
			t.Fatalf("%q, %v", heard, err)
		}
	}
	writer.Close()
	if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if got := response.Trailer.Get("Grpc-Status"); got != "0 all" {
		t.Errorf("%q", got)
	}
}

// A stream that either end resets is reset at the other, and no other is.
func TestStreamReset(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	b := newBed(t, HTTP, serve2(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		if r.Header.Get("abort") != "" {
			panic(http.ErrAbortHandler)
		}
		if r.Header.Get("wait") != "" {
			<-r.Context().Done()
			close(left)
		}
	}))
	client := client2(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("wait", "1")
	waiting, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Body.Close()
	aborted, err := b.ask2(t, client, nil, "abort", "1")
	if err != nil {
		t.Fatal(err)
	}
	defer aborted.Body.Close()
	_, err = io.ReadAll(aborted.Body)
	var stream http2.StreamError
	if err == nil || !errors.As(err, &stream) && !strings.Contains(err.Error(), "INTERNAL_ERROR") {
		t.Errorf("the server aborts: %v", err)
	}
	cancel()
	<-left
	if _, err := b.ask2(t, client, nil); err != nil {
		t.Error(err)
	}
	if n := b.Open(); n != 1 {
		t.Errorf("the client has %d connections", n)
	}
}

// An original that goes takes its streams along, and no others; the next request goes to one that is there.
func TestOriginalGoes(t *testing.T) {
	t.Parallel()
	first := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	first.Config.Protocols = new(http.Protocols)
	first.Config.Protocols.SetUnencryptedHTTP2(true)
	first.Start()
	b, client := newBed(t, HTTP, first.Listener.Addr().String()), client2(t)
	response, err := b.ask2(t, client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b.Originals.Set(map[int][]string{port: {says2(t, "second")}})
	first.CloseClientConnections()
	first.Close()
	if got, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("%q", got)
	}
	if got, _, _ := b.says2(t, client, ""); !strings.HasPrefix(got, "second") {
		t.Errorf("%q", got)
	}
}

// 16 MB both ways, next to a stream whose reader takes nothing, and many small ones.
func TestStreamsFlow(t *testing.T) {
	t.Parallel()
	const size = 16 << 20
	b := newBed(t, Unknown, serve2(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("much") != "" {
			_, _ = io.Copy(w, io.LimitReader(zeroes{}, size))
			return
		}
		_ = http.NewResponseController(w).EnableFullDuplex()
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(w, r.Body)
	}))
	client := client2(t)
	slow, err := b.ask2(t, client, nil, "much", "1")
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			response, err := b.ask2(t, client, strings.NewReader("small"))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if got, err := io.ReadAll(response.Body); string(got) != "small" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	response, err := b.ask2(t, client, io.LimitReader(zeroes{}, size))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	asking.Wait()
	if n, err := io.Copy(io.Discard, slow.Body); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// A connection that takes no more streams stays for one that is about to be written there.
func TestAwayWithAStreamToCome(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer far.Close()
	b := &bridge{sides: map[*side]bool{}}
	s := &side{b: b, conn: near, wake: make(chan struct{}, 1), streams: map[uint32]*half{}, away: true}
	h := &half{s: s, queued: true, peer: &half{}}
	s.ready = []*half{h}
	b.ended(s)
	if s.closed {
		t.Error("it is closed, and the stream is lost")
	}
	h.over = true
	b.ended(s)
	if !s.closed {
		t.Error("it stays open for a stream that is over")
	}
}

// 1,000 requests by streams while a rule comes and goes: each is answered once.
func TestStreamsSwitching(t *testing.T) {
	t.Parallel()
	b := newBed(t, HTTP, says2(t, "x"), says2(t, "x"), says2(t, "x"), says2(t, "x"))
	mine, client := says2(t, "x"), client2(t)
	answered, stop := b.switches(t, mine)
	var asking sync.WaitGroup
	for worker := range 20 {
		asking.Go(func() {
			for i := range 50 {
				text := fmt.Sprintf("%d-%d", worker, i)
				got, _, _ := b.says2(t, client, text)
				if got != "x POST /x?y=1 127.0.0.1 "+text {
					t.Errorf("%q", got)
				}
				answered <- struct{}{}
			}
		})
	}
	asking.Wait()
	stop()
}

// When the agent is about to end, open streams go on, and the client begins new ones on another connection.
func TestDrainStreams(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := newBed(t, HTTP, serve2(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		if r.Header.Get("wait") != "" {
			<-release
		}
		fmt.Fprint(w, "done")
	}))
	client := client2(t)
	open, err := b.ask2(t, client, nil, "wait", "1")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Body.Close()
	b.Drain(t.Context(), 0)
	if got, _, _ := b.says2(t, client, ""); got != "done" {
		t.Errorf("%q", got)
	}
	close(release)
	if got, err := io.ReadAll(open.Body); string(got) != "done" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	until(t, "both connections are gone", func() bool { return b.Open() == 0 })
}

// A client that is asked to go has its streams served that were on their way, and hears then which was the last.
func TestGoAwayInTwoSteps(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := newBed(t, HTTP, serve2(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-release
	}))
	conn := b.dial(t)
	said := newFrameWriter(conn)
	ask := func(id uint32) {
		t.Helper()
		err := said.write(frame{kind: http2.FrameHeaders, id: id, end: true, fields: []hpack.HeaderField{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: "/"},
		}}, defaultFrame)
		if err := errors.Join(err, said.flush()); err != nil {
			t.Fatal(err)
		}
	}
	heard := http2.NewFramer(nil, conn)
	next := func(wanted http2.FrameType) http2.Frame {
		t.Helper()
		for {
			f, err := heard.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if f.Header().Type == wanted {
				return f
			}
		}
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := said.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	ask(1)
	next(http2.FrameHeaders)
	b.Drain(t.Context(), 0)
	if f := next(http2.FrameGoAway).(*http2.GoAwayFrame); f.LastStreamID != math.MaxInt32 {
		t.Errorf("the first one: %v", f)
	}
	ping := next(http2.FramePing).(*http2.PingFrame)
	ask(3) // before the client has heard of it
	next(http2.FrameHeaders)
	if err := said.write(frame{kind: http2.FramePing, data: ping.Data[:], ack: true}, 0); err != nil {
		t.Fatal(err)
	}
	ask(5)
	if f := next(http2.FrameGoAway).(*http2.GoAwayFrame); f.LastStreamID != 3 || f.ErrCode != http2.ErrCodeNo {
		t.Errorf("the last one: %v", f)
	}
	if f := next(http2.FrameRSTStream).(*http2.RSTStreamFrame); f.StreamID != 5 ||
		f.ErrCode != http2.ErrCodeRefusedStream {
		t.Errorf("a stream after it: %v", f)
	}
	close(release)
	ended := map[uint32]bool{}
	for len(ended) < 2 {
		f := next(http2.FrameData).(*http2.DataFrame)
		ended[f.StreamID] = f.StreamEnded()
	}
	if diff := cmp.Diff(map[uint32]bool{1: true, 3: true}, ended); diff != "" {
		t.Error(diff)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Error(err)
	}
}

// piped is a server with one client, in memory; wait returns once that is served.
func piped(t *testing.T) (server *Server, near net.Conn, wait func()) {
	t.Helper()
	near, far := net.Pipe()
	server = &Server{Table: &Table{}, Originals: &Originals{}, Logger: slog.New(slog.DiscardHandler)}
	var serving sync.WaitGroup
	serving.Go(func() { server.serveConn(t.Context(), &serving, far, port, HTTP) })
	return server, near, serving.Wait
}

// A client that does not answer is waited for no longer than a while.
func TestGoAwayWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, near, wait := piped(t)
		defer near.Close()
		read := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, near)
			read <- err
		}()
		if _, err := io.WriteString(near, http2.ClientPreface); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		server.Drain(t.Context(), 0)
		if err := <-read; err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took < pingLimit || took > pingLimit+2*lingering {
			t.Errorf("it took %s", took)
		}
		wait()
	})
}

// A client that wants answers and reads none is let go, before they fill the memory.
func TestAnswersThatAreNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, near, wait := piped(t)
		defer near.Close()
		if _, err := io.WriteString(near, http2.ClientPreface); err != nil {
			t.Fatal(err)
		}
		said := http2.NewFramer(near, nil)
		err := said.WriteSettings()
		pings := 0
		for ; err == nil && pings <= 3*maxSaid/frameSize; pings++ {
			err = said.WritePing(false, [8]byte{})
		}
		if err == nil {
			t.Errorf("%v after %d pings", err, pings)
		}
		wait()
	})
}
