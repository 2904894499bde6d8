package filesync

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// A file that was saved in place on the computer is written in place in the pod, so that a watch on the file itself lives on and a program
// that has it open sees the new bytes, as at home. For a moment it is half the one and half the other, as at home too. What was saved by
// another file taking its place is replaced in one step.

// rewritesDir in the state has a marker for each file that is being written in place: should this end die before that, the half file is
// completed from the temporary one, and never taken for an edit.
const rewritesDir = "rewrites"

// oneWrite is the size up to which a file is written at once.
const oneWrite = 4 << 20

// staysItself says whether a file that is there is to be written to, not replaced. Writing to one that has other names would change
// those too: they may be versions that are kept.
func (p *place) staysItself(name string, info os.FileInfo) bool {
	if !p.inPod || !info.Mode().IsRegular() {
		return false
	}
	if _, several := severalNames(info.Sys()); several {
		return false
	}
	_, inPlace := p.index.incoming(name)
	return inPlace
}

// rewrite writes a complete file's content into the file that is in its place, if that is the one that was judged, and was saved so on
// the other side. It says whether it has; where it could not, or failed on the way, the file is to be replaced.
func (p *place) rewrite(temporary, name string) (done bool, err error) {
	info, err := os.Lstat(p.path(name))
	if err != nil || !p.staysItself(name, info) || !p.asJudged(name, info) {
		return false, nil
	}
	modified, _ := p.index.incoming(name)
	if err := os.Chtimes(p.path(temporary), modified, modified); err != nil {
		return false, nil
	}
	after, err := p.rewriteMarked(temporary, name, info)
	switch {
	case errors.Is(err, errMeanwhile):
		return false, fmt.Errorf("%s: %w", name, err)
	case err != nil && after != nil: // it is half written
		p.mu.Lock()
		p.judged[name] = after
		p.mu.Unlock()
		return false, nil
	case err != nil:
		return false, p.pass(name, info)
	}
	p.index.own(name, false)
	p.came(name, after)
	return true, os.Remove(p.path(temporary))
}

// rewriteMarked writes with a marker in the state until all is done. After an error, it returns what the file is if anything was written.
func (p *place) rewriteMarked(temporary, name string, judged os.FileInfo) (os.FileInfo, error) {
	from, err := os.Open(p.path(temporary))
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := os.OpenFile(p.path(name), os.O_RDWR, 0)
	if err != nil {
		return nil, err // such as a program that runs, or a file that may not be written to
	}
	defer to.Close()
	if info, err := to.Stat(); err != nil || !same(judged, info) {
		return nil, errors.Join(err, iofs.ErrExist)
	}
	unmark, err := p.mark(name)
	if err != nil {
		return nil, err
	}
	err = overwrite(from, to)
	after, statErr := os.Lstat(p.path(name))
	if statErr != nil || !os.SameFile(after, judged) {
		err = errors.Join(err, errMeanwhile)
	}
	if err == nil {
		err = p.untorn(from, to)
	}
	return after, errors.Join(err, unmark())
}

// overwrite gives a file another's content, mode and time, with as few writes as can be.
func overwrite(from, to *os.File) error {
	if err := rewind(from, to); err != nil {
		return err
	}
	info, err := from.Stat()
	if err != nil {
		return err
	}
	before, err := to.Stat()
	if err != nil {
		return err
	}
	if before.Mode() != info.Mode() {
		if err := to.Chmod(info.Mode()); err != nil {
			return err
		}
	}
	if info.Size() <= oneWrite {
		data := make([]byte, info.Size())
		if _, err = io.ReadFull(from, data); err == nil && len(data) > 0 {
			_, err = to.WriteAt(data, 0)
		}
	} else {
		_, err = io.Copy(to, from)
	}
	if err == nil && before.Size() > info.Size() {
		err = to.Truncate(info.Size())
	}
	if err != nil {
		return err
	}
	return os.Chtimes(to.Name(), info.ModTime(), info.ModTime())
}

// untorn looks at what was written after the deed. Whoever wrote at the same time has changed the file: it gets its own time again, so
// that the next scan finds it.
func (p *place) untorn(from, to *os.File) error {
	equal, err := sameBytes(from, to)
	if err != nil || equal {
		return err
	}
	now := time.Now()
	return errors.Join(errMeanwhile, os.Chtimes(to.Name(), now, now))
}

// sameBytes says whether two files have the same content.
func sameBytes(a, b *os.File) (bool, error) {
	if err := rewind(a, b); err != nil {
		return false, err
	}
	one, other := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, one)
		m, otherErr := io.ReadFull(b, other)
		if !bytes.Equal(one[:n], other[:m]) {
			return false, nil
		}
		ended := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
		switch {
		case ended(err) && ended(otherErr):
			return true, nil
		case err != nil || otherErr != nil:
			return false, errors.Join(err, otherErr)
		}
	}
}

func rewind(files ...*os.File) error {
	for _, f := range files {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return nil
}

// mark notes in the state that a file is being written in place, until unmark is called.
func (p *place) mark(name string) (unmark func() error, err error) {
	id, err := identity(p.path(name))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(name))
	file := filepath.Join(p.state, rewritesDir, hex.EncodeToString(sum[:16]))
	if err := os.WriteFile(file, []byte(id+"\n"+name), 0o600); err != nil {
		return nil, err
	}
	return func() error { return os.Remove(file) }, nil
}

// finishRewrites completes what an engine that was killed was writing in place.
func (p *place) finishRewrites() error {
	dir := filepath.Join(p.state, rewritesDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		id, name, _ := strings.Cut(string(text), "\n")
		if filepath.IsLocal(name) {
			if err := p.finishRewrite(id, name); err != nil {
				return fmt.Errorf("complete %s, which was half written: %w", name, err)
			}
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// finishRewrite completes a file, unless another has taken its place since. Somebody may have written to it: what is there is kept.
func (p *place) finishRewrite(id, name string) error {
	path := p.path(name)
	if now, err := identity(path); err != nil || now != id {
		return nil
	}
	from, err := os.Open(p.path(fs.TempName(name)))
	if err != nil {
		return nil // it was complete
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer to.Close()
	equal, err := sameBytes(from, to)
	if err == nil && !equal {
		_, err = p.kept.Copy(p.root, name, name, kept.Replaced)
	}
	if err == nil {
		err = overwrite(from, to)
	}
	return errors.Join(err, os.Remove(from.Name()))
}
