package fill

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
	frameFile   byte = iota + 1 // the length of an entry (4 bytes, big endian), the entry, and a file's content
	frameWhole                  // everything that is to be in place has come; index entries come next
	frameEntry                  // an index entry
	frameEnd                    // the index that the entries were all of (8 bytes)
	frameAnswer                 // an answer, as JSON
)

// Limits of what either end reads: entries name a file's blocks, and a file that comes whole is not large.
const (
	maxFrame  = 16 << 20
	maxAnswer = 64 << 10
)

// itemWriter writes the items of a folder.
type itemWriter struct {
	to     io.Writer
	buffer []byte
	entry  []byte
}

func (w *itemWriter) file(i item) (err error) {
	if err = w.pack(i.Info); err != nil {
		return err
	}
	length := 4 + len(w.entry) + len(i.Data)
	w.buffer = binary.BigEndian.AppendUint32(append(w.buffer[:0], frameFile), uint32(length))
	w.buffer = binary.BigEndian.AppendUint32(w.buffer, uint32(len(w.entry)))
	if _, err = w.to.Write(append(w.buffer, w.entry...)); err == nil {
		_, err = w.to.Write(i.Data)
	}
	return err
}

func (w *itemWriter) indexEntry(f protocol.FileInfo) (err error) {
	if err = w.pack(f); err != nil {
		return err
	}
	return w.say(frameEntry, w.entry)
}

// pack makes entry of an entry.
func (w *itemWriter) pack(f protocol.FileInfo) (err error) {
	options := proto.MarshalOptions{}
	w.entry, err = options.MarshalAppend(w.entry[:0], f.ToWire(false))
	return err
}

func (w *itemWriter) whole() error { return w.say(frameWhole, nil) }

func (w *itemWriter) end(index protocol.IndexID) error {
	return w.say(frameEnd, binary.BigEndian.AppendUint64(nil, uint64(index)))
}

func (w *itemWriter) say(kind byte, data []byte) error {
	w.buffer = frame.Append(w.buffer[:0], kind, data)
	_, err := w.to.Write(w.buffer)
	return err
}

// itemReader reads it.
type itemReader struct{ from io.Reader }

// file returns the next file, folder or link; more is false once everything has come.
func (r itemReader) file() (i item, more bool, err error) {
	kind, data, err := frame.Read(r.from, maxFrame)
	switch {
	case err != nil || kind == frameWhole:
		return i, false, err
	case kind != frameFile || len(data) < 4:
		return i, false, fmt.Errorf("a frame of kind %d with %d bytes where a file was to come", kind, len(data))
	}
	length, data := binary.BigEndian.Uint32(data), data[4:]
	if int64(length) > int64(len(data)) {
		return i, false, fmt.Errorf("an entry of %d bytes, in %d", length, len(data))
	}
	i.Info, err = parseEntry(data[:length])
	i.Data = data[length:]
	return i, err == nil, err
}

// indexEntry returns the next index entry; more is false once all have come, and index is the one that they were of.
func (r itemReader) indexEntry() (f protocol.FileInfo, index protocol.IndexID, more bool, err error) {
	kind, data, err := frame.Read(r.from, maxFrame)
	switch {
	case err != nil:
	case kind == frameEnd && len(data) == 8:
		return f, protocol.IndexID(binary.BigEndian.Uint64(data)), false, nil
	case kind == frameEntry:
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
		return f,
			fmt.Errorf("%s: an entry of %d bytes in %d blocks, which it can't have", f.Name, f.Size, len(f.Blocks))
	}
	return f, nil
}

func writeAnswer(w io.Writer, a answer) error {
	a.Error = a.Error[:min(len(a.Error), maxAnswer/8)]
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return frame.Write(w, frameAnswer, text)
}

func readAnswer(r io.Reader) (a answer, err error) {
	kind, text, err := frame.Read(r, maxAnswer)
	if err == nil && kind != frameAnswer {
		err = fmt.Errorf("a frame of kind %d where an answer was to come", kind)
	}
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err == nil && a.Left < 0 {
		err = errors.New("it says that less than nothing is left")
	}
	return a, err
}
