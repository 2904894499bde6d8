// Package carry copies a file or a folder over a stream, with modes and times. What an interrupted copy brought over is not sent again.
// Links are copied as links, and nothing is written outside of the target. It knows nothing of pods.
package carry

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// entry is a file, folder or link of what is copied.
type entry struct {
	Path    string // with slashes, from what is copied on; "." is that itself
	Mode    fs.FileMode
	Size    int64
	ModTime time.Time
	Link    string
}

// plan is what the sender has, all at once, so that the receiver can refuse before anything is written.
type plan struct {
	Name    string // of what is copied; "." means its contents
	Entries []entry
	Skipped []string
	Error   string
}

// answer says what the receiver wants: for each entry where to begin, or have.
type answer struct {
	Begin []int64
	Error string
}

// have marks an entry whose content is in place.
const have = -1

// chunk is a piece of a file's content. Files come in the order of the plan; the last chunk of each says so.
type chunk struct {
	Data  []byte
	End   bool
	Error string
}

const chunkSize = 64 << 10

// Done is what a copy did.
type Done struct {
	Files int   `json:"files"` // that were brought over
	Bytes int64 `json:"bytes"`
	Same  int   `json:"same"` // files that were in place already
	// Skipped says what was left out, and why.
	Skipped []string `json:"skipped,omitempty"`
	Error   string   `json:"-"`
}

// Progress is told how many bytes are over, of those that are to go.
type Progress func(bytes, of int64)

// Send sends what is at a path. A path that ends with /. means the folder's contents.
func Send(stream io.ReadWriter, path string, progress Progress) (Done, error) {
	out, in := gob.NewEncoder(stream), gob.NewDecoder(stream)
	p, root, err := survey(path)
	if err != nil {
		return Done{}, errors.Join(err, out.Encode(plan{Error: err.Error()}))
	}
	if err := out.Encode(p); err != nil {
		return Done{}, fmt.Errorf("send the list of files: %w", err)
	}
	var a answer
	if err := in.Decode(&a); err != nil {
		return Done{}, fmt.Errorf("hear what is wanted: %w", err)
	}
	if a.Error != "" {
		return Done{}, errors.New(a.Error)
	}
	m := newMeter(p, a, progress)
	for i, e := range p.Entries {
		if i < len(a.Begin) && e.Mode.IsRegular() && a.Begin[i] != have {
			if err := send(out, filepath.Join(root, filepath.FromSlash(e.Path)), e.Size, a.Begin[i], m); err != nil {
				return Done{}, fmt.Errorf("send %s: %w", e.Path, err)
			}
		}
	}
	return settled(in)
}

func settled(in *gob.Decoder) (Done, error) {
	var d Done
	if err := in.Decode(&d); err != nil {
		return d, fmt.Errorf("hear how it ended: %w", err)
	}
	if d.Error != "" {
		return d, errors.New(d.Error)
	}
	return d, nil
}

// survey lists what is at a path.
func survey(path string) (p plan, root string, err error) {
	root, err = filepath.Abs(path)
	if err != nil {
		return p, "", err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil { // what the user names may be a link
		return p, "", err
	}
	p.Name = filepath.Base(root)
	if base := filepath.ToSlash(path); base == "." || strings.HasSuffix(base, "/.") {
		p.Name = "."
	}
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, file)
		if err != nil || relErr != nil {
			p.Skipped = append(p.Skipped, fmt.Sprintf("%s: %v", file, errors.Join(err, relErr)))
			return nil
		}
		if e, reason := describe(root, file, rel, d); reason != "" {
			p.Skipped = append(p.Skipped, rel+": "+reason)
		} else {
			p.Entries = append(p.Entries, e)
		}
		return nil
	})
	return p, root, err
}

func describe(root, file, rel string, d fs.DirEntry) (e entry, skip string) {
	info, err := d.Info()
	if err != nil {
		return e, err.Error()
	}
	e = entry{Path: filepath.ToSlash(rel), Mode: info.Mode(), Size: info.Size(), ModTime: info.ModTime()}
	switch {
	case info.Mode().IsRegular(), info.IsDir():
		return e, ""
	case info.Mode().Type() == fs.ModeSymlink:
		target, err := os.Readlink(file)
		if err != nil {
			return e, err.Error()
		}
		e.Link = filepath.ToSlash(target)
		if !inside(e) {
			return e, "a link to " + target + ", which is outside"
		}
		return e, ""
	}
	return e, "neither file, folder nor link"
}

// inside says whether a link leads to somewhere in what is copied.
func inside(e entry) bool {
	if e.Link == "" || filepath.IsAbs(filepath.FromSlash(e.Link)) || e.Path == "." {
		return false
	}
	return filepath.IsLocal(filepath.Join(filepath.Dir(filepath.FromSlash(e.Path)), filepath.FromSlash(e.Link)))
}

// send sends a file's content from a place on. A file that can't be read any more is the far end's to report.
func send(out *gob.Encoder, file string, size, begin int64, m *meter) error {
	f, err := os.Open(file)
	if err != nil {
		return out.Encode(chunk{End: true, Error: err.Error()})
	}
	defer f.Close()
	buffer := make([]byte, chunkSize)
	for at := begin; at < size; {
		n, err := f.ReadAt(buffer[:min(chunkSize, size-at)], at)
		if n == 0 {
			return out.Encode(chunk{End: true, Error: fmt.Sprintf("it changed meanwhile: %v", err)})
		}
		if err := out.Encode(chunk{Data: buffer[:n]}); err != nil {
			return err
		}
		at += int64(n)
		m.add(n)
	}
	return out.Encode(chunk{End: true})
}

// meter counts bytes.
type meter struct {
	done, of int64
	tell     Progress
}

func newMeter(p plan, a answer, tell Progress) *meter {
	m := &meter{tell: tell}
	for i, e := range p.Entries {
		if i < len(a.Begin) && e.Mode.IsRegular() && a.Begin[i] != have {
			m.of += e.Size - a.Begin[i]
		}
	}
	return m
}

func (m *meter) add(n int) {
	m.done += int64(n)
	m.tell(m.done, m.of)
}
