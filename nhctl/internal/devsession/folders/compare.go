package folders

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// fill gives a pod that has nothing of the folder all of it at once. One that has something, or knows no such streams,
// refuses; then the engines do it, as always.
func (f *Folder) fill(ctx context.Context, settings json.RawMessage) error {
	if err := f.engine.Ready(ctx); err != nil {
		return err
	}
	pod := f.Session.BulkPod()
	st, err := f.engine.Status()
	if err != nil || !f.Current().Type.Sends() || st.State == filesync.StatePaused || pod != "" && pod == f.offered {
		return err
	}
	stream, err := f.Session.OpenBulk(ctx, wire.KindFill, wire.SyncParams{
		Folder:   f.ID,
		Settings: settings,
		Instance: f.engine.Instance(),
	})
	if errors.Is(err, wire.ErrRefused) {
		f.offered = pod
		return nil
	}
	if err != nil {
		return err
	}
	f.offered = pod
	f.delivered.Store(false)
	if err := f.engine.FillPeer(ctx, stream, func() { f.place.Do(func() { close(f.placed) }) }); err != nil {
		f.Logger.Warn("fill the folder in the pod; the rest goes file by file", "error", err)
		return nil
	}
	f.delivered.Store(true)
	return f.engine.Join(ctx, nil)
}

// join compares the two sides before they are joined for the first time: where they differ, the side that sends wins
// (the computer where both do), and the other keeps what it had. It returns the name of the pod's index.
func (f *Folder) join(ctx context.Context) (instance string, err error) {
	if err := f.engine.Ready(ctx); err != nil {
		return "", err
	}
	var there filesync.Status
	if err := f.Session.Call(ctx, http.MethodPut, control.PathSync(f.ID), f.Current(), &there); err != nil {
		return "", fmt.Errorf("open the folder in the pod: %w", err)
	}
	if f.engine.Joined() && there.Joined {
		return there.Instance, nil
	}
	return there.Instance, f.compare(ctx)
}

func (f *Folder) compare(ctx context.Context) error {
	if err := errors.Join(f.engine.Scan(ctx), f.Scan(ctx)); err != nil {
		if errors.Is(err, filesync.ErrPaused) {
			return nil // it is compared once sync goes on
		}
		return err
	}
	here, err := f.engine.Status()
	if err != nil {
		return err
	}
	there, err := f.Status(ctx)
	if err != nil {
		return err
	}
	var differing []string
	if here.Files > 0 && there.Files > 0 {
		if differing, err = f.differing(ctx); err != nil {
			return err
		}
	}
	yieldHere, yieldThere := []string{}, differing
	if !f.Current().Type.Sends() {
		yieldHere, yieldThere = differing, []string{}
	}
	f.differed = len(differing)
	f.tellDiffering(differing)
	if _, err := f.do(ctx, control.Do{Action: control.Join, Paths: yieldThere}); err != nil {
		return err
	}
	return f.engine.Join(ctx, yieldHere)
}

func (f *Folder) differing(ctx context.Context) ([]string, error) {
	mine, err := f.engine.Content(ctx)
	if err != nil {
		return nil, err
	}
	var theirs map[string]string
	if err := f.Session.Call(ctx, http.MethodGet, control.PathContent(f.ID), nil, &theirs); err != nil {
		return nil, err
	}
	paths := filesync.Differing(mine, theirs)
	sort.Strings(paths)
	return paths, nil
}

// tellDiffering says how many files differ, before anything is overwritten.
func (f *Folder) tellDiffering(paths []string) {
	if len(paths) == 0 {
		return
	}
	winner, loser := "this computer", "the pod"
	if !f.Current().Type.Sends() {
		winner, loser = loser, winner
	}
	text := fmt.Sprintf("%d files differ between this computer and the pod (%s ...): those of %s win; "+
		"%s keeps what it had, and `nhctl dev sync restore` restores it",
		len(paths), paths[0], winner, loser)
	f.Session.Note(text)
	f.Session.Emit(event.Event{Type: event.Notice, Message: text})
}
