package filesync

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncthing/syncthing/lib/events"

	"github.com/nhctl/nhctl/sidecar/filesync/eventlog"
)

// Memory is given back once for each burst, at its end, and not for a few changes.
func TestAfterBursts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, freed := eventlog.New(), 0
		changes := log.Subscribe(events.LocalIndexUpdated | events.RemoteIndexUpdated)
		go afterBursts(t.Context(), changes, func() { freed++ })
		for _, step := range []struct {
			what  string
			kind  events.EventType
			items int
			then  time.Duration
			freed int
		}{
			{"a few changes", events.LocalIndexUpdated, burst - 2, time.Hour, 0},
			{"one of the other side", events.RemoteIndexUpdated, 1, time.Hour, 0},
			{"one more, as the burst's first", events.LocalIndexUpdated, 1, lull - 1, 0},
			{"the next within it", events.LocalIndexUpdated, burst, lull - 1, 0},
			{"its last", events.RemoteIndexUpdated, burst, lull, 1},
			{"a few again", events.LocalIndexUpdated, burst - 1, time.Hour, 1},
			{"another burst", events.LocalIndexUpdated, 1, time.Hour, 2},
		} {
			log.Log(step.kind, map[string]any{"items": step.items})
			time.Sleep(step.then)
			synctest.Wait()
			if freed != step.freed {
				t.Errorf("%s: freed %d times, want %d", step.what, freed, step.freed)
			}
		}
	})
}
