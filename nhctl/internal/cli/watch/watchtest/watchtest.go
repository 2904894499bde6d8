// Package watchtest runs commands with --watch, for their unit tests.
package watchtest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Watching is a command that runs until its test ends.
type Watching struct {
	// Lines are what it prints. Someone has to read them: the command waits for that.
	Lines *bufio.Reader
	// Ended gets the command's error.
	Ended <-chan error

	interrupt func()
}

// Run runs a command with --watch for a caller, with an output format of ui's.
func Run(
	t *testing.T, caller rpc.Caller, output ui.Format, command func(*factory.Factory) *cobra.Command, flags ...string,
) *Watching {
	t.Helper()
	reader, writer := io.Pipe()
	f := &factory.Factory{
		Streams:    ui.Streams{In: strings.NewReader(""), Out: writer, Err: io.Discard},
		Dir:        caller.Dir,
		Kubeconfig: caller.Kubeconfig,
		Output:     string(output),
	}
	for name, value := range caller.Env {
		f.Environ = append(f.Environ, name+"="+value)
	}
	cmd := command(f)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append(flags, "--watch"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		defer writer.Close()
		ended <- cmd.ExecuteContext(ctx)
	}()
	w := &Watching{
		Lines:     bufio.NewReader(reader),
		Ended:     ended,
		interrupt: func() { cancel(); reader.Close() },
	}
	t.Cleanup(w.interrupt)
	return w
}

// Stop ends the command as Ctrl-C does, and returns its error.
func (w *Watching) Stop() error {
	w.interrupt()
	return <-w.Ended
}

// Until reads lines of JSON until one is right.
func Until[T any](t *testing.T, w *Watching, right func(T) bool) {
	t.Helper()
	for {
		line, err := w.Lines.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if right(v) {
			return
		}
	}
}
