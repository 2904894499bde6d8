package filesync

import (
	"context"
	"time"

	"github.com/syncthing/syncthing/lib/events"
)

const (
	// burst is how many changes of the two indexes are worth a collection at their end; lull is how long nothing more
	// changes there.
	burst = 1000
	lull  = 300 * time.Millisecond
)

// afterBursts calls free at the end of each burst of changes of the indexes, until ctx ends.
func afterBursts(ctx context.Context, changes events.Subscription, free func()) {
	defer changes.Unsubscribe()
	end := time.NewTimer(lull)
	defer end.Stop()
	end.Stop()
	for changed := 0; ; {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-changes.C():
			if !ok {
				return
			}
			data, _ := event.Data.(map[string]any)
			items, _ := data["items"].(int)
			if changed += items; changed >= burst {
				end.Reset(lull)
			}
		case <-end.C:
			changed = 0
			free()
		}
	}
}
