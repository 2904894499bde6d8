package filesync

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/syncthing/syncthing/lib/protocol"
	"google.golang.org/protobuf/proto"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// The kinds of frames of a fill. Entries are as the model's own protocol has them.
const (
	fillFile   byte = iota + 1 // the length of an entry (4 bytes, big endian), the entry, and a file's content
	fillWhole                  // everything that is to be in place has come; index entries come next
	fillEntry                  // an index entry
	fillEnd                    // the index that the entries were all of (8 bytes)
	fillAnswer                 // a filled, as JSON
)

// Limits of what either end reads: entries name a file's blocks, and a file that comes whole is not large.
const (
	maxFillFrame = 16 << 20
	maxAnswer    = 64 << 10
)

// pourWriter writes what is poured.
type pourWriter struct {
	to     io.Writer
	buffer []byte
	entry  []byte
}

func (w *pourWriter) file(p poured) (err error) {
	if err = w.pack(p.Info); err != nil {
		return err
	}
	length := 4 + len(w.entry) + len(p.Data)
	w.buffer = binary.BigEndian.AppendUint32(append(w.buffer[:0], fillFile), uint32(length))
	w.buffer = binary.BigEndian.AppendUint32(w.buffer, uint32(len(w.entry)))
	if _, err = w.to.Write(append(w.buffer, w.entry...)); err == nil {
		_, err = w.to.Write(p.Data)
	}
	return err
}

func (w *pourWriter) indexEntry(f protocol.FileInfo) (err error) {
	if err = w.pack(f); err != nil {
		return err
	}
	return w.say(fillEntry, w.entry)
}

// pack makes entry of an entry.
func (w *pourWriter) pack(f protocol.FileInfo) (err error) {
	options := proto.MarshalOptions{}
	w.entry, err = options.MarshalAppend(w.entry[:0], f.ToWire(false))
	return err
}

func (w *pourWriter) whole() error { return w.say(fillWhole, nil) }

func (w *pourWriter) end(index protocol.IndexID) error {
	return w.say(fillEnd, binary.BigEndian.AppendUint64(nil, uint64(index)))
}

func (w *pourWriter) say(kind byte, data []byte) error {
	w.buffer = frame.Append(w.buffer[:0], kind, data)
	_, err := w.to.Write(w.buffer)
	return err
}

// pourReader reads it.
type pourReader struct{ from io.Reader }

// file returns the next file, folder or link; more is false once everything has come.
func (r pourReader) file() (p poured, more bool, err error) {
	kind, data, err := frame.Read(r.from, maxFillFrame)
	switch {
	case err != nil || kind == fillWhole:
		return p, false, err
	case kind != fillFile || len(data) < 4:
		return p, false, fmt.Errorf("a frame of kind %d with %d bytes where a file was to come", kind, len(data))
	}
	length, data := binary.BigEndian.Uint32(data), data[4:]
	if int64(length) > int64(len(data)) {
		return p, false, fmt.Errorf("an entry of %d bytes, in %d", length, len(data))
	}
	p.Info, err = parseEntry(data[:length])
	p.Data = data[length:]
	return p, err == nil, err
}

// indexEntry returns the next index entry; more is false once all have come, and index is the one that they were of.
func (r pourReader) indexEntry() (f protocol.FileInfo, index protocol.IndexID, more bool, err error) {
	kind, data, err := frame.Read(r.from, maxFillFrame)
	switch {
	case err != nil:
	case kind == fillEnd && len(data) == 8:
		return f, protocol.IndexID(binary.BigEndian.Uint64(data)), false, nil
	case kind == fillEntry:
		f, err = parseEntry(data)
		return f, 0, err == nil, err
	default:
		err = fmt.Errorf("a frame of kind %d with %d bytes where an entry was to come", kind, len(data))
	}
	return f, 0, false, err
}

// parseEntry reads an entry, and refuses what the model would not take either.
func parseEntry(data []byte) (protocol.FileInfo, error) {
	wire := new(protocol.FileInfo).ToWire(false)
	if err := proto.Unmarshal(data, wire); err != nil {
		return protocol.FileInfo{}, fmt.Errorf("an entry: %w", err)
	}
	f := protocol.FileInfoFromWire(wire)
	switch {
	case path.Clean(f.Name) != f.Name, f.Name == ".", !localSlash(f.Name):
		return f, fmt.Errorf("an entry with the name %q", f.Name)
	case len(f.Blocks) > 0 && (f.Deleted || f.Type != protocol.FileInfoTypeFile), f.Size < 0:
		return f, fmt.Errorf("%s: an entry of %d bytes in %d blocks, which it can't have", f.Name, f.Size, len(f.Blocks))
	}
	return f, nil
}

func writeAnswer(w io.Writer, answer filled) error {
	answer.Error = answer.Error[:min(len(answer.Error), maxAnswer/8)]
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return frame.Write(w, fillAnswer, text)
}

func readAnswer(r io.Reader) (answer filled, err error) {
	kind, text, err := frame.Read(r, maxAnswer)
	if err == nil && kind != fillAnswer {
		err = fmt.Errorf("a frame of kind %d where an answer was to come", kind)
	}
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err == nil && answer.Left < 0 {
		err = errors.New("it says that less than nothing is left")
	}
	return answer, err
}
