// Package carry copies a file or a folder over a stream, with modes and times. What an interrupted copy brought over is
// not sent again. Links are copied as links, and nothing is written outside of the target. Neither end trusts the
// other: all that is read has a limit. It knows nothing of pods.
package carry

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

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

// Name is what a copy of a path is called in a folder that it is copied into; "." means its contents.
func Name(source string) string {
	source = filepath.ToSlash(source)
	name := path.Base(path.Clean(source))
	if source == "" || source == "." || strings.HasSuffix(source, "/.") || name == ".." || name == "/" {
		return "."
	}
	return name
}

// Send sends what is at a path. A path that ends with /. means the folder's contents.
func Send(stream io.ReadWriter, source string, progress Progress) (Done, error) {
	c := newConversation(stream)
	p, root, err := survey(source)
	if err != nil {
		return Done{}, errors.Join(err, c.refuse(err))
	}
	if err := c.sendPlan(p); err != nil {
		return Done{}, fmt.Errorf("send the list of files: %w", err)
	}
	begin, err := c.readBegin(p.Entries)
	if err != nil {
		return Done{}, fmt.Errorf("hear what is wanted: %w", err)
	}
	m := newMeter(p, begin, progress)
	for i, e := range p.Entries {
		if e.Mode.IsRegular() && begin[i] != have {
			if err := send(c, filepath.Join(root, filepath.FromSlash(e.Path)), e.Size, begin[i], m); err != nil {
				return Done{}, fmt.Errorf("send %s: %w", e.Path, err)
			}
		}
	}
	if err := c.out.Flush(); err != nil {
		return Done{}, err
	}
	done, err := c.readDone()
	done.Skipped = p.Skipped
	return done, err
}

// survey lists what is at a path.
func survey(source string) (p plan, root string, err error) {
	root, err = filepath.Abs(source)
	if err != nil {
		return p, "", err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil { // what the user names may be a link
		return p, "", err
	}
	p.Name = Name(source)
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
		return p.tooMuch()
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

// inside says whether a link leads to somewhere in what is copied. Going up comes first: what is above a link are
// folders, but what "link/.." is depends on where that link leads.
func inside(e entry) bool {
	link := filepath.FromSlash(e.Link)
	if link == "" || filepath.IsAbs(link) || filepath.VolumeName(link) != "" || e.Path == "." ||
		filepath.Clean(link) != link {
		return false
	}
	return filepath.IsLocal(filepath.Join(filepath.Dir(filepath.FromSlash(e.Path)), link))
}

// send sends a file's content from a place on. A file that can't be read any more is the far end's to report.
func send(c *conversation, file string, size, begin int64, m *meter) error {
	f, err := os.Open(file)
	if err != nil {
		return c.say(kindEnd, []byte(err.Error()))
	}
	defer f.Close()
	buffer := make([]byte, chunkSize)
	for at := begin; at < size; {
		n, err := f.ReadAt(buffer[:min(chunkSize, size-at)], at)
		if n == 0 {
			return c.say(kindEnd, fmt.Appendf(nil, "it changed in the meantime: %v", err))
		}
		if err := c.say(kindData, buffer[:n]); err != nil {
			return err
		}
		at += int64(n)
		m.add(n)
	}
	return c.say(kindEnd, nil)
}

// meter counts bytes.
type meter struct {
	done, of int64
	tell     Progress
}

func newMeter(p plan, begin []int64, tell Progress) *meter {
	m := &meter{tell: tell}
	for i, e := range p.Entries {
		if e.Mode.IsRegular() && begin[i] != have {
			m.of += e.Size - begin[i]
		}
	}
	return m
}

func (m *meter) add(n int) {
	m.done += int64(n)
	m.tell(m.done, m.of)
}

// conversation is a stream between a sender and a receiver.
type conversation struct {
	in  *bufio.Reader
	out *bufio.Writer
}

func newConversation(stream io.ReadWriter) *conversation {
	return &conversation{in: bufio.NewReaderSize(stream, chunkSize), out: bufio.NewWriterSize(stream, chunkSize)}
}
