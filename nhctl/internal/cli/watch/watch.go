// Package watch shows a topic again whenever it changes.
package watch

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// View is how a command shows a topic's items, of type T, as a V.
type View[T, V any] struct {
	// News are the topic's items in an update.
	News func(rpc.Update) map[string]T
	// Of makes what is shown of all items, Text prints it.
	Of   func(map[string]T) V
	Text func(io.Writer, V)
}

// Sorted lists items in an order.
func Sorted[T any](order func(a, b T) int) func(map[string]T) []T {
	return func(items map[string]T) []T {
		list := slices.AppendSeq(make([]T, 0, len(items)), maps.Values(items))
		slices.SortFunc(list, order)
		return list
	}
}

// Topic shows a topic whenever that changes, until ctx ends, which is no error. As JSON, each time is one line.
func Topic[T, V any](ctx context.Context, f *factory.Factory, p rpc.Subscribe, view View[T, V]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	items, said, last := map[string]T{}, "", []byte(nil)
	err := f.Follow(ctx, p, func(u rpc.Update) {
		if u.Problem != nil && u.Problem.Message != said {
			said = u.Problem.Message
			f.Printer().Event(event.Event{
				V:       event.Version,
				Type:    event.Notice,
				Message: "this may not be as it is now: " + said,
			})
		}
		if u.Problem == nil {
			said = ""
		}
		rpc.Fold(items, u, view.News(u))
		shown := view.Of(items)
		data, err := escape.JSON(shown, "")
		if err == nil && !bytes.Equal(data, last) {
			err = again(f, data, func(w io.Writer) { view.Text(w, shown) })
		}
		last = data
		if err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil && cause != ctx.Err() {
		return cause
	}
	return err
}

// again shows something in the place of the last.
func again(f *factory.Factory, data []byte, text func(io.Writer)) error {
	if f.JSON() {
		_, err := f.Streams.Out.Write(data)
		return err
	}
	if ui.IsTerminal(f.Streams.Out) {
		_, _ = io.WriteString(f.Streams.Out, "\x1b[H\x1b[2J")
	}
	text(f.Out())
	return nil
}
