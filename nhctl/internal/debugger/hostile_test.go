package debugger

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/sidecar/bound"
)

// said is a connection to something that does not listen, whatever it says.
type said struct {
	net.Conn
	reader io.Reader
}

func (s said) Read(p []byte) (int, error)  { return s.reader.Read(p) }
func (s said) Write(p []byte) (int, error) { return len(p), nil }
func (s said) Close() error                { return nil }

// endless says the same for ever.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// What never ends is not read to its end.
func TestProbesAreBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		language string
		says     io.Reader
	}{
		"a header of an adapter's": {Python, endless('x')},
		"events of an adapter's":   {CPP, &repeating{text: "Content-Length: 2\r\n\r\n{}"}},
		"a string of delve's":      {Go, io.MultiReader(strings.NewReader(`{"id":0,"result":"`), endless('x'))},
		"white space of delve's":   {Go, endless(' ')},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := probe(bound.Conn(said{reader: tt.says}, probeBytes), tt.language, false); err == nil {
				t.Error("it is taken for a debugger")
			}
		})
	}
	var over *bound.Error
	if err := inspected(io.MultiReader(strings.NewReader(`["`), endless('x'))); !errors.As(err, &over) {
		t.Errorf("an inspector's list: %v", err)
	}
}

// repeating says a text again and again.
type repeating struct {
	text string
	at   int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

func FuzzProbe(f *testing.F) {
	initialized := `{"seq":1,"type":"response","command":"initialize","request_seq":1,"success":true}`
	f.Add([]byte("Content-Length: 80\r\n\r\n" + initialized))
	f.Add([]byte(`{"id":0,"result":{},"error":null}`))
	f.Add([]byte("JDWP-Handshake"))
	f.Add([]byte(`[{"webSocketDebuggerUrl":"ws://127.0.0.1/x"}]`))
	f.Fuzz(func(_ *testing.T, says []byte) {
		for _, language := range []string{Go, Python, CPP, Ruby, Java} {
			_ = probe(bound.Conn(said{reader: bytes.NewReader(says)}, probeBytes), language, false)
		}
		_ = inspected(bytes.NewReader(says))
	})
}
