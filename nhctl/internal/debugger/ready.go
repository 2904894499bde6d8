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
		return initialize(conn)
	}
	return stays(conn)
}

// initialize does the first step of the Debug Adapter Protocol, and leaves before any other.
func initialize(conn net.Conn) error {
	request := &dap.InitializeRequest{Arguments: dap.InitializeRequestArguments{ClientID: "nhctl", AdapterID: "nhctl", PathFormat: "path", LinesStartAt1: true}}
	request.Seq, request.Type, request.Command = 1, "request", "initialize"
	if err := dap.WriteProtocolMessage(conn, request); err != nil {
		return err
	}
	reader := bufio.NewReader(conn)
	for {
		message, err := dap.ReadProtocolMessage(reader)
		if err != nil {
			return fmt.Errorf("initialize: %w", err)
		}
		switch m := message.(type) {
		case *dap.InitializeResponse:
			return leave(conn, reader)
		case *dap.ErrorResponse:
			return fmt.Errorf("initialize: %s", m.Message)
		}
	}
}

// leave says good-bye, so that the adapter takes the next client.
func leave(conn net.Conn, reader *bufio.Reader) error {
	request := &dap.DisconnectRequest{Arguments: &dap.DisconnectArguments{TerminateDebuggee: false}}
	request.Seq, request.Type, request.Command = 2, "request", "disconnect"
	if err := dap.WriteProtocolMessage(conn, request); err != nil {
		return err
	}
	for {
		message, err := dap.ReadProtocolMessage(reader)
		if err != nil {
			return nil // it hung up
		}
		if _, ok := message.(*dap.DisconnectResponse); ok {
			return nil
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
