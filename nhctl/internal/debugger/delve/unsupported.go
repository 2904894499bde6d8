//go:build windows && arm64

// Package delve talks to delve, Go's debugger, with delve's own client. Where delve does not build, it says so.
package delve

import (
	"errors"
	"fmt"
	"net"
	"net/rpc/jsonrpc"
)

// Ready returns nil when delve answers on the connection.
func Ready(conn net.Conn) error {
	var version struct{ DelveVersion string }
	if err := jsonrpc.NewClient(conn).Call("RPCServer.GetVersion", struct{}{}, &version); err != nil {
		return fmt.Errorf("ask delve: %w", err)
	}
	return nil
}

// Paths says where a folder of the container is on this computer.
type Paths struct{ Local, Remote string }

// Attach fails: delve does not build for this platform.
func Attach(net.Conn, []Paths) (int, error) { return 0, errNotHere }

// Resume fails likewise.
func Resume(net.Conn) error { return errNotHere }

var errNotHere = errors.New("open delve's terminal: delve does not build for Windows on ARM; attach an IDE to the " +
	"forwarded port, or run dlv connect on another computer")
