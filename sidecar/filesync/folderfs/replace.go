package folderfs

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

func (f *Folder) finish(temporary string, complete bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.received.complete(temporary)
	if complete {
		f.finishing[temporary] = true
	} else {
		delete(f.finishing, temporary)
	}
}

// replacing says whether a file is about to be replaced.
func (f *Folder) replacing(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.finishing[fs.TempName(name)]
}

// keepVersion makes a version of what is about to be replaced or deleted. What the other side made itself is no loss:
// its version only passes, unless someone writes in the meantime.
func (f *Folder) keepVersion(name string, reason kept.Reason) error {
	info, err := os.Lstat(f.path(name))
	if err != nil || info.IsDir() {
		return nil // nothing to lose; the caller finds out itself
	}
	theirs := reason != kept.Conflict && !f.index.Ours(name) && f.index.Unchanged(name, info)
	into := f.replacing(name) && f.staysItself(name, info)
	switch {
	case theirs && !into:
		err = f.pass(name, info)
	case into && !theirs:
		_, err = f.kept.Copy(f.root, name, name, reason)
	case !theirs:
		_, err = f.kept.Keep(f.root, name, name, reason)
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.judged[name] = info
	return nil
}

// pass makes a version that is only needed if someone writes into what is replaced.
func (f *Folder) pass(name string, info os.FileInfo) error {
	v, err := f.kept.Keep(f.root, name, name, kept.Passing)
	if err != nil || v.ID == "" {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passing = append(f.passing, passing{v, info, time.Now()})
	return nil
}

// judge notes that a file may go as it is.
func (f *Folder) judge(name string, info os.FileInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.judged[name] = info
}

// Settle drops the versions from before a time that turned out not to be needed.
func (f *Folder) Settle(before time.Time) {
	f.mu.Lock()
	n := 0
	for n < len(f.passing) && f.passing[n].since.Before(before) {
		n++
	}
	due := f.passing[:n:n]
	f.passing = f.passing[n:]
	f.mu.Unlock()
	for _, v := range due {
		if info, err := f.kept.Stat(v.version); err == nil && same(info, v.info) {
			_ = f.kept.Drop(v.version)
		} else if err == nil {
			_ = f.kept.Settle(v.version)
		}
	}
}

// same says whether a file is still what it was.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// asJudged says whether a file is the one that may go: between that decision and the deed someone may have saved
// another.
func (f *Folder) asJudged(name string, info os.FileInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	judged, ok := f.judged[name]
	return ok && same(judged, info)
}

// errChanged says that someone wrote a file while it was about to be changed. The model looks at it again and tries
// once more.
var errChanged = errors.New("it was changed in the meantime")

// put brings a complete file to its place: into the file that is there, where the other side saved it so, else in its
// place.
func (f *Folder) put(from, to rooted.Entry) error {
	if done, err := f.rewrite(from, to); done || err != nil {
		return err
	}
	return f.exchange(from, to)
}

// exchange moves a complete file to its place in one step, and then looks at what was there before.
func (f *Folder) exchange(from, to rooted.Entry) error {
	info, err := from.Lstat()
	if err != nil {
		return err
	}
	for range 3 { // what is there may come and go
		if err = from.Exchange(to); err == nil {
			err = f.displace(from, to)
			break
		}
		if errors.Is(err, errors.ErrUnsupported) { // what was judged before is kept
			err = from.Rename(to)
			break
		}
		if err = from.MoveNew(to); !errors.Is(err, iofs.ErrExist) {
			break
		}
	}
	if err == nil {
		f.index.Own(to.Path, false)
		f.came(to.Path, info)
		f.inodes.came(to.Path, info)
	}
	return err
}

// displace removes what was in a file's place, and has its temporary name now.
func (f *Folder) displace(temporary, file rooted.Entry) error {
	old, err := temporary.Lstat()
	if err != nil {
		return err
	}
	if !old.IsDir() && !f.asJudged(file.Path, old) {
		_, err = f.kept.Keep(f.root, temporary.Path, file.Path, kept.Conflict)
	}
	if err == nil {
		err = temporary.Remove()
	}
	if err != nil { // such as a folder that is not empty after all
		return errors.Join(err, temporary.Exchange(file))
	}
	return nil
}

// moveAway moves a file to a temporary name, if it is still the one that may go.
func (f *Folder) moveAway(file, temporary rooted.Entry) error {
	if err := file.Rename(temporary); err != nil {
		return err
	}
	info, err := temporary.Lstat()
	if err != nil || f.asJudged(file.Path, info) {
		return err
	}
	if err := temporary.MoveNew(file); err == nil {
		return fmt.Errorf("%s: %w", file.Path, errChanged)
	}
	if _, err := f.kept.Keep(f.root, temporary.Path, file.Path, kept.Conflict); err != nil {
		return err
	}
	return errors.Join(fmt.Errorf("%s: %w", file.Path, errChanged), temporary.Remove())
}

// remove removes a file that may go.
func (f *Folder) remove(file rooted.Entry) error {
	temporary := file.Sibling(fs.TempNameWithPrefix(file.Name, goingPrefix))
	if err := f.moveAway(file, temporary); err != nil {
		return err
	}
	return temporary.Remove()
}

// came remembers how a file is that gets its time next.
func (f *Folder) came(name string, info os.FileInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.placed[name] = info
}

// overtake says whether a file, nil where there is none, is no more what came last, and remembers that until it is
// asked for.
func (f *Folder) overtake(name string, info os.FileInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	placed, ok := f.placed[name]
	delete(f.placed, name)
	if !ok || info == nil || same(placed, info) {
		return false
	}
	f.overtaken[name] = true
	return true
}

func (f *Folder) wasOvertaken(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.overtaken[name]
	delete(f.overtaken, name)
	return was
}
