package folderfs

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
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// A file that was saved in place on the computer is written in place in the pod, so that a watch on the file itself
// lives on and a program that has it open sees the new bytes, as at home. For a moment it is half the one and half the
// other, as at home too. What was saved by another file taking its place is replaced in one step.

// rewritesDir in the state has a marker for each file that is being written in place: should this end die before that,
// the half file is completed from the temporary one, and never taken for an edit.
const rewritesDir = "rewrites"

// oneWrite is the size up to which a file is written at once.
const oneWrite = 4 << 20

// staysItself says whether a file that is there is to be written to, not replaced. Writing to one that has other names
// would change those too: they may be versions that are kept.
func (f *Folder) staysItself(name string, info os.FileInfo) bool {
	if !f.inPod || !info.Mode().IsRegular() {
		return false
	}
	if _, several := severalNames(info.Sys()); several {
		return false
	}
	_, inPlace := f.index.Incoming(name)
	return inPlace
}

// rewrite writes a complete file's content into the file that is in its place, if that is the one that was judged, and
// was saved so on the other side. It says whether it has; where it could not, or failed on the way, the file is to be
// replaced.
func (f *Folder) rewrite(from, to rooted.Entry) (done bool, err error) {
	name := to.Path
	info, err := to.Lstat()
	if err != nil || !f.staysItself(name, info) || !f.asJudged(name, info) {
		return false, nil
	}
	modified, _ := f.index.Incoming(name)
	if err := from.Chtimes(modified, modified); err != nil {
		return false, nil
	}
	after, err := f.rewriteMarked(from, to, info)
	switch {
	case errors.Is(err, errChanged):
		return false, fmt.Errorf("%s: %w", name, err)
	case err != nil && after != nil: // it is half written
		f.mu.Lock()
		f.judged[name] = after
		f.mu.Unlock()
		return false, nil
	case err != nil:
		return false, f.pass(name, info)
	}
	f.index.Own(name, false)
	f.came(name, after)
	return true, from.Remove()
}

// rewriteMarked writes with a marker in the state until all is done. After an error, it returns what the file is if
// anything was written.
func (f *Folder) rewriteMarked(from, to rooted.Entry, judged os.FileInfo) (os.FileInfo, error) {
	source, err := from.OpenFile(os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	file, err := openSame(to, judged)
	if err != nil {
		return nil, err // such as a program that runs, or a file that may not be written to
	}
	defer file.Close()
	unmark, err := f.mark(to.Path, judged)
	if err != nil {
		return nil, err
	}
	err = overwrite(source, file, to)
	after, statErr := to.Lstat()
	if statErr != nil || !os.SameFile(after, judged) {
		err = errors.Join(err, errChanged)
	}
	if err == nil {
		err = untorn(source, file, to)
	}
	return after, errors.Join(err, unmark())
}

// openSame opens a file to write into it, if it is still the one that was looked at.
func openSame(e rooted.Entry, judged os.FileInfo) (*os.File, error) {
	file, err := e.OpenFile(os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !same(judged, info) {
		file.Close()
		return nil, errors.Join(err, iofs.ErrExist)
	}
	return file, nil
}

// overwrite gives a file, which is open and has a name, another's content, mode and time, with as few writes as can be.
func overwrite(from, to *os.File, name rooted.Entry) error {
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
	return name.Chtimes(info.ModTime(), info.ModTime())
}

// untorn looks at what was written after the deed. Whoever wrote at the same time has changed the file: it gets its own
// time again, so that the next scan finds it.
func untorn(from, to *os.File, name rooted.Entry) error {
	equal, err := sameBytes(from, to)
	if err != nil || equal {
		return err
	}
	now := time.Now()
	return errors.Join(errChanged, name.Chtimes(now, now))
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
func (f *Folder) mark(name string, info os.FileInfo) (unmark func() error, err error) {
	sum := sha256.Sum256([]byte(name))
	file := filepath.Join(f.state, rewritesDir, hex.EncodeToString(sum[:16]))
	if err := os.WriteFile(file, []byte(identityOf(info)+"\n"+name), 0o600); err != nil {
		return nil, err
	}
	return func() error { return os.Remove(file) }, nil
}

// finishRewrites completes what an engine that was killed was writing in place.
func (f *Folder) finishRewrites() error {
	dir := filepath.Join(f.state, rewritesDir)
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
			if err := f.finishRewrite(id, name); err != nil {
				return fmt.Errorf("complete %s, which was half written: %w", name, err)
			}
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// finishRewrite completes a file, unless another has taken its place since. Someone may have written to it: what is
// there is kept.
func (f *Folder) finishRewrite(id, name string) error {
	temporary, to, release, err := rooted.OpenBoth(f.root, fs.TempName(name), name)
	if err != nil {
		return nil // its folder has gone
	}
	defer release()
	info, err := to.Lstat()
	if err != nil || identityOf(info) != id {
		return nil
	}
	from, err := temporary.OpenFile(os.O_RDONLY, 0)
	if err != nil {
		return nil // it was complete
	}
	defer from.Close()
	file, err := openSame(to, info)
	if err != nil {
		return err
	}
	defer file.Close()
	equal, err := sameBytes(from, file)
	if err == nil && !equal {
		_, err = f.kept.Copy(f.root, name, name, kept.Replaced)
	}
	if err == nil {
		err = overwrite(from, file, to)
	}
	return errors.Join(err, temporary.Remove())
}
