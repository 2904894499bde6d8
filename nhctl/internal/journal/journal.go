// Package journal keeps what a process changes on this computer and the kernel does not take back when that ends: each
// change is written down before it is made, so that whoever comes later can undo it. A process that lives holds the
// lock of its journal.
package journal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/nhctl/nhctl/nhctl/internal/sharedfile"
	"github.com/nhctl/nhctl/nhctl/internal/store"
)

// entries is what a journal says.
type entries struct {
	// PID is the process that made the changes, for people to read.
	PID int `json:"pid"`
	// Files are those of this computer that have a part with the journal's id.
	Files []string `json:"files"`
}

const (
	ending     = ".json"
	lockEnding = ".lock"
)

func format() store.Format { return store.Format{Kind: "computer", Version: 1} }

// Dir is where a user's journals are. Those of root are in a place of their own, whatever root's environment says, so
// that they are found again.
func Dir(state string) string {
	if runtime.GOOS != "windows" && os.Geteuid() == 0 {
		return RootDir
	}
	return filepath.Join(state, "computer")
}

// RootDir is where root's journals are. Everyone may see which there are.
const RootDir = "/var/lib/nhctl/computer"

// Journal is that of this process.
type Journal struct {
	dir, id string
	lock    *flock.Flock
	entries entries
}

// Open begins a journal. Close ends it.
func Open(dir string) (*Journal, error) {
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails
	j := &Journal{dir: dir, id: hex.EncodeToString(random), entries: entries{PID: os.Getpid()}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a place for the journal: %w", err)
	}
	j.lock = flock.New(j.file(lockEnding))
	if ok, err := j.lock.TryLock(); err != nil || !ok {
		return nil, fmt.Errorf("lock the journal: %w", err)
	}
	return j, nil
}

// ID is the journal's, which marks its parts of files.
func (j *Journal) ID() string { return j.id }

func (j *Journal) file(ending string) string { return filepath.Join(j.dir, j.id+ending) }

// Edit changes the part of a file that this process has. It is written down first.
func (j *Journal) Edit(path string, edit func(text, id string) string) error {
	if !slices.Contains(j.entries.Files, path) {
		j.entries.Files = append(j.entries.Files, path)
		if err := store.Write(j.file(ending), format(), j.entries); err != nil {
			return fmt.Errorf("write the change down: %w", err)
		}
	}
	return sharedfile.Update(path, func(text string) string { return edit(text, j.id) })
}

// Close undoes all changes. What could not be undone stays written down.
func (j *Journal) Close() error {
	err := undo(j.id, j.entries)
	if err == nil {
		err = remove(j.dir, j.id)
	}
	return errors.Join(err, j.lock.Close())
}

// undo undoes the changes of a journal, the last one first.
func undo(id string, e entries) error {
	var failed []error
	for _, path := range slices.Backward(e.Files) {
		err := sharedfile.Update(path, func(text string) string { return sharedfile.Remove(text, id) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("restore %s: %w", path, err))
		}
	}
	return errors.Join(failed...)
}

func remove(dir, id string) error {
	for _, ending := range []string{ending, lockEnding} {
		if err := os.Remove(filepath.Join(dir, id+ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Left is what the journal of a process says.
type Left struct {
	ID    string   `json:"id"`
	PID   int      `json:"pid"`
	Files []string `json:"files"`
	// Lives says that the process is there.
	Lives bool `json:"lives,omitempty"`
}

// Any says whether there are journals. It needs no right to read them.
func Any(dir string) bool {
	names, _ := filepath.Glob(filepath.Join(dir, "*"+ending))
	return len(names) > 0
}

// Repair undoes what processes have left that did not end by themselves, and lists the journals that there were: those
// of processes that live are left alone.
func Repair(dir string) ([]Left, error) {
	var all []Left
	err := each(dir, func(l Left) error {
		if !l.Lives {
			if err := undo(l.ID, entries{Files: l.Files}); err != nil {
				return err
			}
			if err := remove(dir, l.ID); err != nil {
				return err
			}
		}
		all = append(all, l)
		return nil
	})
	return all, err
}

// each calls do with each journal, and holds its lock where no one else does.
func each(dir string, do func(Left) error) error {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	form := regexp.MustCompile(`^[0-9a-f]{8}$`)
	var failed []error
	for _, name := range names {
		id, ok := strings.CutSuffix(name.Name(), ending)
		if !ok || !form.MatchString(id) {
			continue
		}
		failed = append(failed, locked(dir, id, do))
	}
	return errors.Join(failed...)
}

func locked(dir, id string, do func(Left) error) error {
	var e entries
	if err := store.Read(filepath.Join(dir, id+ending), format(), &e); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, id+lockEnding))
	free, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the journal: %w", err)
	}
	defer lock.Close()
	return do(Left{ID: id, PID: e.PID, Files: e.Files, Lives: !free})
}
