package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/mux"
)

// serve runs a server and returns a function that connects to it.
func serve(t testing.TB, s *Server) func() net.Conn {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	t.Cleanup(func() { cancel(); serving.Wait() })
	return func() net.Conn {
		near, far := net.Pipe()
		serving.Go(func() { s.ServeConn(ctx, far) })
		return near
	}
}

// echo sends back what comes.
func echo(_ context.Context, in *Incoming) error {
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	_, err = io.Copy(stream, stream)
	return err
}

// tokens are those of sessions, by name.
type tokens map[string]string

func (t tokens) of(session string) ([]byte, error) {
	if token, ok := t[session]; ok {
		return []byte(token), nil
	}
	return nil, errors.New("no such session")
}

// server is one with a session s1, whose token is secret, that serves forwards.
func server(handlers Handlers) *Server {
	hello := Hello{Build: "there", Capabilities: []string{"sync"}}
	return &Server{Token: tokens{"s1": "secret"}.of, Options: Options{Hello: hello, Handlers: handlers}}
}

// dialled is a carrier to a server, with the handlers of its own end.
func dialled(t testing.TB, s *Server, handlers Handlers) *Carrier {
	t.Helper()
	o := Options{Hello: Hello{Session: "s1"}, Handlers: handlers}
	c, err := Dial(context.Background(), serve(t, s)(), []byte("secret"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func opened(t testing.TB, c *Carrier, kind Kind) net.Conn {
	t.Helper()
	stream, err := c.Open(context.Background(), kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// fails says whether an error is of a kind, and says something.
func fails(err, kind error, text string) bool {
	return errors.Is(err, kind) && strings.Contains(err.Error(), text)
}

func TestStreams(t *testing.T) {
	t.Parallel()
	c := dialled(t, server(Handlers{KindForward: echo}), nil)
	want := Hello{Version: Version, Build: "there", Session: "s1", Capabilities: []string{"sync"}}
	if diff := cmp.Diff(want, c.Peer); diff != "" {
		t.Error(diff)
	}
	stream, err := c.Open(t.Context(), KindForward, ForwardParams{Port: 80})
	if err != nil {
		t.Fatal(err)
	}
	sent := bytes.Repeat([]byte("0123456789"), 1<<18)
	go func() { _, _ = stream.Write(sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(stream, got); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("echo of %d bytes differs: %v", len(sent), err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	c := dialled(t, server(Handlers{
		KindForward: func(context.Context, *Incoming) error { return errors.New("only on Sundays") },
		KindSync: func(_ context.Context, in *Incoming) error {
			_, err := in.Accept()
			return errors.Join(err, errors.New("the disk is full"))
		},
	}), nil)
	for kind, want := range map[Kind]string{KindForward: "only on Sundays", "telepathy": "knows no telepathy streams"} {
		if _, err := c.Open(t.Context(), kind, nil); !fails(err, ErrRefused, want) {
			t.Errorf("%s: %v, want a refusal that says %q", kind, err, want)
		}
	}
	if _, err := opened(t, c, KindSync).Read(make([]byte, 1)); !fails(err, ErrReset, "the disk is full") {
		t.Errorf("a handler that fails later: %v", err)
	}
	long := SyncParams{Folder: "f", Settings: json.RawMessage(`"` + strings.Repeat("x", 800_000) + `"`)}
	if _, err := c.OpenWith(t.Context(), KindForward, long, make([]byte, 1<<20)); !errors.Is(err, ErrRefused) {
		t.Errorf("a request that is larger than a window: %v", err)
	}
}

// A refusal's code comes along with its reason, for programs.
func TestRefusalCodes(t *testing.T) {
	t.Parallel()
	c := dialled(t, server(Handlers{
		KindDial: func(context.Context, *Incoming) error {
			return fmt.Errorf("dial: %w", &Refusal{Code: "refused", Reason: "nothing listens"})
		},
		KindResolve: func(context.Context, *Incoming) error { return errors.New("no reason") },
	}), nil)
	for kind, want := range map[Kind]Refusal{
		KindDial:    {Code: "refused", Reason: "dial: nothing listens"},
		KindResolve: {Reason: "no reason"},
	} {
		_, err := c.Open(t.Context(), kind, nil)
		var got *Refusal
		if !fails(err, ErrRefused, want.Reason) || !errors.As(err, &got) || *got != want {
			t.Errorf("%s: %v, want %+v", kind, err, want)
		}
	}
}

// A server's owner hears of each carrier that comes, and of its end; not of a stranger.
func TestCarriersAreCounted(t *testing.T) {
	t.Parallel()
	s := server(Handlers{KindForward: echo})
	changes := make(chan int, 4)
	s.Up = func() func() { changes <- 1; return func() { changes <- -1 } }
	connect := serve(t, s)
	if _, err := Dial(t.Context(), connect(), []byte("guess"), Options{Hello: Hello{Session: "s1"}}); err == nil {
		t.Fatal("a wrong token is let in")
	}
	c, err := Dial(t.Context(), connect(), []byte("secret"), Options{Hello: Hello{Session: "s1"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-changes; got != 1 {
		t.Errorf("up: %d", got)
	}
	_ = c.Close()
	if got := <-changes; got != -1 || len(changes) > 0 {
		t.Errorf("down: %d, and %d more", got, len(changes))
	}
}

// An end gives a silent carrier up after the time that its options name.
func TestDeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		c := newCarrier(context.Background(), near, true, Hello{}, Options{Death: 5 * time.Second})
		begin := time.Now()
		<-c.Done()
		if after := time.Since(begin); after < 5*time.Second || after > 6*time.Second {
			t.Errorf("it dies after %s", after)
		}
		_ = c.Close()
		far.Close()
	})
}

// Both ends serve the kinds that they have registered, and no others.
func TestServerOpensStreams(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	there := newCarrier(context.Background(), far, false, Hello{}, Options{Handlers: Handlers{KindControl: echo}})
	here := newCarrier(context.Background(), near, true, Hello{}, Options{Handlers: Handlers{KindForward: echo}})
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	for c, kinds := range map[*Carrier]map[Kind]bool{
		there: {KindForward: true, KindControl: false},
		here:  {KindForward: false, KindControl: true},
	} {
		for kind, served := range kinds {
			stream, err := c.OpenWith(t.Context(), kind, nil, []byte("hello"))
			if !served {
				if !errors.Is(err, ErrRefused) {
					t.Errorf("%s: %v, want a refusal", kind, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 5)
			if _, err := io.ReadFull(stream, got); err != nil || string(got) != "hello" {
				t.Errorf("%s: %q, %v", kind, got, err)
			}
			stream.Close()
		}
	}
	// The server is limited: whoever is in the pod may have taken its place.
	long := strings.Repeat("x", maxServerHeader)
	if _, err := there.Open(t.Context(), KindForward, long); !fails(err, ErrReset, "limit") {
		t.Errorf("a long header of the server: %v", err)
	}
	if _, err := here.Open(t.Context(), KindControl, long); err != nil {
		t.Errorf("a long header of the client: %v", err)
	}
}

func TestServerOpensNoStreamsUnasked(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	there := newCarrier(context.Background(), far, false, Hello{}, Options{Handlers: Handlers{KindForward: echo}})
	here := newCarrier(context.Background(), near, true, Hello{}, Options{})
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	if _, err := there.Open(t.Context(), KindForward, nil); !errors.Is(err, ErrReset) {
		t.Errorf("got %v, want a reset", err)
	}
	opened(t, here, KindForward).Close() // the carrier goes on
}

// What is sent with the request is there when the stream is accepted, however long it is.
func TestFirstData(t *testing.T) {
	t.Parallel()
	c := dialled(t, server(Handlers{KindForward: echo}), nil)
	for _, size := range []int{0, 1, mux.FirstData - 100, mux.FirstData, 3 * mux.FirstData, 1 << 20} {
		want := bytes.Repeat([]byte("x"), size)
		first := min(size, 8*mux.FirstData) // the echo of more would have to be read
		stream, err := c.OpenWith(t.Context(), KindForward, ForwardParams{Port: 80}, want[:first])
		if err != nil {
			t.Fatal(err)
		}
		var writing sync.WaitGroup
		writing.Go(func() {
			_, _ = stream.Write(want[first:])
			_ = stream.(interface{ CloseWrite() error }).CloseWrite()
		})
		if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the echo of %d bytes has %d: %v", size, len(got), err)
		}
		writing.Wait()
		stream.Close()
	}
}

func TestHandshakeRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ token, session string }{
		"wrong token":                {"guess", "s1"},
		"empty token":                {"", "s1"},
		"unknown session":            {"secret", "s2"},
		"no session":                 {"secret", ""},
		"another session's token":    {"secret", "other"},
		"a session without a token":  {"", "empty"},
		"one of an unreadable token": {"secret", "../s1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(Handlers{KindForward: echo})
			s.Token = tokens{"s1": "secret", "other": "another secret", "empty": ""}.of
			o := Options{Hello: Hello{Session: tt.session}}
			if c, err := Dial(t.Context(), serve(t, s)(), []byte(tt.token), o); !errors.Is(err, ErrToken) {
				t.Errorf("got %v, %v; want ErrToken", c, err)
			}
		})
	}
}

// One server has several sessions, and tells handlers which of them a stream is for.
func TestSeveralSessions(t *testing.T) {
	t.Parallel()
	s := server(Handlers{KindControl: func(_ context.Context, in *Incoming) error {
		return errors.New("you are " + in.Carrier.Peer.Session)
	}})
	s.Token = tokens{"s1": "secret", "s2": "another secret"}.of
	dial := serve(t, s)
	for session, token := range map[string]string{"s1": "secret", "s2": "another secret"} {
		c, err := Dial(t.Context(), dial(), []byte(token), Options{Hello: Hello{Session: session}})
		if err != nil {
			t.Fatal(err)
		}
		if c.Peer.Session != session {
			t.Errorf("the server of %q says that it serves %q", session, c.Peer.Session)
		}
		if _, err := c.Open(t.Context(), KindControl, nil); !fails(err, ErrRefused, "you are "+session) {
			t.Error(err)
		}
		_ = c.Close()
	}
}

// saidTo is what a server says to a client that names a session and proves nothing.
func saidTo(t *testing.T, session string) (said []string) {
	t.Helper()
	raw := serve(t, server(nil))()
	defer raw.Close()
	client, err := upgradeClient(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := greet(client, Hello{Version: Version, Session: session}); err != nil {
		t.Fatal(err)
	}
	var g greeting
	var p, end proof
	for _, err := range []error{
		readFrame(client, &g, maxGreeting),
		readFrame(client, &p, maxGreeting),
		writeFrame(client, proof{HMAC: p.HMAC}),
		readFrame(client, &end, maxGreeting),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = client.Read(make([]byte, 1))
	g.Session, g.Nonce, p.HMAC = strings.Replace(g.Session, session, "its name", 1), g.Nonce[:0], p.HMAC[:0]
	return []string{fmt.Sprint(g, p, end, err)}
}

func TestUnknownSessionIsNoNews(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(saidTo(t, "s1"), saidTo(t, "s2")); diff != "" {
		t.Errorf("a session that exists and one that does not are told apart:\n%s", diff)
	}
}

func TestTooManyStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := serve(t, server(nil))
		for range maxPending {
			defer dial().Close()
		}
		synctest.Wait()
		begun := time.Now()
		if _, err := dial().Read(make([]byte, 1)); err == nil || time.Since(begun) > 0 {
			t.Errorf("one too many: %v after %s", err, time.Since(begun))
		}
		time.Sleep(HandshakeTimeout)
		synctest.Wait()
		if _, err := Dial(t.Context(), dial(), []byte("secret"), Options{Hello: Hello{Session: "s1"}}); err != nil {
			t.Errorf("after they were given up: %v", err)
		}
	})
}

func TestCarrierHearsOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newCarrier(context.Background(), near, true, Hello{}, Options{})
		defer c.Close()
		begun := time.Now()
		go func() { _, _ = io.Copy(io.Discard, far) }() // someone takes what is sent, and says nothing
		<-c.Done()
		if silence := time.Since(begun); silence < death || silence > death+Silence+heartbeat {
			t.Errorf("given up after %s", silence)
		}
	})
}

func TestIdleCarrierLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialled(t, server(Handlers{KindForward: echo}), nil)
		time.Sleep(time.Hour)
		if silence := time.Since(c.LastRead()); silence > 2*heartbeat {
			t.Errorf("nothing came for %s", silence)
		}
		opened(t, c, KindForward).Close()
	})
}

// A client that does not know the token must not be served, even one that skips checking the server's proof and
// replays it.
func TestServerRefusesReplayedProof(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := handshakeServer(server, tokens{"s1": "secret"}.of, Hello{Version: Version})
		failed <- err
	}()
	if _, err := greet(client, Hello{Version: Version, Session: "s1"}); err != nil {
		t.Fatal(err)
	}
	var theirs greeting
	var p proof
	for _, err := range []error{
		readFrame(client, &theirs, maxGreeting),
		readFrame(client, &p, maxGreeting),
		writeFrame(client, p),
		readFrame(client, &p, maxGreeting),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-failed; !errors.Is(err, ErrToken) {
		t.Errorf("got %v, want ErrToken", err)
	}
}

func TestOtherVersion(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	go func() {
		_, _ = handshakeServer(server, tokens{"s1": "secret"}.of, Hello{Version: Version + 1})
		server.Close()
	}()
	_, err := handshakeClient(client, []byte("secret"), Hello{Version: Version, Session: "s1"})
	if !errors.Is(err, ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
}

// A server that answers as one of an older protocol does is told apart from one that has gone.
func TestOlderProtocol(t *testing.T) {
	t.Parallel()
	old := httptest.NewServer(http.NotFoundHandler())
	defer old.Close()
	raw, err := net.Dial("tcp", old.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), raw, []byte("secret"), Options{}); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
}

func TestOpenEndsWithContext(t *testing.T) {
	t.Parallel()
	c := dialled(t, server(Handlers{KindForward: func(ctx context.Context, _ *Incoming) error {
		<-ctx.Done()
		return ctx.Err()
	}}), nil)
	ctx, cancel := context.WithCancel(t.Context())
	opening := make(chan error, 1)
	go func() {
		_, err := c.Open(ctx, KindForward, nil)
		opening <- err
	}()
	cancel()
	if err := <-opening; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// younger is a Hello of a later build, that says more.
type younger struct {
	greeting
	Tunnel bool           `json:"tunnel"`
	More   map[string]any `json:"more"`
}

// An end that says more of itself than the other understands proves itself all the same.
func TestHelloMayHaveMoreFields(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := handshakeServer(server, tokens{"s1": "secret"}.of, Hello{Version: Version})
		failed <- err
	}()
	hello := greeting{Hello{Version: Version, Session: "s1"}, make([]byte, nonceSize)}
	said, err := packFrame(younger{hello, true, map[string]any{"a": 1}})
	if err == nil {
		_, err = client.Write(said)
	}
	if err != nil {
		t.Fatal(err)
	}
	var theirs greeting
	heard, err := receiveFrame(client, &theirs, maxGreeting)
	if err != nil {
		t.Fatal(err)
	}
	var p proof
	for _, err := range []error{
		readFrame(client, &p, maxGreeting),
		writeFrame(client, proof{HMAC: prove([]byte("secret"), "client", said, heard)}),
		readFrame(client, &p, maxGreeting),
		<-failed,
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if p.Refused != "" {
		t.Error(p.Refused)
	}
}

// monologue is a far end that does not listen.
type monologue struct{ io.Reader }

func (monologue) Write(p []byte) (int, error) { return len(p), nil }

func FuzzHandshake(f *testing.F) {
	var says bytes.Buffer
	if _, err := greet(&says, Hello{Version: Version, Session: "s1"}); err != nil {
		f.Fatal(err)
	}
	for _, p := range []proof{{HMAC: make([]byte, 32)}, {}} {
		if err := writeFrame(&says, p); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(says.Bytes())
	f.Fuzz(func(t *testing.T, says []byte) {
		me := Hello{Version: Version, Session: "s1"}
		if _, err := handshakeServer(monologue{bytes.NewReader(says)}, tokens{"s1": "secret"}.of, me); err == nil {
			t.Error("the server took it")
		}
		if _, err := handshakeClient(monologue{bytes.NewReader(says)}, []byte("secret"), me); err == nil {
			t.Error("the client took it")
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var h Header
		_ = readFrame(bytes.NewReader(data), &h, maxFrame)
	})
}
