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
	"strings"
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

// Dial connects to the debugger's port in the pod, and fails when nothing takes the connection there.
type Dial func(context.Context) (net.Conn, error)

// ErrSilent says that something takes connections, and does not answer, as a debugger does that has a client and takes
// one at a time.
var ErrSilent = errors.New("it takes connections, and does not answer")

// Ready asks a debugger once whether it takes clients, by its own protocol, or has one. Of an unknown language's, it is
// enough that it takes a connection; so it is of a JVM that waits, since it would go on after a handshake.
func Ready(ctx context.Context, language string, dial Dial, waits bool) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	if language == Node {
		return askInspector(ctx, dial)
	}
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = probe(bound.Conn(conn, probeBytes), language, waits)
	if err != nil && language != Go && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrSilent
	}
	return err
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
	return nil
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

// greet goes through the Debug Adapter Protocol, and leaves before anything is configured: after initialize, or with
// attach as far as the program's own end. A client that leaves after initialize alone, before the program has reported
// to debugpy's adapter, would end that adapter.
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
	initialize := &dap.InitializeRequest{Arguments: dap.InitializeRequestArguments{
		ClientID:      "nhctl",
		AdapterID:     "nhctl",
		PathFormat:    "path",
		LinesStartAt1: true,
	}}
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
				// debugpy takes no empty ones
				err = send("attach", &dap.AttachRequest{Arguments: json.RawMessage(`{"name":"nhctl"}`)})
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
			if attach && strings.Contains(m.Message, taken) {
				return nil
			}
			err = fmt.Errorf("%s: %s", m.Command, m.Message)
		}
		if err != nil {
			return err
		}
	}
}

// taken is how debugpy says that it has a client: it is up, and takes one at a time.
const taken = "is already being debugged"

// askInspector lists what node's inspector has to offer.
func askInspector(ctx context.Context, dial Dial) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/json/list", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
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
