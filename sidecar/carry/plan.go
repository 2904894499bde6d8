package carry

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"time"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// The kinds of frames. The sender says its plan: a name, entries, what it leaves out, and a kindGo. The receiver
// answers where each entry begins, and another kindGo. The contents follow in the order of the plan, each with a
// kindEnd, and then the receiver says what it did. Either may refuse instead.
const (
	kindName    byte = iota + 1
	kindEntry        // see entry.append
	kindSkipped      // a text
	kindBegin        // begins of entries, 8 bytes each
	kindGo
	kindData
	kindEnd    // the end of a file's content; a text says why that is not complete
	kindDone   // a JSON document
	kindRefuse // a text
)

// Limits of what either end reads.
const (
	maxFrame   = 64 << 10
	maxEntries = 500_000
	maxPlan    = 64 << 20 // bytes
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
	// bytes is about what the texts of the plan need.
	bytes int
}

var errTooMuch = fmt.Errorf("more than %d files at once: copy a folder at a time", maxEntries)

// tooMuch says whether no one would take a plan.
func (p *plan) tooMuch() error {
	if len(p.Entries)+len(p.Skipped) > maxEntries {
		return errTooMuch
	}
	return nil
}

// entryHead is how many bytes an entry has before its path and its link: mode, size, time in seconds and nanoseconds,
// length of the path.
const entryHead = 4 + 8 + 8 + 4 + 4

func (e entry) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(e.Mode))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Size))
	b = binary.BigEndian.AppendUint64(b, uint64(e.ModTime.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(e.ModTime.Nanosecond()))
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Path)))
	return append(append(b, e.Path...), e.Link...)
}

// parseEntry is append's inverse, of what anyone may have written.
func parseEntry(b []byte) (entry, error) {
	if len(b) < entryHead {
		return entry{}, fmt.Errorf("an entry of %d bytes", len(b))
	}
	length, text := binary.BigEndian.Uint32(b[24:]), b[entryHead:]
	if int64(length) > int64(len(text)) {
		return entry{}, fmt.Errorf("an entry with a path of %d bytes, in %d", length, len(text))
	}
	e := entry{
		Path:    string(text[:length]),
		Mode:    fs.FileMode(binary.BigEndian.Uint32(b)),
		Size:    int64(binary.BigEndian.Uint64(b[4:])),
		ModTime: time.Unix(int64(binary.BigEndian.Uint64(b[12:])), int64(binary.BigEndian.Uint32(b[20:]))),
		Link:    string(text[length:]),
	}
	kind := e.Mode.Type()
	if e.Size < 0 || kind != 0 && kind != fs.ModeDir && kind != fs.ModeSymlink {
		return entry{}, fmt.Errorf("an entry of %d bytes with mode %v", e.Size, e.Mode)
	}
	return e, nil
}

// check refuses a plan that would write anywhere but below what is copied: each entry is in a folder of the plan, which
// comes first, and no name comes twice.
func (p *plan) check() error {
	folders, seen := map[string]bool{}, map[string]bool{}
	for _, e := range p.Entries {
		name := filepath.FromSlash(e.Path)
		switch {
		case !filepath.IsLocal(name) || filepath.Clean(name) != name || filepath.ToSlash(name) != e.Path,
			e.Mode.Type() == fs.ModeSymlink && !inside(e):
			return fmt.Errorf("%s would be outside of the target", e.Path)
		case seen[e.Path]:
			return fmt.Errorf("%s comes twice", e.Path)
		case e.Path != "." && !folders[path.Dir(e.Path)]:
			return fmt.Errorf("%s comes without its folder", e.Path)
		}
		seen[e.Path] = true
		folders[e.Path] = e.Mode.IsDir()
	}
	return nil
}

// say sends a frame, at the latest when it is the other's turn.
func (c *conversation) say(kind byte, data []byte) error {
	_, err := c.out.Write(frame.Append(c.out.AvailableBuffer(), kind, data))
	return err
}

// refuse tells the far end why this one goes no further.
func (c *conversation) refuse(reason error) error {
	return errors.Join(c.say(kindRefuse, cut(reason.Error())), c.out.Flush())
}

// hear returns the next frame; a refusal is an error.
func (c *conversation) hear() (kind byte, data []byte, err error) {
	kind, data, err = frame.Read(c.in, maxFrame)
	if err == nil && kind == kindRefuse {
		err = errors.New(string(data))
	}
	return kind, data, err
}

// cut makes a text fit a frame.
func cut(text string) []byte { return []byte(text[:min(len(text), maxFrame)]) }

func (c *conversation) sendPlan(p plan) error {
	err := c.say(kindName, cut(p.Name))
	var buffer []byte
	for i := 0; i < len(p.Entries) && err == nil; i++ {
		buffer = p.Entries[i].append(buffer[:0])
		err = c.say(kindEntry, buffer)
	}
	for i := 0; i < len(p.Skipped) && err == nil; i++ {
		err = c.say(kindSkipped, cut(p.Skipped[i]))
	}
	return errors.Join(err, c.say(kindGo, nil), c.out.Flush())
}

func (c *conversation) readPlan() (p plan, err error) {
	for {
		kind, data, err := c.hear()
		if err != nil {
			return p, err
		}
		if p.bytes += len(data); p.bytes > maxPlan {
			return p, errTooMuch
		}
		switch kind {
		case kindName:
			p.Name = string(data)
		case kindEntry:
			e, err := parseEntry(data)
			if err != nil {
				return p, err
			}
			p.Entries = append(p.Entries, e)
		case kindSkipped:
			p.Skipped = append(p.Skipped, string(data))
		case kindGo:
			return p, nil
		default:
			return p, unexpected(kind)
		}
		if err := p.tooMuch(); err != nil {
			return p, err
		}
	}
}

func unexpected(kind byte) error {
	return fmt.Errorf("a frame of kind %d where none of it belongs", kind)
}

// have marks an entry whose content is in place, or not wanted.
const have = -1

func (c *conversation) sendBegin(begin []int64) error {
	const each = 1 << 10
	var buffer []byte
	var err error
	for len(begin) > 0 && err == nil {
		now := begin[:min(each, len(begin))]
		begin, buffer = begin[len(now):], buffer[:0]
		for _, b := range now {
			buffer = binary.BigEndian.AppendUint64(buffer, uint64(b))
		}
		err = c.say(kindBegin, buffer)
	}
	return errors.Join(err, c.say(kindGo, nil), c.out.Flush())
}

// readBegin hears for each entry where its content begins: within it, or have.
func (c *conversation) readBegin(entries []entry) ([]int64, error) {
	begin := make([]int64, 0, len(entries))
	for {
		kind, data, err := c.hear()
		switch {
		case err != nil:
			return nil, err
		case kind == kindGo && len(begin) == len(entries):
			return begin, nil
		case kind != kindBegin || len(data)%8 != 0 || len(data)/8 > len(entries)-len(begin):
			return nil,
				fmt.Errorf("%d entries are wanted of %d: %w", len(begin)+len(data)/8, len(entries), unexpected(kind))
		}
		for ; len(data) > 0; data = data[8:] {
			b := int64(binary.BigEndian.Uint64(data))
			if e := entries[len(begin)]; b != have && (b < 0 || e.Mode.IsRegular() && b > e.Size) {
				return nil, fmt.Errorf("%s is wanted from byte %d on, of %d", e.Path, b, e.Size)
			}
			begin = append(begin, b)
		}
	}
}

// finished is a Done on its way; what was left out the sender knows itself.
type finished struct {
	Done
	Error string `json:"error,omitempty"`
}

func (c *conversation) sendDone(d Done) error {
	text, err := json.Marshal(finished{
		Done{Files: d.Files, Bytes: d.Bytes, Same: d.Same}, d.Error[:min(len(d.Error), maxFrame/8)],
	})
	if err != nil {
		return err
	}
	return errors.Join(c.say(kindDone, text), c.out.Flush())
}

func (c *conversation) readDone() (Done, error) {
	kind, data, err := c.hear()
	if err == nil && kind != kindDone {
		err = unexpected(kind)
	}
	var f finished
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		return Done{}, fmt.Errorf("hear how it ended: %w", err)
	}
	if f.Error != "" {
		return f.Done, errors.New(f.Error)
	}
	return f.Done, nil
}
