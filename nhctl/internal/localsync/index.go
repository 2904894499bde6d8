package localsync

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The parts of an entry of git's index: what is of a fixed length before the flags, with a SHA-1, and the flags that
// matter.
const (
	entryFixed   = 60
	flagExtended = 1 << 14
	flagSkipWork = 1 << 14 // among the extended ones
)

var errIndex = errors.New("the index has a format that only git can read")

// readIndex is Tracked where git is not installed.
func (r *Repository) readIndex() ([]string, error) {
	file := filepath.Join(r.own, "index")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all, err := indexed(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	prefix := r.prefix()
	if prefix != "" {
		prefix += "/"
	}
	var tracked []string
	for _, name := range all {
		if rel, below := strings.CutPrefix(name, prefix); below {
			tracked = append(tracked, rel)
		}
	}
	return tracked, nil
}

// indexed lists the files of an index that belong into the work tree.
func indexed(data []byte) ([]string, error) {
	if len(data) < 12 || string(data[:4]) != "DIRC" {
		return nil, errIndex
	}
	version, count := binary.BigEndian.Uint32(data[4:]), int(binary.BigEndian.Uint32(data[8:]))
	if version < 2 || version > 4 {
		return nil, errIndex
	}
	data = data[12:]
	var list []string
	last := ""
	for range count {
		if len(data) < entryFixed+4 {
			return nil, errIndex
		}
		length, skip := entryFixed+2, false
		if binary.BigEndian.Uint16(data[entryFixed:])&flagExtended != 0 {
			skip = binary.BigEndian.Uint16(data[length:])&flagSkipWork != 0
			length += 2
		}
		same := 0
		if version == 4 { // a name begins as the last one did
			cut, bytes := offset(data[length:])
			if bytes == 0 || cut > len(last) {
				return nil, errIndex
			}
			same, length = len(last)-cut, length+bytes
		}
		end := bytes.IndexByte(data[length:], 0)
		if end < 0 {
			return nil, errIndex
		}
		last = last[:same] + string(data[length:length+end])
		length += end + 1
		if version < 4 {
			length = (length + 7) / 8 * 8
		}
		if length > len(data) {
			return nil, errIndex
		}
		data = data[length:]
		if !skip {
			list = append(list, last)
		}
	}
	if len(data) >= 4 && string(data[:4]) == "link" {
		return nil, errIndex // a part of it is in another file
	}
	return list, nil
}

// offset reads a number as version 4 of the index has it, and how many bytes that is; 0 where it does not end.
func offset(data []byte) (n, length int) {
	for i, b := range data[:min(len(data), 5)] {
		if i > 0 {
			n++
		}
		n = n<<7 | int(b&0x7f)
		if b&0x80 == 0 {
			return n, i + 1
		}
	}
	return 0, 0
}
