package filesync

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Repository is the version control that a folder is under.
type Repository interface {
	// Tracked lists the files of the folder that are tracked, as relative paths with slashes.
	Tracked(ctx context.Context) ([]string, error)
	// Busy says whether that changes just now.
	Busy() bool
}

const (
	// trackedFile in the state has what was tracked when the engine ended, so that a branch may be changed in between.
	trackedFile = "tracked"
	// busyLimit limits how long a repository is waited for that is being changed: whoever died at it leaves a lock.
	busyLimit = 10 * time.Second
	// pastLimit is how long what was tracked before counts: the deletions that belong to it are seen by then.
	pastLimit = time.Minute
)

// tracked knows which files version control tracks, and which it did before.
type tracked struct {
	repository Repository // nil where there is none
	file       string

	mu   sync.Mutex
	now  map[string]bool
	past []formerly
}

type formerly struct {
	files map[string]bool
	until time.Time
}

func newTracked(c Config) *tracked {
	t := &tracked{repository: c.Repository, file: filepath.Join(c.StateDir, trackedFile)}
	if t.repository == nil {
		return t
	}
	if data, err := os.ReadFile(t.file); err == nil {
		t.now = set(strings.Split(string(data), "\x00"))
	}
	t.look(context.Background())
	return t
}

func set(names []string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}

// look reads what is tracked now, and returns it; nil where that can't be told.
func (t *tracked) look(ctx context.Context) map[string]bool {
	if t.repository == nil {
		return nil
	}
	list, err := t.repository.Tracked(ctx)
	if err != nil {
		return nil
	}
	now := set(list)
	t.mu.Lock()
	defer t.mu.Unlock()
	same := len(now) == len(t.now)
	for name := range now {
		same = same && t.now[name]
	}
	if !same {
		t.past = append(t.past, formerly{t.now, time.Now().Add(pastLimit)})
		t.now = now
		_ = os.WriteFile(t.file, []byte(strings.Join(list, "\x00")), 0o600) // of use to the next engine, at best
	}
	for len(t.past) > 0 && time.Now().After(t.past[0].until) {
		t.past = t.past[1:]
	}
	return now
}

// explains picks, of the files that are gone, those that version control took away: they were tracked before and are
// not now.
func (t *tracked) explains(ctx context.Context, gone []string) []string {
	now := t.look(ctx)
	if now == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var explained []string
	for _, name := range gone {
		name = filepath.ToSlash(name)
		for _, before := range t.past {
			if before.files[name] && !now[name] {
				explained = append(explained, name)
				break
			}
		}
	}
	return explained
}

// settled waits until version control is done, or for a while.
func (t *tracked) settled() {
	for end := time.Now().Add(busyLimit); t.repository != nil && t.repository.Busy() && time.Now().Before(end); {
		time.Sleep(settling)
	}
}

// RepositoryChanged takes note of what is tracked now. It may be called whenever the repository may have changed;
// sync that waits for a decision about deletions goes on if that explains them.
func (e *Engine) RepositoryChanged(ctx context.Context) error {
	e.tracked.look(ctx)
	if e.Held() == nil {
		return nil
	}
	if err := e.Scan(ctx); !errors.Is(err, ErrHeld) {
		return err
	}
	return nil
}

// missing lists the files that the index has and the folder has not.
func (e *Engine) missing() []string {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return nil
	}
	defer snapshot.Release()
	var gone []string
	snapshot.WithHaveTruncated(protocol.LocalDeviceID, func(f protocol.FileInfo) bool {
		if isFile(f) && e.gone(f.Name) {
			gone = append(gone, f.Name)
		}
		return true
	})
	return gone
}

// stillMissing says whether files that sync stopped for are still gone, without version control having taken them away.
func (e *Engine) stillMissing(ctx context.Context) bool {
	gone := e.missing()
	return len(gone) > len(e.tracked.explains(ctx, gone))
}
