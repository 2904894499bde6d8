// Package archive is the form in which nhctl carries the sidecar's binaries. They are compressed together, since they
// have much in common. It is a package of its own because the program that packs them can't embed them.
package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Write writes an archive of files, whose contents read returns. The same files always make the same archive.
func Write(to io.Writer, names []string, read func(name string) ([]byte, error)) error {
	contents := make([][]byte, len(names))
	size := 0
	for i, name := range names {
		var err error
		if contents[i], err = read(name); err != nil {
			return err
		}
		size += len(contents[i])
	}
	window := zstd.MinWindowSize
	for window < size && window < zstd.MaxWindowSize {
		window *= 2 // the last binary still sees the first
	}
	compressed, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return err
	}
	entries := tar.NewWriter(compressed)
	for i, name := range names {
		header := &tar.Header{Name: name, Mode: 0o755, Size: int64(len(contents[i]))}
		if err := entries.WriteHeader(header); err != nil {
			return err
		}
		if _, err := entries.Write(contents[i]); err != nil {
			return err
		}
	}
	return errors.Join(entries.Close(), compressed.Close())
}

// Open opens a file of an archive, which is decompressed while it is read, and returns its size in bytes.
func Open(from io.Reader, name string) (content io.ReadCloser, size int64, err error) {
	// One pod at a time: a decoder for each processor would take memory for nothing.
	compressed, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, 0, err
	}
	entries := tar.NewReader(compressed)
	for {
		entry, err := entries.Next()
		if err != nil {
			compressed.Close()
			return nil, 0, fmt.Errorf("find %s in nhctl: %w", name, err)
		}
		if entry.Name == name {
			return part{entries, compressed.IOReadCloser()}, entry.Size, nil
		}
	}
}

// part is read, and then something else is closed.
type part struct {
	io.Reader
	io.Closer
}
