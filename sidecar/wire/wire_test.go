package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serve runs a server on loopback and returns a function that connects to it.
func serve(t *testing.T, s *Server) func() net.Conn {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(Path, s)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return func() net.Conn {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// echo accepts streams and sends back what comes.
func echo(_ context.Context, c *Carrier) {
	for {
		in, err := c.Accept()
		if err != nil {
			return
		}
		if in.Kind != KindForward {
			in.Refuse("only forwards here")
			continue
		}
		go func() {
			stream, err := in.Accept()
			if err == nil {
				_, _ = io.Copy(stream, stream)
				stream.Close()
			}
		}()
	}
}

func token(s string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(s), nil } }

func TestStreams(t *testing.T) {
	t.Parallel()
	dial := serve(t, &Server{Token: token("secret"), Hello: Hello{Session: "s1", Capabilities: []string{"sync"}}, Serve: echo})
	c, err := Dial(t.Context(), dial(), []byte("secret"), Hello{Session: "s1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if diff := cmp.Diff(Hello{Version: Version, Session: "s1", Capabilities: []string{"sync"}}, c.Peer); diff != "" {
		t.Error(diff)
	}
	stream, err := c.Open(t.Context(), KindForward, ForwardParams{Port: 80})
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789"), 1<<20)
	go func() { _, _ = stream.Write(want) }()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(stream, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("echo of %d bytes differs: %v", len(want), err)
	}
	if _, err := c.Open(t.Context(), KindControl, nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "only forwards here") {
		t.Errorf("refused stream: %v", err)
	}
}

// A server that opens streams, which no one would read, is refused; those of the client go on.
func TestServerOpensNoStreams(t *testing.T) {
	t.Parallel()
	opened := make(chan error, 1)
	dial := serve(t, &Server{Token: token("secret"), Serve: func(ctx context.Context, c *Carrier) {
		in, err := c.Accept()
		if err != nil {
			return
		}
		_, err = c.Open(ctx, KindForward, nil)
		opened <- err
		in.Refuse("enough")
		<-c.Done()
	}})
	c, err := Dial(t.Context(), dial(), []byte("secret"), Hello{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Open(t.Context(), KindForward, nil); !errors.Is(err, ErrRefused) {
		t.Errorf("the client's stream: %v", err)
	}
	if err := <-opened; err == nil {
		t.Error("the server opened a stream")
	}
}

func TestHandshakeRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		token string
		hello Hello
		want  error
	}{
		"wrong token":   {"guess", Hello{Session: "s1"}, ErrToken},
		"empty token":   {"", Hello{Session: "s1"}, ErrToken},
		"other session": {"secret", Hello{Session: "s2"}, ErrSession},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := make(chan struct{}, 1)
			dial := serve(t, &Server{Token: token("secret"), Hello: Hello{Session: "s1"},
				Serve: func(context.Context, *Carrier) { served <- struct{}{} }})
			if _, err := Dial(t.Context(), dial(), []byte(tt.token), tt.hello); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			select {
			case <-served:
				t.Error("the server took the carrier")
			default:
			}
		})
	}
}

// A client that does not know the token must not be served, even one that skips checking the server's proof and replays it.
func TestServerRefusesReplayedProof(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := handshakeServer(server, []byte("secret"), Hello{Version: Version, Session: "s1"})
		failed <- err
	}()
	if _, err := greet(client, Hello{Version: Version, Session: "s1"}); err != nil {
		t.Fatal(err)
	}
	var theirs greeting
	var p proof
	for _, err := range []error{readFrame(client, &theirs), readFrame(client, &p), writeFrame(client, p), readFrame(client, &p)} {
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
		_, _ = handshakeServer(server, []byte("secret"), Hello{Version: Version + 1, Session: "s1"})
		server.Close()
	}()
	if _, err := handshakeClient(client, []byte("secret"), Hello{Version: Version, Session: "s1"}); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
}

func TestOpenEndsWithContext(t *testing.T) {
	t.Parallel()
	dial := serve(t, &Server{Token: token("secret"), Hello: Hello{}, Serve: func(ctx context.Context, c *Carrier) { <-c.Done() }})
	c, err := Dial(t.Context(), dial(), []byte("secret"), Hello{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Open(ctx, KindForward, nil); !errors.Is(err, context.Canceled) {
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
		_, err := handshakeServer(server, []byte("secret"), Hello{Version: Version, Session: "s1"})
		failed <- err
	}()
	said, err := packFrame(younger{greeting{Hello{Version: Version, Session: "s1"}, make([]byte, nonceSize)}, true, map[string]any{"a": 1}})
	if err == nil {
		_, err = client.Write(said)
	}
	if err != nil {
		t.Fatal(err)
	}
	var theirs greeting
	heard, err := receiveFrame(client, &theirs)
	if err != nil {
		t.Fatal(err)
	}
	var p proof
	for _, err := range []error{readFrame(client, &p), writeFrame(client, proof{HMAC: prove([]byte("secret"), "client", said, heard)}), readFrame(client, &p), <-failed} {
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
		if _, err := handshakeServer(monologue{bytes.NewReader(says)}, []byte("secret"), me); err == nil {
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
		_ = readFrame(bytes.NewReader(data), &h)
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	mux := http.NewServeMux()
	mux.Handle(Path, &Server{Token: token("secret"), Serve: echo})
	server := httptest.NewServer(mux)
	defer server.Close()
	raw, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c, err := Dial(b.Context(), raw, []byte("secret"), Hello{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	stream, err := c.Open(b.Context(), KindForward, ForwardParams{})
	if err != nil {
		b.Fatal(err)
	}
	save := make([]byte, 2<<10)
	for b.Loop() {
		if _, err := stream.Write(save); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(stream, save); err != nil {
			b.Fatal(err)
		}
	}
}
