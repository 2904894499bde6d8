// Package frame cuts a stream into frames: a kind (one byte), a length (four bytes, big endian), and so many bytes.
// Whoever reads says how many bytes a frame may have, so that no far end decides how much memory it costs. It knows
// nothing of what the frames mean.
package frame

import (
	"encoding/binary"
	"fmt"
	"io"
)

// HeaderSize is how many bytes come before a frame's data.
const HeaderSize = 5

// Append adds a frame to a buffer; its data are the parts, one after the other.
func Append(buffer []byte, kind byte, parts ...[]byte) []byte {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	buffer = binary.BigEndian.AppendUint32(append(buffer, kind), uint32(length))
	for _, p := range parts {
		buffer = append(buffer, p...)
	}
	return buffer
}

// Write writes a frame in one piece.
func Write(w io.Writer, kind byte, data []byte) error {
	_, err := w.Write(Append(make([]byte, 0, HeaderSize+len(data)), kind, data))
	return err
}

// ReadHeader reads a frame's kind, and how many bytes of data come next.
func ReadHeader(r io.Reader) (kind byte, length uint32, err error) {
	var header [HeaderSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, 0, err
	}
	return header[0], binary.BigEndian.Uint32(header[1:]), nil
}

// Read reads a frame of at most so many bytes of data.
func Read(r io.Reader, limit int) (kind byte, data []byte, err error) {
	kind, length, err := ReadHeader(r)
	if err != nil {
		return 0, nil, err
	}
	if int64(length) > int64(limit) {
		return 0, nil, fmt.Errorf("a frame of kind %d with %d bytes: the limit is %d", kind, length, limit)
	}
	data = make([]byte, length)
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, nil, fmt.Errorf("a frame of kind %d with %d bytes: %w", kind, length, noEOF(err))
	}
	return kind, data, nil
}

// noEOF is an error in the middle of a frame: the stream has not ended as it should.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
