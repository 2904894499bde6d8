package agent

import (
	"context"
	"log/slog"
	"time"
)

// Restorer restores the Service of a front that no computer needs any more.
type Restorer interface {
	// Service leads the Service to its own pods, and returns once no client is led to the front.
	Service(context.Context) error
	// Objects deletes all that the front consists of, and so ends it.
	Objects(context.Context) error
}

// RestoreBy has a front restore its Service, once no computer has come for a while.
func (a *Agent) RestoreBy(r Restorer) { a.restorer = r }

// restoreAgain is the pause after a restoration that has failed.
const restoreAgain = 30 * time.Second

// abandonment is the end of a front whose computers are gone.
type abandonment struct {
	restorer Restorer
	drain    func(context.Context)
	logger   *slog.Logger
	presence *presence
	alone    chan struct{}
}

// newAbandonment waits for computers from now on.
func newAbandonment(after time.Duration, r Restorer, drain func(context.Context), logger *slog.Logger) *abandonment {
	b := &abandonment{restorer: r, drain: drain, logger: logger, alone: make(chan struct{}, 1)}
	b.presence = newPresence(after, func() {
		select {
		case b.alone <- struct{}{}:
		default:
		}
	})
	return b
}

// run restores the Service whenever the front is alone for long, until ctx ends. A computer that comes back in the
// meantime finds the Service restored, and ends its routes itself.
func (b *abandonment) run(ctx context.Context) {
	defer b.presence.stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.alone:
		}
		if b.presence.there() {
			continue
		}
		b.logger.Info("no computer has come for a while: the front restores its Service", "limit", b.presence.linger)
		if err := b.end(ctx); err != nil && ctx.Err() == nil {
			b.logger.Error("restore the Service", "error", err)
			b.presence.again(restoreAgain)
		}
	}
}

func (b *abandonment) end(ctx context.Context) error {
	if err := b.restorer.Service(ctx); err != nil {
		return err
	}
	b.drain(ctx)
	if b.presence.there() {
		return nil
	}
	return b.restorer.Objects(ctx)
}
