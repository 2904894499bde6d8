package filesync

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

func (p *place) finish(temporary string, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress.complete(temporary)
	if complete {
		p.finishing[temporary] = true
	} else {
		delete(p.finishing, temporary)
	}
}

// replacing says whether a file is about to be replaced.
func (p *place) replacing(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.finishing[fs.TempName(name)]
}

// keep makes a version of what is about to be replaced or deleted. What the other side made itself is no loss to it: its version
// only passes, unless somebody writes meanwhile.
func (p *place) keep(name string, reason kept.Reason) error {
	info, err := os.Lstat(p.path(name))
	if err != nil || info.IsDir() {
		return nil // nothing to lose; the caller finds out itself
	}
	theirs := reason != kept.Conflict && !p.index.ours(name) && p.index.unchanged(name, info)
	into := p.replacing(name) && p.staysItself(name, info)
	switch {
	case theirs && !into:
		err = p.pass(name, info)
	case into && !theirs:
		_, err = p.kept.Copy(p.root, name, name, reason)
	case !theirs:
		_, err = p.kept.Keep(p.root, name, name, reason)
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judged[name] = info
	return nil
}

// pass makes a version that is only needed if somebody writes into what is replaced.
func (p *place) pass(name string, info os.FileInfo) error {
	v, err := p.kept.Keep(p.root, name, name, kept.Passing)
	if err != nil || v.ID == "" {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passing = append(p.passing, passing{v, info, time.Now()})
	return nil
}

// judge notes that a file may go as it is.
func (p *place) judge(name string, info os.FileInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judged[name] = info
}

// settle drops the versions from before a time that turned out not to be needed.
func (p *place) settle(before time.Time) {
	p.mu.Lock()
	n := 0
	for n < len(p.passing) && p.passing[n].since.Before(before) {
		n++
	}
	due := p.passing[:n:n]
	p.passing = p.passing[n:]
	p.mu.Unlock()
	for _, v := range due {
		if info, err := p.kept.Stat(v.version); err == nil && same(info, v.info) {
			_ = p.kept.Drop(v.version)
		} else if err == nil {
			_ = p.kept.Settle(v.version)
		}
	}
}

// same says whether a file is still what it was.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// asJudged says whether a file is the one that may go: between that decision and the deed somebody may have saved another.
func (p *place) asJudged(name string, info os.FileInfo) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	judged, ok := p.judged[name]
	return ok && same(judged, info)
}

// errMeanwhile says that somebody wrote a file while it was about to be changed. The model looks at it anew and tries again.
var errMeanwhile = errors.New("it was changed in the meantime")

// put brings a complete file to its place: into the file that is there, where the other side saved it so, else in its place.
func (p *place) put(temporary, name string) error {
	if done, err := p.rewrite(temporary, name); done || err != nil {
		return err
	}
	return p.exchange(temporary, name)
}

// exchange moves a complete file to its place in one step, and then looks at what was there before.
func (p *place) exchange(temporary, name string) error {
	from, to := p.path(temporary), p.path(name)
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	for range 3 { // what is there may come and go
		if err = exchange(from, to); err == nil {
			err = p.displace(temporary, name)
			break
		}
		if errors.Is(err, errors.ErrUnsupported) { // what was judged before is kept
			err = os.Rename(from, to)
			break
		}
		if err = moveNew(from, to); !errors.Is(err, iofs.ErrExist) {
			break
		}
	}
	if err == nil {
		p.index.own(name, false)
		p.came(name, info)
		p.inodes.came(name, info)
	}
	return err
}

// displace removes what was in a file's place.
func (p *place) displace(temporary, name string) error {
	from := p.path(temporary)
	old, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !old.IsDir() && !p.asJudged(name, old) {
		_, err = p.kept.Keep(p.root, temporary, name, kept.Conflict)
	}
	if err == nil {
		err = os.Remove(from)
	}
	if err != nil { // such as a folder that is not empty after all
		return errors.Join(err, exchange(from, p.path(name)))
	}
	return nil
}

// take removes a file, or moves it to a temporary name, if it is still the one that may go.
func (p *place) take(name, temporary string) error {
	from, to := p.path(name), p.path(temporary)
	if err := os.Rename(from, to); err != nil {
		return err
	}
	info, err := os.Lstat(to)
	if err != nil || p.asJudged(name, info) {
		return err
	}
	if err := moveNew(to, from); err == nil {
		return fmt.Errorf("%s: %w", name, errMeanwhile)
	}
	if _, err := p.kept.Keep(p.root, temporary, name, kept.Conflict); err != nil {
		return err
	}
	return errors.Join(fmt.Errorf("%s: %w", name, errMeanwhile), os.Remove(to))
}

func (p *place) remove(name string) error {
	temporary := fs.TempNameWithPrefix(name, goingPrefix)
	if err := p.take(name, temporary); err != nil {
		return err
	}
	return os.Remove(p.path(temporary))
}

// linkNew is moveNew where the system has no such call. A file system without hard links can only be asked first.
func linkNew(from, to string) error {
	err := os.Link(from, to)
	switch {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, iofs.ErrExist) || errors.Is(err, iofs.ErrNotExist):
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, iofs.ErrNotExist) {
		return &os.LinkError{Op: "move", Old: from, New: to, Err: errors.Join(iofs.ErrExist, err)}
	}
	return os.Rename(from, to)
}

// came remembers how a file is that gets its time next.
func (p *place) came(name string, info os.FileInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.placed[name] = info
}

// overtake says whether a file is no more what came last, and remembers that until it is asked for.
func (p *place) overtake(name string) bool {
	info, err := os.Lstat(p.path(name))
	p.mu.Lock()
	defer p.mu.Unlock()
	placed, ok := p.placed[name]
	delete(p.placed, name)
	if !ok || err != nil || same(placed, info) {
		return false
	}
	p.overtaken[name] = true
	return true
}

func (p *place) wasOvertaken(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.overtaken[name]
	delete(p.overtaken, name)
	return was
}
