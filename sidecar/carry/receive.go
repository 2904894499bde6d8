package carry

import (
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

// Terms are what a receiver insists on.
type Terms struct {
	// Name is what comes must be called, see Name; empty takes any name.
	Name string
	// LeaveOut says why a path of what is copied is not taken, or nothing; nil takes all.
	LeaveOut func(path string) string
}

// receiver puts a plan in place, under one folder that it never leaves.
type receiver struct {
	terms  Terms
	root   *os.Root
	name   string // of what is copied, in root
	plan   plan
	done   Done
	meter  *meter
	failed []string
}

// Receive puts in place at a path what Send sends: as that path, or in it where it is a folder.
func Receive(stream io.ReadWriter, target string, terms Terms, progress Progress) (Done, error) {
	c := newConversation(stream)
	r := &receiver{terms: terms}
	var err error
	if r.plan, err = c.readPlan(); err != nil {
		return Done{}, fmt.Errorf("hear what comes: %w", err)
	}
	if err = errors.Join(r.plan.check(), r.choose()); err == nil {
		err = r.open(target)
	}
	if err == nil {
		defer r.root.Close()
		err = r.checkTarget()
	}
	if err != nil {
		return Done{}, errors.Join(err, c.refuse(err))
	}
	begin := r.wanted()
	if err := c.sendBegin(begin); err != nil {
		return Done{}, err
	}
	r.meter = newMeter(r.plan, begin, progress)
	if err := r.receive(c, begin); err != nil {
		return Done{}, err
	}
	if len(r.failed) > 0 {
		r.done.Error = fmt.Sprintf("%d files were not copied: %s", len(r.failed),
			strings.Join(r.failed[:min(5, len(r.failed))], "; "))
		err = errors.New(r.done.Error)
	}
	err = errors.Join(err, c.sendDone(r.done))
	r.done.Skipped = r.plan.Skipped
	return r.done, err
}

// choose refuses what was not asked for, and leaves out of the plan what is not taken: those entries stay, so that both
// ends count the same, but nothing of them is wanted.
func (r *receiver) choose() error {
	if r.terms.Name != "" && r.plan.Name != r.terms.Name {
		return fmt.Errorf("%q came instead of %q", r.plan.Name, r.terms.Name)
	}
	if r.terms.LeaveOut == nil {
		return nil
	}
	out := ""
	for _, e := range r.plan.Entries {
		if out != "" && strings.HasPrefix(e.Path, out) {
			continue
		}
		if reason := r.terms.LeaveOut(e.Path); reason != "" {
			r.plan.Skipped = append(r.plan.Skipped, e.Path+": "+reason)
			out = e.Path + "/"
		}
	}
	return nil
}

// left says whether an entry is not taken.
func (r *receiver) left(e entry) bool {
	return r.terms.LeaveOut != nil && r.terms.LeaveOut(e.Path) != ""
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

// checkTarget refuses what would put a file in a folder's place, or a folder in a file's or a link's: nothing is
// written through a link.
func (r *receiver) checkTarget() error {
	for _, e := range r.plan.Entries {
		if r.left(e) || e.Path == "." && r.name == "." {
			continue
		}
		there, err := r.root.Lstat(r.at(e))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if there.IsDir() != e.Mode.IsDir() {
			return fmt.Errorf("%s is %s, and %s would take its place", filepath.Join(r.root.Name(), r.at(e)),
				kind(there.Mode()), kind(e.Mode))
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

// wanted looks at what is in place already, in full or in part, and says where each entry's content begins.
func (r *receiver) wanted() []int64 {
	begin := make([]int64, len(r.plan.Entries))
	for i, e := range r.plan.Entries {
		if r.left(e) {
			begin[i] = have
			continue
		}
		if !e.Mode.IsRegular() {
			continue
		}
		there, err := r.root.Lstat(r.at(e))
		if err == nil && there.Mode().IsRegular() && there.Size() == e.Size && there.ModTime().Equal(e.ModTime) {
			begin[i] = have
			r.done.Same++
			continue
		}
		if part, err := r.root.Lstat(r.part(e)); err == nil && part.Mode().IsRegular() && part.Size() <= e.Size {
			begin[i] = part.Size()
		}
	}
	return begin
}

// part is the file for what is not complete. Its name has what the source was then, and is one that sync leaves alone.
func (r *receiver) part(e entry) string {
	h := fnv.New64a()
	fmt.Fprint(h, e.Size, e.ModTime.UnixNano())
	dir, base := path.Split(r.at(e))
	return dir + ".syncthing." + base + "." + hex.EncodeToString(h.Sum(nil)) + ".tmp"
}

// receive takes the contents, then makes the links, so that nothing is ever written through one, and then sets the
// folders' modes and times, which files change as they come.
func (r *receiver) receive(c *conversation, begin []int64) error {
	for i, e := range r.plan.Entries {
		var err error
		switch {
		case r.left(e):
		case e.Mode.IsDir():
			if err = r.root.Mkdir(r.at(e), 0o700); errors.Is(err, fs.ErrExist) {
				err = nil
			}
		case e.Mode.IsRegular() && begin[i] == have:
			err = r.root.Chmod(r.at(e), e.Mode.Perm())
		case e.Mode.IsRegular():
			var lost error
			if err, lost = r.file(c, e, begin[i]); lost != nil {
				return lost
			}
		}
		r.note(e, err)
	}
	for _, e := range r.plan.Entries {
		if e.Mode.Type() == fs.ModeSymlink && !r.left(e) {
			r.note(e, r.link(e))
		}
	}
	for i := len(r.plan.Entries) - 1; i >= 0; i-- {
		if e := r.plan.Entries[i]; e.Mode.IsDir() && r.at(e) != "." && !r.left(e) {
			r.note(e,
				errors.Join(r.root.Chmod(r.at(e), e.Mode.Perm()), r.root.Chtimes(r.at(e), time.Time{}, e.ModTime)))
		}
	}
	return nil
}

func (r *receiver) note(e entry, err error) {
	if err != nil {
		r.failed = append(r.failed, e.Path+": "+err.Error())
	}
}

// link makes a link, in place of a file or another link, never of a folder: the name may be a folder's in another
// spelling.
func (r *receiver) link(e entry) error {
	there, err := r.root.Lstat(r.at(e))
	switch {
	case err == nil && there.IsDir():
		return errors.New("a folder is in its place")
	case err == nil:
		err = r.root.Remove(r.at(e))
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return err
	}
	return r.root.Symlink(filepath.FromSlash(e.Link), r.at(e))
}

// file takes a file's content, and no more of it than was announced. What can't be written is read all the same; lost
// is the stream's error.
func (r *receiver) file(c *conversation, e entry, begin int64) (failed, lost error) {
	f, failed := r.root.OpenFile(r.part(e), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if failed == nil {
		defer f.Close()
	}
	for left := e.Size - begin; ; {
		kind, data, err := c.hear()
		if err == nil && kind != kindData && kind != kindEnd {
			err = unexpected(kind)
		}
		if err == nil && kind == kindData && int64(len(data)) > left {
			err = fmt.Errorf("more than the %d bytes that it was to have", e.Size)
		}
		if err != nil {
			return failed, fmt.Errorf("receive %s: %w", e.Path, err)
		}
		if kind == kindEnd {
			if failed == nil && len(data) > 0 {
				failed = errors.New(string(data))
			}
			if failed == nil && left > 0 {
				failed = fmt.Errorf("%d bytes are missing", left)
			}
			break
		}
		left -= int64(len(data))
		if failed == nil {
			_, failed = f.Write(data)
			r.meter.add(len(data))
			r.done.Bytes += int64(len(data))
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
	return errors.Join(r.root.Chmod(part, e.Mode.Perm()), r.root.Chtimes(part, time.Time{}, e.ModTime),
		r.root.Rename(part, r.at(e)))
}
