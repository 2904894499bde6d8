package fill

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// A stream of chunks: length and kind (4 bytes, big endian), then the bytes, as they are or compressed.
const (
	chunkSize  = 256 << 10
	compressed = 1 << 31
)

// worthwhile is the rate in bytes a second below which compressing takes less time than sending.
const worthwhile = 24 << 20

// chunkWriter compresses while the link is what takes time.
type chunkWriter struct {
	to     io.Writer
	buffer bytes.Buffer
	packed bytes.Buffer
	flate  *flate.Writer
	slow   bool
}

func newChunkWriter(to io.Writer) *chunkWriter {
	w := &chunkWriter{to: to}
	w.flate, _ = flate.NewWriter(&w.packed, flate.BestSpeed) // it knows the level
	return w
}

func (w *chunkWriter) Write(p []byte) (int, error) {
	w.buffer.Write(p)
	for w.buffer.Len() >= chunkSize {
		if err := w.send(w.buffer.Next(chunkSize)); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Flush sends what is left.
func (w *chunkWriter) Flush() error { return w.send(w.buffer.Next(w.buffer.Len())) }

func (w *chunkWriter) send(chunk []byte) error {
	header := uint32(len(chunk))
	plain := len(chunk)
	if w.slow {
		w.packed.Reset()
		w.flate.Reset(&w.packed)
		if _, err := w.flate.Write(chunk); err != nil {
			return err
		}
		if err := w.flate.Close(); err != nil {
			return err
		}
		if w.packed.Len() < len(chunk) {
			chunk, header = w.packed.Bytes(), uint32(w.packed.Len())|compressed
		}
	}
	begin := time.Now()
	_, err := w.to.Write(append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(chunk)), header), chunk...))
	w.slow = time.Since(begin).Seconds()*worthwhile > float64(plain)
	return err
}

// chunkReader reads what a chunkWriter wrote.
type chunkReader struct {
	from  io.Reader
	chunk io.Reader
}

func newChunkReader(from io.Reader) *chunkReader {
	return &chunkReader{from: from, chunk: bytes.NewReader(nil)}
}

func (r *chunkReader) Read(p []byte) (int, error) {
	for {
		n, err := r.chunk.Read(p)
		if n > 0 {
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
}

func (r *chunkReader) next() error {
	var header [4]byte
	if _, err := io.ReadFull(r.from, header[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(header[:])
	length := size &^ compressed
	if length > chunkSize {
		return fmt.Errorf("a chunk of %d bytes: the limit is %d", length, chunkSize)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(r.from, data); err != nil {
		return err
	}
	r.chunk = bytes.NewReader(data)
	if size&compressed != 0 {
		r.chunk = flate.NewReader(r.chunk)
	}
	return nil
}
