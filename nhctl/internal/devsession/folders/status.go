package folders

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// Data tells how sync is, as an event has it. What the pod knows is asked for when it can be reached.
func (f *Folder) Data(ctx context.Context) event.SyncData {
	st, err := f.engine.Status()
	if err != nil {
		return event.SyncData{Folder: f.Root, State: filesync.StateError, Errors: map[string]string{"": err.Error()}}
	}
	d := event.SyncData{
		Folder:      f.Root,
		State:       st.State,
		Files:       st.Files,
		Bytes:       st.Bytes,
		FilesToGo:   st.PeerNeedFiles,
		BytesToGo:   st.PeerNeedBytes,
		FilesToCome: st.NeedFiles,
		BytesToCome: st.NeedBytes,
		Conflicts:   st.Conflicts,
		Errors:      map[string]string{},
		NotCarried:  map[string]string{},
	}
	for _, m := range f.Current().Mounts {
		if d.Mounts == nil {
			d.Mounts = map[string]string{}
		}
		d.Mounts[m.Name()] = m.Source
	}
	if st.LastSave != nil {
		d.LastSave = &event.SaveData{Path: st.LastSave.Path, Time: st.LastSave.Time, Seconds: st.LastSave.Seconds}
	}
	f.addSide(&d, st, event.Here)
	if st.State != filesync.StateDisconnected {
		f.addPod(ctx, &d, st)
	}
	d.Remedies = f.waiting(d)
	return d
}

// addPod adds what the pod knows, if it can be asked, to the status of this side.
func (f *Folder) addPod(ctx context.Context, d *event.SyncData, here filesync.Status) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if there, err := f.Status(ctx); err == nil {
		if there.PeerSequence >= here.Sequence { // it knows best
			d.BytesToGo = min(d.BytesToGo, there.NeedBytes)
		}
		d.Conflicts += there.Conflicts
		f.addSide(d, there, event.InPod)
	}
	if d.Conflicts > 0 {
		d.ConflictPaths = f.conflictPaths(ctx)
	}
}

// mostShown is how many conflicts are named.
const mostShown = 100

func (f *Folder) conflictPaths(ctx context.Context) []string {
	var open []kept.Version
	for _, versions := range f.openConflicts(ctx) {
		open = append(open, versions...)
	}
	slices.SortFunc(open, func(a, b kept.Version) int { return b.Time.Compare(a.Time) })
	var paths []string
	for _, v := range open {
		if !slices.Contains(paths, v.Path) && len(paths) < mostShown {
			paths = append(paths, v.Path)
		}
	}
	return paths
}

// addSide adds what is wrong on a side.
func (f *Folder) addSide(d *event.SyncData, st filesync.Status, side string) {
	prefix := ""
	if side == event.InPod {
		prefix = "in the pod: "
	}
	for path, reason := range st.Errors {
		d.Errors[path] = prefix + reason
	}
	if st.Full != nil {
		d.Full = append(d.Full, event.FullData{
			Side:   side,
			Folder: st.Full.Folder,
			Files:  st.Full.Files,
			Needed: st.Full.Needed,
			Free:   st.Full.Free,
			Quota:  st.Full.Quota,
		})
	}
	for path, reason := range st.NotCarried {
		d.NotCarried[path] = prefix + reason
	}
	d.Syncing = append(d.Syncing, st.Now...)
	d.Rate += st.Rate
	if d.Rate > 0 {
		d.Remaining = float64(d.BytesToGo+d.BytesToCome) / d.Rate
	}
	if st.Limit != "" {
		d.Errors["."] = prefix + st.Limit
	}
	if st.Held != nil {
		d.State = filesync.StateHeld
		held := heldData(side, st.Held)
		d.Held = &held
	} else if st.Error != "" {
		d.Errors["."] = prefix + st.Error
	}
}

// Held are the mass deletions that wait for a decision, on either side, by the ids of the folders.
func (s Set) Held(ctx context.Context) map[string][]event.HeldData {
	all := map[string][]event.HeldData{}
	for _, f := range s {
		if st, err := f.engine.Status(); err == nil && st.Held != nil {
			all[f.ID] = append(all[f.ID], heldData(event.Here, st.Held))
		}
		limited, cancel := context.WithTimeout(ctx, time.Second)
		if st, err := f.Status(limited); err == nil && st.Held != nil {
			all[f.ID] = append(all[f.ID], heldData(event.InPod, st.Held))
		}
		cancel()
	}
	return all
}

func heldData(side string, d *filesync.Deletion) event.HeldData {
	return event.HeldData{Side: side, Files: d.Files, Of: d.Of, Paths: d.Paths}
}

// stir is called by the engine, which must not wait.
func (f *Folder) stir() {
	f.Session.Stir()
	select {
	case f.stirred <- struct{}{}:
	default:
	}
}

// lull is how long the engine is left alone between two looks for conflicts.
const lull = 500 * time.Millisecond

// watchConflicts raises an event for each new conflict of either side, until ctx ends.
func (f *Folder) watchConflicts(ctx context.Context) {
	told := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.stirred:
		}
		if delay.For(ctx, lull) != nil {
			return
		}
		for side, versions := range f.openConflicts(ctx) {
			for _, v := range versions {
				if key := side + "/" + v.ID; !told[key] {
					told[key] = true
					f.Session.Emit(f.conflict(side, v))
				}
			}
		}
	}
}

// conflict tells of one whose content lost on a side.
func (f *Folder) conflict(side string, v kept.Version) event.Event {
	return event.Event{
		Type:    event.Conflict,
		Message: ConflictText([]string{v.Path}),
		Conflict: &event.ConflictData{
			Folder:   f.Root,
			Path:     v.Path,
			Lost:     side,
			Time:     v.Time,
			Remedies: f.deciding(v.Path),
		},
	}
}

// openConflicts lists the conflicts that no one has decided, by the side whose content lost; of the pod, if it can be
// asked.
func (f *Folder) openConflicts(ctx context.Context) map[string][]kept.Version {
	all := map[string][]kept.Version{}
	here, err := f.engine.Conflicts()
	if err != nil {
		f.Logger.Warn("list conflicts", "error", err)
	}
	all[event.Here] = here
	if st, err := f.engine.Status(); err != nil || st.State == filesync.StateDisconnected {
		return all
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if there, err := f.Status(ctx); err != nil || there.Conflicts == 0 {
		return all
	}
	versions, err := f.versionsThere(ctx, "")
	if err != nil {
		return all
	}
	for _, v := range versions {
		if v.Reason == kept.Conflict {
			all[event.InPod] = append(all[event.InPod], v)
		}
	}
	return all
}

// ConflictText says of files that both sides changed them.
func ConflictText(paths []string) string {
	text := paths[0]
	if len(paths) > 1 {
		text = fmt.Sprintf("%s and %d more files", paths[0], len(paths)-1)
	}
	return text + ": both sides changed it at once; the newer content is in place, " +
		"the other is kept: see `nhctl dev sync conflicts`"
}

// FullText says of a full disk what is missing, and what to do.
func FullText(d event.FullData) string {
	disk, room := "the disk of this computer", "make room there"
	if d.Side == event.InPod {
		disk, room = "the disk in the pod", "remove files there, or give the pod a larger volume"
	}
	is := "is full"
	if d.Quota {
		is = "is full for its user, whose quota is used up"
	}
	text := fmt.Sprintf("%s %s: %s needs %s more", disk, is, d.Folder, megabytes(d.Needed))
	if d.Free >= 0 && !d.Quota {
		text += fmt.Sprintf(", and has %s left", megabytes(d.Free))
	}
	return text + "; " + room + ": sync then goes on by itself within a minute"
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
