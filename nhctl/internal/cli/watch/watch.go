// Package watch shows a query's answer once, or anew whenever it changes.
package watch

import (
	"context"
	"io"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// interval is how often a watched query is asked.
const interval = 500 * time.Millisecond

// Show prints what ask answers; with watch it goes on until ctx ends, and that is no error. As JSON, a watched answer is one line.
func Show[T any](ctx context.Context, f *factory.Factory, watch bool, ask func(context.Context) (T, error), text func(io.Writer, T)) error {
	last := ""
	for {
		v, err := ask(ctx)
		if watch && (ctx.Err() != nil || err != nil && problem.From(err).Code == problem.Interrupted) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := ui.EncodeJSON(v, "")
		if err != nil {
			return err
		}
		switch {
		case !watch && f.JSON():
			return f.Printer().Document(v)
		case !watch:
			text(f.Out(), v)
			return nil
		case string(data) == last:
		case f.JSON():
			if _, err := f.Streams.Out.Write(data); err != nil {
				return err
			}
		default:
			if ui.IsTerminal(f.Streams.Out) {
				_, _ = io.WriteString(f.Streams.Out, "\x1b[H\x1b[2J")
			}
			text(f.Out(), v)
		}
		last = string(data)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
	}
}
