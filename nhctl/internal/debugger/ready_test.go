package debugger

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/google/go-dap"
)

// Each debugger is asked in its own protocol, and whatever else listens there, or nothing, is not taken for it.
func TestReady(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		language string
		waits    bool
		answer   func(net.Conn)
		ready    bool
	}{
		"jvm":                     {Java, false, parrot(len("JDWP-Handshake")), true},
		"jvm that waits":          {Java, true, silent, true},
		"no jvm":                  {Java, false, says("HTTP/1.1 400 Bad Request\r\n"), false},
		"ruby":                    {Ruby, false, says("PID: 7\n"), true},
		"no ruby":                 {Ruby, false, hangsUp, false},
		"inspector":               {Node, false, says(list(`[{"webSocketDebuggerUrl":"ws://127.0.0.1/x"}]`)), true},
		"inspector of nothing":    {Node, false, says(list(`[]`)), false},
		"no inspector":            {Node, false, says(list(`hello`)), false},
		"lldb's adapter":          {CPP, false, adapter, true},
		"debugpy's adapter":       {Python, false, adapter, true},
		"debugpy with a client":   {Python, false, refuses("Server[pid=7] is already being debugged."), true},
		"debugpy that fails":      {Python, false, refuses("no"), false},
		"no adapter":              {Python, false, hangsUp, false},
		"no delve":                {Go, false, hangsUp, false},
		"a language of one's own": {"php", false, silent, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				if conn, err := listener.Accept(); err == nil {
					tt.answer(conn)
					conn.Close()
				}
			}()
			dial := func(ctx context.Context) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
			}
			err = Ready(t.Context(), tt.language, dial, tt.waits)
			listener.Close()
			<-served
			if (err == nil) != tt.ready {
				t.Error(err)
			}
		})
	}
}

// Where nothing takes the connection, no debugger is ready, whatever its protocol.
func TestReadyWhereNothingListens(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	dial := func(context.Context) (net.Conn, error) { return nil, refused }
	for _, language := range append(Languages(), "php") {
		for _, waits := range []bool{false, true} {
			if err := Ready(t.Context(), language, dial, waits); !errors.Is(err, refused) {
				t.Errorf("%s, waits %v: %v", language, waits, err)
			}
		}
	}
}

// What takes a connection and never answers is told from what takes none.
func TestSilent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	near, far := net.Pipe()
	defer far.Close()
	go silent(far)
	err := Ready(ctx, Ruby, func(context.Context) (net.Conn, error) { return near, nil }, false)
	if !errors.Is(err, ErrSilent) {
		t.Error(err)
	}
}

func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func hangsUp(net.Conn) {}

func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, text)
	}
}

func list(body string) string {
	return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
}

func parrot(bytes int) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.CopyN(conn, conn, int64(bytes)) }
}

// adapter answers as debug adapters do.
func adapter(conn net.Conn) { refuses("")(conn) }

// refuses answers as a debug adapter that refuses to attach, with a text.
func refuses(text string) func(net.Conn) {
	return func(conn net.Conn) { adapts(conn, text) }
}

func adapts(conn net.Conn, refusal string) {
	for reader := bufio.NewReader(conn); ; {
		m, err := dap.ReadProtocolMessage(reader)
		if err != nil {
			return
		}
		request := dap.Response{ProtocolMessage: dap.ProtocolMessage{Type: "response"}, Success: true}
		switch m.(type) {
		case *dap.InitializeRequest:
			request.Command = "initialize"
			_ = dap.WriteProtocolMessage(conn, &dap.InitializeResponse{Response: request})
		case *dap.AttachRequest:
			if refusal != "" {
				request.Command, request.Success, request.Message = "attach", false, refusal
				_ = dap.WriteProtocolMessage(conn, &dap.ErrorResponse{Response: request})
				continue
			}
			_ = dap.WriteProtocolMessage(conn, &dap.InitializedEvent{
				Event: dap.Event{ProtocolMessage: dap.ProtocolMessage{Type: "event"}, Event: "initialized"},
			})
		case *dap.DisconnectRequest:
			request.Command = "disconnect"
			_ = dap.WriteProtocolMessage(conn, &dap.DisconnectResponse{Response: request})
		}
	}
}
