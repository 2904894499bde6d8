package debugger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/go-dap"

	"github.com/nhctl/nhctl/nhctl/internal/debugger/delve"
)

// probeLimit limits one question to a debugger.
const probeLimit = 5 * time.Second

// Ready asks the debugger behind an address once whether it takes clients, by its own protocol. An unknown language's has to take a
// connection and keep it for a moment, since a forwarded port takes connections for ports where nothing listens.
func Ready(ctx context.Context, language, address string) error {
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
	switch language {
	case Go:
		return delve.Ready(conn)
	case Python:
		return greet(conn)
	}
	return stays(conn)
}

// greet goes through the Debug Adapter Protocol as far as the program's own end of it, and leaves before anything is configured. A client
// that leaves after initialize alone, before the program has reported to debugpy's adapter, would end the adapter.
func greet(conn net.Conn) error {
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
			err = send("attach", &dap.AttachRequest{Arguments: json.RawMessage(`{"name":"nhctl"}`)}) // debugpy takes no empty ones
		case *dap.InitializedEvent:
			err = send("disconnect", &dap.DisconnectRequest{Arguments: &dap.DisconnectArguments{}})
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
	var targets []struct {
		URL string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(response.Body).Decode(&targets); err != nil {
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
