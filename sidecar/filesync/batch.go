package filesync

import (
	"time"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
)

// batch finds in the model's events where a batch of changes from the peer ends.
type batch struct {
	last time.Time // of the last change; zero without one
}

// add takes the next event, and returns the time of the last change when the batch is in the folder.
func (b *batch) add(e events.Event) time.Time {
	var end time.Time
	data, _ := e.Data.(map[string]interface{})
	switch {
	case e.Type == events.ItemFinished:
		if failed, _ := data["error"].(*string); failed == nil {
			b.last = e.Time
		}
	case e.Type == events.StateChanged && data["to"] == model.FolderIdle.String():
		end, b.last = b.last, time.Time{}
	}
	return end
}
