package session

import (
	"context"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// lookLimit limits one look at the cluster.
const lookLimit = 10 * time.Second

// Heartbeat calls look at once and at each heartbeat, until look says that there is nothing more to look at, or the
// session ends.
func (s *Session) Heartbeat(look func(context.Context) (goOn bool)) {
	tick := time.NewTicker(record.Beat)
	defer tick.Stop()
	for {
		if !s.Look(s.context, look) {
			return
		}
		select {
		case <-s.context.Done():
			return
		case <-tick.C:
		}
	}
}

// Look limits one look.
func (s *Session) Look(ctx context.Context, look func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	return look(ctx)
}
