package route

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// sliced is a connection that gives its bytes in pieces.
type sliced struct {
	net.Conn
	text  string
	piece int
}

func (s *sliced) Read(b []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), s.piece)], s.text)
	s.text = s.text[n:]
	return n, nil
}

func (*sliced) SetReadDeadline(time.Time) error { return nil }

// Whatever comes, no byte of it is lost or made up: the head, its body and what is left are the whole. However it is
// cut, it is read in the same way.
func FuzzHead(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\nGET",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"\r\nGET / HTTP/1.0\n\n",
		"GET \x10 HTTP/1.0\n\n",
		strings.Repeat("A", 40) + " / HTTP/1.0\n\n",
	} {
		f.Add(text)
	}
	type outcome struct {
		head, body, rest, err string
	}
	read := func(text string, piece int) (o outcome) {
		in := &reader{conn: &sliced{text: text, piece: piece}, buffers: &buffers{}}
		h, err := readHead(in, requestLine)
		var passed bytes.Buffer
		if err == nil {
			var b body
			if b, err = h.requestBody(); err == nil {
				err = copyBody(&passed, in, b)
			}
		}
		if err != nil {
			o.err = err.Error()
		}
		rest := string(in.held())
		left, _ := io.ReadAll(in.conn)
		o.head, o.body, o.rest = string(h.raw), passed.String(), rest+string(left)
		return o
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole := read(text, 1<<20)
		if all := whole.head + whole.body + whole.rest; all != text {
			t.Errorf("%q became %q", text, all)
		}
		if cut := read(text, 1); cut.err == "" != (whole.err == "") || cut.err == "" && cut != whole {
			t.Errorf("whole %q, cut %q", whole, cut)
		}
	})
}

// A list of baggage is read without a panic, and its values are parts of it.
func FuzzBaggage(f *testing.F) {
	f.Add("a=b;p, c=d%20e", "c")
	f.Fuzz(func(t *testing.T, list, name string) {
		for _, value := range baggage(list, name) {
			if !strings.Contains(list, "=") && value != "" {
				t.Errorf("%q in %q", value, list)
			}
		}
	})
}

// Whatever a client says after the preface of HTTP/2, its connection ends when the client does, and nothing else.
func FuzzHTTP2(f *testing.F) {
	var block, frames bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":path", Value: "/"}, {Name: ":scheme", Value: "http"},
	} {
		if err := encoder.WriteField(field); err != nil {
			f.Fatal(err)
		}
	}
	framer := http2.NewFramer(&frames, nil)
	for _, err := range []error{
		framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
		framer.WriteData(1, true, []byte("body")),
		framer.WriteWindowUpdate(1, 10),
		framer.WriteRSTStream(1, http2.ErrCodeCancel),
	} {
		if err != nil {
			f.Fatal(err)
		}
	}
	f.Add(frames.Bytes())
	f.Fuzz(func(t *testing.T, said []byte) {
		near, far := net.Pipe()
		server := &Server{Table: &Table{}, Originals: &Originals{}, Logger: slog.New(slog.DiscardHandler)}
		over := make(chan struct{})
		go func() {
			defer close(over)
			server.serveConn(t.Context(), new(sync.WaitGroup), far, port, HTTP)
		}()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		_, _ = near.Write(append([]byte(http2.ClientPreface), said...))
		near.Close()
		<-over
	})
}
