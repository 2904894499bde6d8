package event

import "context"

type sinkKey struct{}

// WithSink returns a context whose work tells its events to sink.
func WithSink(ctx context.Context, sink func(Event)) context.Context {
	return context.WithValue(ctx, sinkKey{}, sink)
}

// Sink is who hears the events of the work that ctx belongs to; where no one does, they are dropped.
func Sink(ctx context.Context) func(Event) {
	if sink, ok := ctx.Value(sinkKey{}).(func(Event)); ok {
		return sink
	}
	return func(Event) {}
}
