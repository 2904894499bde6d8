package subscription

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Hub has the sources that run: each once, however many readers it has, and only as long as it has one.
type Hub struct {
	Logger *slog.Logger

	mu      sync.Mutex
	sources map[string]*source
}

type source struct {
	state   any // *State[T]
	readers int
	cancel  context.CancelFunc
	ended   chan struct{}
}

// Join returns the state that the source with a key sets, and starts the source with its first reader: run sets the
// state until ctx ends. The one who joined calls leave in the end; the last one to leave ends the source, and waits.
func Join[T any](
	h *Hub, key string, same func(a, b T) bool, run func(ctx context.Context, s *State[T]),
) (state *State[T], leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	src := h.sources[key]
	if src == nil {
		// It is no single reader's: each may leave before the others.
		ctx, cancel := context.WithCancel(context.Background())
		fresh := NewState(same)
		src = &source{state: fresh, cancel: cancel, ended: make(chan struct{})}
		if h.sources == nil {
			h.sources = map[string]*source{}
		}
		h.sources[key] = src
		go func() {
			defer close(src.ended)
			defer h.rescue(key, fresh.Fail)
			run(ctx, fresh)
		}()
	}
	src.readers++
	state, _ = src.state.(*State[T])
	return state, func() { h.leave(key, src) }
}

func (h *Hub) leave(key string, src *source) {
	h.mu.Lock()
	src.readers--
	last := src.readers == 0
	if last {
		delete(h.sources, key)
	}
	h.mu.Unlock()
	if last {
		src.cancel()
		<-src.ended
	}
}

// rescue makes a panic of a source the trouble of its state: other sources go on.
func (h *Hub) rescue(key string, fail func(*problem.Error)) {
	if r := recover(); r != nil {
		h.Logger.Error("panic", "source", key, "panic", r, "stack", string(debug.Stack()))
		fail(problem.New(problem.Internal, "the daemon failed in a subscription: %v", r).
			WithHint("subscribe again; the daemon's log has more"))
	}
}

// Running is how many sources run.
func (h *Hub) Running() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sources)
}
