//go:build !(windows && arm64)

// Package delve talks to delve, Go's debugger, with delve's own client. Where delve does not build, it says so.
package delve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/go-delve/delve/pkg/config"
	"github.com/go-delve/delve/pkg/terminal"
	"github.com/go-delve/delve/service/rpc2"

	"github.com/nhctl/nhctl/sidecar/bound"
)

// answerBytes limits one answer of delve's. A list of all functions of a large program has some megabytes.
const answerBytes = 32 << 20

// client is delve's own, which would read answers of any size; code in the pod could send one without an end.
func client(conn net.Conn) *rpc2.RPCClient {
	return rpc2.NewClientFromConn(bound.Answers(conn, answerBytes))
}

// Paths says where a folder of the container is on this computer.
type Paths struct{ Local, Remote string }

// Attach opens delve's terminal on the user's own, until they leave it. It returns delve's exit code. The program
// stands still then, unless the user said otherwise.
func Attach(conn net.Conn, paths []Paths) (int, error) {
	// The terminal keeps its history next to dlv's own settings, and complains where that folder is missing.
	if history, err := config.GetConfigFilePath("history"); err == nil {
		_ = os.MkdirAll(filepath.Dir(history), 0o700)
	}
	settings := &config.Config{}
	for _, p := range paths {
		settings.SubstitutePath = append(settings.SubstitutePath,
			config.SubstitutePathRule{From: p.Remote, To: p.Local})
	}
	c := client(conn)
	// A terminal begins with a program that stands still. An error, such as that of one that has exited, shows up
	// there.
	if state, err := c.GetStateNonBlocking(); err == nil && state != nil && state.Running {
		_, _ = c.Halt()
	}
	t := terminal.New(c, settings, false)
	defer t.Close()
	return t.Run()
}

// Resume lets a program go on that a client has left standing.
func Resume(conn net.Conn) error {
	c := client(conn)
	state, err := c.GetStateNonBlocking()
	if err != nil {
		return fmt.Errorf("ask delve: %w", err)
	}
	if state == nil {
		return errors.New("ask delve: it says nothing of its program")
	}
	return c.Disconnect(!state.Running)
}
