package commands

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/localpath"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// Logs pushes a command's output.
func (c *Container) Logs(ctx context.Context, p rpc.Logs) (struct{}, error) {
	name := p.Command
	if name == "" {
		last, err := c.service(ctx)
		if err != nil {
			return struct{}{}, err
		}
		name = last.Name
	}
	emit := event.Sink(ctx)
	output := supervise.LogsOptions{Tail: p.Tail, Follow: p.Follow, Debugs: p.Debugs}
	err := c.follow(ctx, name, output, func(l supervise.Line) { emit(c.logEvent(name, l, p.LocalPaths)) })
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if st, err := c.supervisor().Status(limited, name); err == nil && st.OOMKilled {
		emit(event.Event{Type: event.Notice, Message: outOfMemory(st)})
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return struct{}{}, err
}

// logEvent is a line of a command's output, where local has the paths of this computer.
func (c *Container) logEvent(command string, l supervise.Line, local bool) event.Event {
	if local {
		l.Text = localpath.Text(c.Folders, l.Text)
	}
	return event.Event{Type: event.Log, Log: &event.LogData{
		Time:    l.Time,
		Stream:  l.Stream,
		Text:    l.Text,
		Command: command,
	}}
}

// follow reads a command's output. Following goes on over a lost carrier; the lines of the new connection that were
// seen already are left out by their time.
func (c *Container) follow(
	ctx context.Context, name string, o supervise.LogsOptions, emit func(supervise.Line),
) error {
	for {
		err := c.supervisor().Logs(ctx, name, o, func(l supervise.Line) error {
			o.Since, o.Tail = l.Time, 0
			emit(l)
			return ctx.Err()
		})
		if refusal := supervise.Refusal(""); err == nil || ctx.Err() != nil || !o.Follow || errors.As(err, &refusal) {
			return errors.Join(err, ctx.Err())
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			c.Logger.Debug("follow output", "command", name, "error", err)
		}
		_ = delay.For(ctx, 200*time.Millisecond)
	}
}

// lastWords pushes what the debug command printed at its end.
func (c *Container) lastWords(ctx context.Context, since time.Time) {
	const lines = 20
	emit := event.Sink(ctx)
	_ = c.follow(ctx, supervise.Debug, supervise.LogsOptions{Tail: lines, Since: since}, func(l supervise.Line) {
		emit(c.logEvent(supervise.Debug, l, false))
	})
}
