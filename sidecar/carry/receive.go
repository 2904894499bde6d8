package carry

import (
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// receiver puts a plan in place, under one folder that it never leaves.
type receiver struct {
	root   *os.Root
	name   string // of what is copied, in root
	plan   plan
	done   Done
	meter  *meter
	failed []string
}

// Receive puts in place at a path what Send sends: as that path, or in it where it is a folder.
func Receive(stream io.ReadWriter, target string, progress Progress) (Done, error) {
	out, in := gob.NewEncoder(stream), gob.NewDecoder(stream)
	r := &receiver{}
	if err := in.Decode(&r.plan); err != nil {
		return Done{}, fmt.Errorf("hear what comes: %w", err)
	}
	if r.plan.Error != "" {
		return Done{}, errors.New(r.plan.Error)
	}
	err := r.open(target)
	if err == nil {
		defer r.root.Close()
		err = r.check()
	}
	if err != nil {
		return Done{}, errors.Join(err, out.Encode(answer{Error: err.Error()}))
	}
	a := r.wanted()
	if err := out.Encode(a); err != nil {
		return Done{}, err
	}
	r.meter = newMeter(r.plan, a, progress)
	if err := r.receive(in, a); err != nil {
		return Done{}, err
	}
	r.done.Skipped = r.plan.Skipped
	if len(r.failed) > 0 {
		r.done.Error = fmt.Sprintf("%d files were not copied: %s", len(r.failed), strings.Join(r.failed[:min(5, len(r.failed))], "; "))
		err = errors.New(r.done.Error)
	}
	return r.done, errors.Join(err, out.Encode(r.done))
}

// open finds the folder, and the name in it.
func (r *receiver) open(target string) error {
	target, err := filepath.Abs(target)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	dir := filepath.Dir(target)
	switch {
	case err == nil && info.IsDir():
		dir, r.name = target, r.plan.Name
	case r.plan.Name == ".":
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
		dir, r.name = target, "."
	default:
		r.name = filepath.Base(target)
	}
	if !filepath.IsLocal(r.name) || strings.ContainsAny(r.name, `/\`) {
		return fmt.Errorf("%q is no name for a file", r.name)
	}
	r.root, err = os.OpenRoot(dir)
	return err
}

// at is where an entry goes.
func (r *receiver) at(e entry) string { return path.Join(r.name, e.Path) }

// check refuses paths that lead out, and what would put a file in a folder's place, or a folder in a file's.
func (r *receiver) check() error {
	for _, e := range r.plan.Entries {
		if !filepath.IsLocal(filepath.FromSlash(e.Path)) || e.Mode.Type() == fs.ModeSymlink && !inside(e) {
			return fmt.Errorf("%s would be outside of the target", e.Path)
		}
		there, err := r.root.Lstat(r.at(e))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if e.Path != "." || r.name != "." {
			if there.IsDir() != e.Mode.IsDir() {
				return fmt.Errorf("%s is %s, and %s would take its place", filepath.Join(r.root.Name(), r.at(e)), kind(there.Mode()), kind(e.Mode))
			}
		}
	}
	return nil
}

func kind(m fs.FileMode) string {
	switch m.Type() {
	case fs.ModeDir:
		return "a folder"
	case fs.ModeSymlink:
		return "a link"
	}
	return "a file"
}

// wanted looks at what is in place already, in full or in part.
func (r *receiver) wanted() answer {
	a := answer{Begin: make([]int64, len(r.plan.Entries))}
	for i, e := range r.plan.Entries {
		if !e.Mode.IsRegular() {
			continue
		}
		there, err := r.root.Lstat(r.at(e))
		if err == nil && there.Mode().IsRegular() && there.Size() == e.Size && there.ModTime().Equal(e.ModTime) {
			a.Begin[i] = have
			r.done.Same++
			continue
		}
		if part, err := r.root.Lstat(r.part(e)); err == nil && part.Mode().IsRegular() && part.Size() <= e.Size {
			a.Begin[i] = part.Size()
		}
	}
	return a
}

// part is the file for what is not complete. Its name has what the source was then, and is one that sync leaves alone.
func (r *receiver) part(e entry) string {
	h := fnv.New64a()
	fmt.Fprint(h, e.Size, e.ModTime.UnixNano())
	dir, base := path.Split(r.at(e))
	return dir + ".syncthing." + base + "." + hex.EncodeToString(h.Sum(nil)) + ".tmp"
}

// receive takes the contents, then the folders' modes and times, which files change as they come.
func (r *receiver) receive(in *gob.Decoder, a answer) error {
	for i, e := range r.plan.Entries {
		var err error
		switch {
		case e.Mode.IsDir():
			if err = r.root.Mkdir(r.at(e), 0o700); errors.Is(err, fs.ErrExist) {
				err = nil
			}
		case e.Mode.IsRegular() && a.Begin[i] == have:
			err = r.root.Chmod(r.at(e), e.Mode.Perm())
		case e.Mode.IsRegular():
			var lost error
			if err, lost = r.file(in, e, a.Begin[i]); lost != nil {
				return lost
			}
		default:
			if err = r.root.Remove(r.at(e)); err == nil || errors.Is(err, fs.ErrNotExist) {
				err = r.root.Symlink(e.Link, r.at(e))
			}
		}
		r.note(e, err)
	}
	for i := len(r.plan.Entries) - 1; i >= 0; i-- {
		if e := r.plan.Entries[i]; e.Mode.IsDir() && r.at(e) != "." {
			r.note(e, errors.Join(r.root.Chmod(r.at(e), e.Mode.Perm()), r.root.Chtimes(r.at(e), time.Time{}, e.ModTime)))
		}
	}
	return nil
}

func (r *receiver) note(e entry, err error) {
	if err != nil {
		r.failed = append(r.failed, e.Path+": "+err.Error())
	}
}

// file takes a file's content. What can't be written is read all the same; lost is the stream's error.
func (r *receiver) file(in *gob.Decoder, e entry, begin int64) (failed, lost error) {
	f, failed := r.root.OpenFile(r.part(e), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if failed == nil {
		defer f.Close()
	}
	for {
		var c chunk
		if err := in.Decode(&c); err != nil {
			return failed, fmt.Errorf("receive %s: %w", e.Path, err)
		}
		if failed == nil && c.Error != "" {
			failed = errors.New(c.Error)
		}
		if failed == nil && len(c.Data) > 0 {
			_, failed = f.Write(c.Data)
			r.meter.add(len(c.Data))
			r.done.Bytes += int64(len(c.Data))
		}
		if c.End {
			break
		}
	}
	if failed != nil {
		return failed, nil
	}
	return r.finish(f, e), nil
}

func (r *receiver) finish(f *os.File, e entry) error {
	if err := f.Close(); err != nil {
		return err
	}
	r.done.Files++
	part := r.part(e)
	return errors.Join(r.root.Chmod(part, e.Mode.Perm()), r.root.Chtimes(part, time.Time{}, e.ModTime), r.root.Rename(part, r.at(e)))
}
