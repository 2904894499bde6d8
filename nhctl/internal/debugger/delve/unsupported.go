//go:build windows && arm64

// Package delve talks to delve, Go's debugger, with delve's own client. Where delve does not build, it says so.
package delve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc/jsonrpc"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/sidecar/bound"
)

// Ready returns nil when delve answers on the connection.
func Ready(conn net.Conn) error {
	var version struct{ DelveVersion string }
	if err := jsonrpc.NewClient(conn).Call("RPCServer.GetVersion", struct{}{}, &version); err != nil {
		return fmt.Errorf("ask delve: %w", err)
	}
	return nil
}

// AwaitRunning returns when the program runs, has exited, or can't be asked for, and when ctx ends.
func AwaitRunning(ctx context.Context, conn net.Conn) {
	c := jsonrpc.NewClient(bound.Answers(conn, answerBytes))
	for {
		var answer struct {
			State struct {
				Running bool
				Exited  bool `json:"exited"`
			}
		}
		err := c.Call("RPCServer.State", struct{ NonBlocking bool }{true}, &answer)
		if err != nil || answer.State.Running || answer.State.Exited || delay.For(ctx, pause) != nil {
			return
		}
	}
}

// answerBytes limits one answer of delve's.
const answerBytes = 1 << 20

// Paths says where a folder of the container is on this computer.
type Paths struct{ Local, Remote string }

// Attach fails: delve does not build for this platform.
func Attach(net.Conn, []Paths) (int, error) { return 0, errNotHere }

// Resume fails likewise.
func Resume(net.Conn) error { return errNotHere }

var errNotHere = errors.New("open delve's terminal: delve does not build for Windows on ARM; attach an IDE to the " +
	"forwarded port, or run dlv connect on another computer")
