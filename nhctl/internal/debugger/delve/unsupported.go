//go:build windows && arm64

// Package delve talks to delve, Go's debugger, with delve's own client. Where delve does not build, it says so.
package delve

import (
	"errors"
	"net"
)

// Paths says where a folder of the container is on this computer.
type Paths struct{ Local, Remote string }

// Attach fails: delve does not build for this platform.
func Attach(net.Conn, []Paths) (int, error) { return 0, errNotHere }

// Resume fails likewise.
func Resume(net.Conn) error { return errNotHere }

var errNotHere = errors.New("open delve's terminal: delve does not build for Windows on ARM; attach an IDE to the " +
	"forwarded port, or run dlv connect on another computer")
