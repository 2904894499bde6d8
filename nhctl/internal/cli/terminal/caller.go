package terminal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/sidecar/resume"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// caller is this end of a console.
type caller struct {
	factory   *factory.Factory
	call      rpc.Attach
	end       *resume.End
	stdin     *os.File // where that is a terminal, and the program's too
	out, errs io.Writer
	// folders are the container's.
	folders []event.PathData
	down    atomic.Bool
}

func newCaller(f *factory.Factory, call rpc.Attach, stdin *os.File, streams ui.Streams) *caller {
	call.Console.Caller = rand.Text()
	return &caller{
		factory: f,
		call:    call,
		end:     resume.New(resume.Options{Window: supervise.ConsoleWindow}),
		stdin:   stdin,
		out:     streams.Out,
		errs:    streams.Err,
	}
}

// connect connects for the first time, or again to the same program.
func (c *caller) connect(ctx context.Context) (net.Conn, int, error) {
	d, err := c.factory.Daemon(ctx) // which is started, or replaced by one of this version
	if err != nil {
		return nil, 0, err
	}
	d.Close()
	dirs, err := c.factory.Dirs()
	if err != nil {
		return nil, 0, err
	}
	a := &c.call.Console
	a.Received = c.end.Position().Received
	if a.Size != nil {
		a.Size = size(c.stdin)
	}
	conn, attached, err := client.Attach(ctx, dirs, c.call)
	if err != nil {
		return nil, 0, err
	}
	a.ID, a.Newest, a.Resume, c.folders = attached.ID, false, true, attached.Folders
	turn, err := c.end.Join(resume.Position{Received: attached.Received, Next: attached.Next})
	if err != nil {
		conn.Close()
		return nil, 0, violated(err)
	}
	return conn, turn, nil
}

// Timing of a lost connection.
const (
	pause = 200 * time.Millisecond
	// patience is how long a command is waited for; the far end waits no longer either. A terminal is waited for
	// without an end.
	patience = 2 * time.Minute
	// unnoticed is how long a connection may be away before that is said.
	unnoticed = time.Second
)

// serve carries the conversation over as many connections as it takes. It returns nil once all has been said.
func (c *caller) serve(ctx context.Context, conn net.Conn, turn int) error {
	for {
		err := c.end.Serve(ctx, turn, conn)
		if errors.Is(err, resume.ErrOver) || ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, resume.ErrViolation) {
			return violated(err)
		}
		if conn, turn, err = c.again(ctx); err != nil {
			return err
		}
	}
}

// again connects once more.
func (c *caller) again(ctx context.Context) (net.Conn, int, error) {
	c.down.Store(true)
	defer c.down.Store(false)
	lost, told := time.Now(), false
	for {
		limited, cancel := context.WithTimeout(ctx, patience)
		conn, turn, err := c.connect(limited)
		cancel()
		if err == nil {
			if told {
				c.say("connected again")
			}
			return conn, turn, nil
		}
		if final(err) || ctx.Err() != nil || !c.call.Console.Keep && time.Since(lost) > patience {
			return nil, 0, err
		}
		if !told && time.Since(lost) > unnoticed {
			told = true
			c.say("the connection was lost, and is sought; Ctrl-C leaves")
		}
		if err := delay.For(ctx, pause); err != nil {
			return nil, 0, err
		}
	}
}

// violated says that what answers in the container is not to be talked to.
func violated(err error) error {
	return problem.New(problem.Refused, "leave the program in the container: %w", err).
		WithHint("the process that answers there is not nhctl's supervisor; nhctl dev end removes its pod")
}

// final says whether trying again is of no use.
func final(err error) bool {
	switch problem.From(err).Code {
	case problem.NotFound, problem.Refused, problem.NoSession, problem.Usage, problem.Command:
		return true
	}
	return false
}

// say tells the user something in the middle of a program's output.
func (c *caller) say(text string) { fmt.Fprintf(c.factory.Streams.Err, "\r\n[nhctl: %s]\r\n", text) }

// errLeft says that the user left a program that goes on, or is hung up by that.
var errLeft = problem.New(problem.Interrupted, "interrupted")

// leave ends this end alone.
func (c *caller) leave(cancel context.CancelCauseFunc) {
	if c.call.Console.Keep {
		cancel(errLeft.WithHint("the shell goes on: nhctl dev terminal --attach"))
		return
	}
	cancel(errLeft)
}

// ctrlC is what the key sends in a raw terminal.
const ctrlC = 3

// tellInput passes standard input on.
func (c *caller) tellInput(ctx context.Context, cancel context.CancelCauseFunc, in io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := in.Read(buffer)
		if c.down.Load() && c.call.Console.Size != nil && bytes.IndexByte(buffer[:n], ctrlC) >= 0 {
			c.leave(cancel)
			return
		}
		if n > 0 && c.end.Send(ctx, resume.Message{Kind: supervise.KindInput, Data: bytes.Clone(buffer[:n])}) != nil {
			return
		}
		if err != nil {
			_ = c.end.Send(ctx, resume.Message{Kind: supervise.KindEOF})
			return
		}
	}
}

// enough is how many interruptions a program may overhear before nhctl leaves it.
const enough = 3

// tellSignals passes signals on. The loss of this side's own terminal, or an interruption while no one would hear of
// it, ends this side.
func (c *caller) tellSignals(ctx context.Context, cancel context.CancelCauseFunc) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	names := map[os.Signal]string{os.Interrupt: "INT", syscall.SIGTERM: "TERM", syscall.SIGQUIT: "QUIT"}
	for count := 1; ; count++ {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			name := names[s]
			if name == "" || c.call.Console.Size != nil || c.down.Load() || count >= enough {
				c.leave(cancel)
				return
			}
			if c.end.Send(ctx, resume.Message{Kind: supervise.KindSignal, Data: []byte(name)}) != nil {
				return
			}
		}
	}
}

// tellSizes passes the terminal's size on, whenever it changes.
func (c *caller) tellSizes(ctx context.Context) {
	last := *size(c.stdin)
	for range changes(ctx) {
		s := *size(c.stdin)
		data, err := json.Marshal(supervise.Size(s))
		if err != nil || s == last {
			continue
		}
		last = s
		if c.end.Send(ctx, resume.Message{Kind: supervise.KindSize, Data: data}) != nil {
			return
		}
	}
}
