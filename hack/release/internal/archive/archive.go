// Package archive writes archives whose bytes depend on their files' names, modes and contents alone: sorted entries of
// one owner, and one time for all of them. It knows nothing of what is in the files.
package archive

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// File is an entry of an archive.
type File struct {
	// Name is its path in the archive, with slashes.
	Name string
	// Mode has its permissions.
	Mode fs.FileMode
	Data []byte
}

// sorted returns the files by name. A name that is there twice is an error: which of the two would be unpacked?
func sorted(files []File) ([]File, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	for i := range files[:max(len(files)-1, 0)] {
		if files[i].Name == files[i+1].Name {
			return nil, fmt.Errorf("archive %s: it is there twice", files[i].Name)
		}
	}
	return files, nil
}

// TarGz writes a compressed tar archive.
func TarGz(w io.Writer, files []File, modified time.Time) error {
	files, err := sorted(files)
	if err != nil {
		return err
	}
	zipped, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	out := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     f.Name,
			Mode:     int64(f.Mode.Perm()),
			Size:     int64(len(f.Data)),
			ModTime:  modified,
			Uname:    "root",
			Gname:    "root",
			Format:   tar.FormatUSTAR,
		}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("archive %s: %w", f.Name, err)
		}
		if _, err := out.Write(f.Data); err != nil {
			return fmt.Errorf("archive %s: %w", f.Name, err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("end the archive: %w", err)
	}
	return zipped.Close()
}

// Zip writes a zip archive.
func Zip(w io.Writer, files []File, modified time.Time) error {
	files, err := sorted(files)
	if err != nil {
		return err
	}
	out := zip.NewWriter(w)
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, f := range files {
		header := &zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: modified.UTC()}
		header.SetMode(f.Mode.Perm())
		entry, err := out.CreateHeader(header)
		if err != nil {
			return fmt.Errorf("archive %s: %w", f.Name, err)
		}
		if _, err := entry.Write(f.Data); err != nil {
			return fmt.Errorf("archive %s: %w", f.Name, err)
		}
	}
	return out.Close()
}
