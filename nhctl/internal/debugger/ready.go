package debugger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/go-dap"

	"github.com/nhctl/nhctl/nhctl/internal/debugger/delve"
	"github.com/nhctl/nhctl/sidecar/bound"
)

// probeLimit limits one question to a debugger, and probeBytes what is read of the answer: anything may listen there.
const (
	probeLimit = 5 * time.Second
	probeBytes = 4 << 20
)

// Ready asks the debugger behind an address once whether it takes clients, by its own protocol. An unknown language's has to take a
// connection and keep it for a moment, since a forwarded port takes connections for ports where nothing listens; so has a JVM that waits,
// since it would go on after a handshake.
func Ready(ctx context.Context, language, address string, waits bool) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	if language == Node {
		return askInspector(ctx, address)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return probe(bound.Conn(conn, probeBytes), language, waits)
}

func probe(conn net.Conn, language string, waits bool) error {
	switch {
	case language == Go:
		return delve.Ready(conn)
	case language == Python:
		return greet(conn, true)
	case lldbs(language):
		return greet(conn, false)
	case language == Ruby:
		return echo(conn, "info cookie: -\n", "PID: ")
	case language == Java && !waits:
		return echo(conn, "JDWP-Handshake", "JDWP-Handshake")
	}
	return stays(conn)
}

// echo says what a debugger has to answer to with the beginning of a text.
func echo(conn net.Conn, say, want string) error {
	if _, err := io.WriteString(conn, say); err != nil {
		return err
	}
	heard := make([]byte, len(want))
	if _, err := io.ReadFull(conn, heard); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if string(heard) != want {
		return fmt.Errorf("it is no debugger that answers %q", heard)
	}
	return nil
}

// greet goes through the Debug Adapter Protocol, and leaves before anything is configured: after initialize, or with attach as far as the
// program's own end. A client that leaves after initialize alone, before the program has reported to debugpy's adapter, would end that
// adapter.
func greet(conn net.Conn, attach bool) error {
	reader, seq := bufio.NewReader(conn), 0
	send := func(command string, request dap.RequestMessage) error {
		seq++
		r := request.GetRequest()
		r.Seq, r.Type, r.Command = seq, "request", command
		if err := dap.WriteProtocolMessage(conn, request); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		return nil
	}
	leave := func() error {
		return send("disconnect", &dap.DisconnectRequest{Arguments: &dap.DisconnectArguments{}})
	}
	initialize := &dap.InitializeRequest{Arguments: dap.InitializeRequestArguments{ClientID: "nhctl", AdapterID: "nhctl", PathFormat: "path", LinesStartAt1: true}}
	if err := send("initialize", initialize); err != nil {
		return err
	}
	for {
		message, err := dap.ReadProtocolMessage(reader)
		if unknown := (*dap.DecodeProtocolMessageFieldError)(nil); errors.As(err, &unknown) {
			continue // an event of the adapter's own
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		switch m := message.(type) {
		case *dap.InitializeResponse:
			if attach {
				err = send("attach", &dap.AttachRequest{Arguments: json.RawMessage(`{"name":"nhctl"}`)}) // debugpy takes no empty ones
			} else {
				err = leave()
			}
		case *dap.InitializedEvent:
			if attach {
				err = leave()
			}
		case *dap.DisconnectResponse:
			return nil
		case *dap.ErrorResponse:
			err = fmt.Errorf("%s: %s", m.Command, m.Message)
		}
		if err != nil {
			return err
		}
	}
}

// askInspector lists what node's inspector has to offer.
func askInspector(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/json/list", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return inspected(response.Body)
}

func inspected(answer io.Reader) error {
	var targets []struct {
		URL string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(bound.Reader(answer, probeBytes)).Decode(&targets); err != nil {
		return fmt.Errorf("the inspector's list: %w", err)
	}
	if len(targets) == 0 {
		return errors.New("the inspector lists no program")
	}
	return nil
}

// settle is how long a connection has to live to count.
const settle = 300 * time.Millisecond

func stays(conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(settle)); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	if timeout := net.Error(nil); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return fmt.Errorf("nothing listens: %w", err)
}
