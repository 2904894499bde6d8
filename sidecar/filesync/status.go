package filesync

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/db"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// The states of an engine.
const (
	StateIdle         = "idle"
	StateScanning     = "scanning"
	StateSyncing      = "syncing"
	StateDisconnected = "disconnected"
	StateError        = "error"
	StatePaused       = "paused"
	StateHeld         = "held" // a mass deletion waits for a decision
)

// Status is the state of one end.
type Status struct {
	State string `json:"state"`
	// Error is why the whole folder does not sync.
	Error string `json:"error,omitempty"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	// NeedFiles and NeedBytes are what this end lacks, deletions included.
	NeedFiles int   `json:"needFiles"`
	NeedBytes int64 `json:"needBytes"`
	// PeerNeedFiles and PeerNeedBytes are what the other end lacks.
	PeerNeedFiles int   `json:"peerNeedFiles"`
	PeerNeedBytes int64 `json:"peerNeedBytes"`
	// Sequence is the number of this end's last change; PeerSequence that of the other end's last change that this end
	// knows.
	Sequence     int64 `json:"sequence"`
	PeerSequence int64 `json:"peerSequence"`
	// Errors are reasons by path.
	Errors map[string]string `json:"errors,omitempty"`
	// Full says that the disk of this end has no room for what it lacks. Sync tries again by itself.
	Full *Full `json:"full,omitempty"`
	// Limit says that the system watches too few folders, and what to do; changes are found by polling then.
	Limit string `json:"limit,omitempty"`
	// Now are some of the paths that are coming in.
	Now []string `json:"now,omitempty"`
	// Rate is how fast bytes come in, a second.
	Rate float64 `json:"rate,omitempty"`
	// LastSave is the last change made here that the other end has.
	LastSave *Save `json:"lastSave,omitempty"`
	// NotCarried are files that don't arrive as they are, with reasons.
	NotCarried map[string]string `json:"notCarried,omitempty"`
	// Held is a batch of deletions that waits for a decision.
	Held *Deletion `json:"held,omitempty"`
	// Conflicts is the number of files whose other content lost on this side, and is kept here.
	Conflicts int `json:"conflicts,omitempty"`
	// Joined says that the two sides were compared before.
	Joined bool `json:"joined"`
	// Instance names the index.
	Instance string `json:"instance"`
}

// Full is a disk without room.
type Full struct {
	// Folder is where sync writes.
	Folder string `json:"folder"`
	// Files are those that have found no room; 0 where it is the index of all files.
	Files int `json:"files"`
	// Needed is what this end lacks, and Free what the disk has left for it, in bytes; Free is negative where the
	// system does not say.
	Needed int64 `json:"needed"`
	Free   int64 `json:"free"`
	// Quota says that it is the user's share of the disk that is used up.
	Quota bool `json:"quota,omitempty"`
}

// restartLimit limits how long the model may take to restart a folder, which is looked at every restartPause.
const (
	restartLimit = 10 * time.Second
	restartPause = 2 * time.Millisecond
)

// Status tells how the folder is.
func (e *Engine) Status() (Status, error) {
	s := Status{Held: e.Held(), Conflicts: e.folder.Kept().Conflicts(), Joined: e.Joined(), Instance: e.instance}
	snapshot, err := e.snapshot()
	for limit := time.Now().Add(restartLimit); errors.Is(err, model.ErrFolderNotRunning) && time.Now().Before(limit) &&
		e.alive(); { // the folder restarts, as for another peer
		time.Sleep(restartPause)
		snapshot, err = e.snapshot()
	}
	if errors.Is(err, errIndexFull) {
		needed, free, _ := e.room.Lacking()
		s.State, s.Error = StateError, errIndexFull.Error()
		s.Full = &Full{Folder: e.config.StateDir, Needed: needed, Free: free}
		return s, nil
	}
	if errors.Is(err, model.ErrFolderPaused) {
		s.State = StatePaused
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer snapshot.Release()
	size, need, peer := snapshot.LocalSize(), snapshot.NeedSize(protocol.LocalDeviceID), snapshot.NeedSize(e.peer())
	s.Files, s.Bytes = size.Files, size.Bytes
	s.NeedFiles, s.NeedBytes = need.TotalItems(), need.Bytes
	s.PeerNeedFiles, s.PeerNeedBytes = peer.TotalItems(), peer.Bytes
	s.Sequence, s.PeerSequence = snapshot.Sequence(protocol.LocalDeviceID), snapshot.Sequence(e.peer())
	state, _, err := e.model.State(e.config.FolderID)
	switch {
	case s.Held != nil:
		s.State, s.Error = StateHeld, s.Held.describe()
	case err != nil:
		s.State, s.Error = StateError, explain(err.Error())
	case !e.model.ConnectedTo(e.peer()):
		s.State = StateDisconnected
	case strings.HasPrefix(state, "scan"):
		s.State = StateScanning
	case s.NeedFiles > 0 || s.PeerNeedFiles > 0 || strings.HasPrefix(state, "sync"):
		s.State = StateSyncing
	default:
		s.State = StateIdle
	}
	if list, err := e.model.FolderErrors(e.config.FolderID); err == nil && len(list) > 0 {
		s.Errors = map[string]string{}
		for _, f := range list {
			s.Errors[f.Path] = explainFile(f.Err)
		}
	}
	s.Full = e.full(s)
	e.progress.tell(&s)
	partial, rate := e.folder.Received()
	s.NeedBytes, s.Rate = max(0, s.NeedBytes-partial), rate
	s.NotCarried = e.folder.Unsupported()
	if limit := e.watcher.Limit(); limit != nil {
		s.Limit = limit.Error()
	}
	e.tellFilling(&s)
	return s, nil
}

// explain says in our words what syncthing says in its own.
func explain(text string) string {
	if strings.Contains(text, "folder marker missing") {
		return "the folder was replaced or unmounted since sync began; nothing is deleted on the other side: end " +
			"dev mode and start it again"
	}
	if strings.Contains(text, "folder path missing") {
		return "the folder is not there any more; nothing is deleted on the other side: put it back, or end dev mode"
	}
	return text
}

// errIndexFull says that nothing is known of the folder until there is room on the disk.
var errIndexFull = errors.New("sync rests: the disk of its index is full; it goes on by itself once there is room")

func (s Status) indexFull() bool { return s.Full != nil && s.State == StateError }

// snapshot is what the index says. It fails while writers wait for room, who hold it up.
func (e *Engine) snapshot() (*db.Snapshot, error) {
	type result struct {
		*db.Snapshot
		error
	}
	found := make(chan result, 1)
	go func() {
		snapshot, err := e.model.DBSnapshot(e.config.FolderID)
		found <- result{snapshot, err}
	}()
	select {
	case r := <-found:
		return r.Snapshot, r.error
	case <-e.room.Full():
	}
	go func() {
		if r := <-found; r.error == nil {
			r.Release()
		}
	}()
	return nil, errIndexFull
}

// full says whether the disk is full, by the errors of files. The model forgets those while it tries again, until it
// has succeeded or failed.
func (e *Engine) full(s Status) *Full {
	now := fullOf(s.Errors)
	e.lacking.Lock()
	defer e.lacking.Unlock()
	if now == nil && s.NeedFiles > 0 && len(s.Errors) == 0 && e.lastFull != nil {
		last := *e.lastFull
		now = &last
	}
	if now != nil {
		now.Folder, now.Needed, now.Free = e.config.Root, s.NeedBytes, -1
		if usage, err := fs.NewFilesystem(fs.FilesystemTypeBasic, e.config.Root).Usage("."); err == nil {
			now.Free = int64(min(usage.Free, math.MaxInt64))
		}
	}
	e.lastFull = now
	return now
}

// fullOf counts errors that say that the disk is full; nil where there are none.
func fullOf(errors map[string]string) *Full {
	var f Full
	for _, text := range errors {
		quota := strings.HasPrefix(text, quotaUsed)
		if quota || strings.HasPrefix(text, diskFull) {
			f.Files++
			f.Quota = f.Quota || quota
		}
	}
	if f.Files == 0 {
		return nil
	}
	return &f
}

// How explainFile begins where there is no room for a file.
const (
	diskFull  = "the disk is full"
	quotaUsed = "the disk quota is used up"
)

// explainFile says in our words why a file can't be synced, and what helps; the cause stays in it.
func explainFile(text string) string {
	for _, known := range []struct{ cause, text string }{
		{"no space left on device", diskFull},
		{"insufficient space", diskFull},
		{"not enough space on the disk", diskFull}, // Windows
		{"disk quota exceeded", quotaUsed},
		{"permission denied",
			"permission denied: neither file nor folder may be changed by the user that sync runs as"},
		{"operation not permitted", "not permitted to the user that sync runs as"},
		{"read-only file system", "the file system is read-only"},
		{"upper or lowercase characters",
			"another file has the same name in another case, which this computer can't tell apart"},
		{"file name too long", "the name is too long for the file system"},
		{"path or name is invalid", "the system can't hold this name"},
		{"not in UTF8 encoding", "the name is not valid UTF-8"},
		{"contains ignored files", "the other side deleted the folder, but there are ignored files in it"},
	} {
		if strings.Contains(text, known.cause) {
			return known.text + " (" + text + ")"
		}
	}
	return text
}

func equal(a, b Settings) bool { return reflect.DeepEqual(a, b) }

// InSync says whether two ends that have both just scanned are the same, as far as the type wants them to be: each
// knows all changes of the other, and lacks nothing.
func InSync(t Type, local, remote Status) bool {
	if local.indexFull() || remote.indexFull() {
		return false
	}
	if t.Sends() && (remote.PeerSequence < local.Sequence || remote.NeedFiles > 0) {
		return false
	}
	if t.Receives() && (local.PeerSequence < remote.Sequence || local.NeedFiles > 0) {
		return false
	}
	return true
}

// Peer is the other end, as far as waiting for it goes.
type Peer interface {
	// Scan looks at everything there.
	Scan(context.Context) error
	Status(context.Context) (Status, error)
}

// Wait scans both ends, and returns when everything that either had by then is on the other, as far as the type says.
// When nothing moves any more for a while and files have errors, it looks once more, and then returns those.
func (e *Engine) Wait(ctx context.Context, peer Peer) error {
	if err := e.scanBoth(ctx, peer); err != nil {
		return err
	}
	return e.awaitSync(ctx, peer, e.settings().Type)
}

// Delivered returns when everything that this end knows of by now is on the other.
func (e *Engine) Delivered(ctx context.Context, peer Peer) error { return e.awaitSync(ctx, peer, Send) }

// stuck is how long nothing must move in a wait until that gives up files with errors.
const stuck = 5 * time.Second

func (e *Engine) awaitSync(ctx context.Context, peer Peer, t Type) error {
	last, moved, again := int64(-1), time.Now(), false
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		local, err := e.Status()
		if err != nil {
			return err
		}
		remote, err := peer.Status(ctx)
		if err != nil {
			return fmt.Errorf("ask the pod how far sync is: %w", err)
		}
		if err := stopped(local, remote); err != nil {
			return err
		}
		if InSync(t, local, remote) {
			return nil
		}
		if left := local.NeedBytes + remote.NeedBytes + int64(local.NeedFiles+remote.NeedFiles); left != last {
			last, moved = left, time.Now()
		}
		if failed := failure(local, remote); failed != nil && time.Since(moved) > e.config.stuck {
			if again {
				return failed
			}
			// What the model could not look at in time is in the way of other files until someone looks.
			if err := e.scanBoth(ctx, peer); err != nil {
				return err
			}
			again, moved = true, time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d files still to go to the pod, %d to come: %w", remote.NeedFiles, local.NeedFiles,
				ctx.Err())
		case <-time.After(pause):
		}
	}
}

func (e *Engine) scanBoth(ctx context.Context, peer Peer) error {
	err := e.Scan(ctx)
	if err != nil {
		err = fmt.Errorf("scan the local folder: %w", err)
	} else if err = peer.Scan(ctx); err != nil {
		err = fmt.Errorf("scan the folder in the pod: %w", err)
	}
	if err == nil {
		return nil
	}
	local, localErr := e.Status()
	remote, remoteErr := peer.Status(ctx)
	if localErr == nil && remoteErr == nil {
		if why := stopped(local, remote); why != nil {
			return why
		}
	}
	return err
}

// stopped is why two ends don't sync before someone decides.
func stopped(local, remote Status) error {
	switch {
	case local.State == StatePaused || remote.State == StatePaused:
		return ErrPaused
	case local.Held != nil:
		return fmt.Errorf("%w: here, %s", ErrHeld, local.Error)
	case remote.Held != nil:
		return fmt.Errorf("%w: in the pod, %s", ErrHeld, remote.Error)
	case local.indexFull():
		return fmt.Errorf("here, %s", local.Error)
	case remote.indexFull():
		return fmt.Errorf("in the pod, %s", remote.Error)
	}
	return nil
}

func (e *Engine) settings() Settings {
	e.scanning.Lock()
	defer e.scanning.Unlock()
	return e.config.Settings
}

// failure makes an error of what keeps two ends from being the same.
func failure(local, remote Status) error {
	for side, s := range map[string]Status{"here": local, "in the pod": remote} {
		if s.Error != "" {
			return fmt.Errorf("sync has stopped %s: %s", side, s.Error)
		}
		for path, reason := range s.Errors {
			return fmt.Errorf("%d files can't be synced %s; the first is %s: %s", len(s.Errors), side, path, reason)
		}
	}
	return nil
}
