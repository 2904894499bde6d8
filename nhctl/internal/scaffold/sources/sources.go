// Package sources reads files of a folder that may be anyone's. It knows nothing of what they mean.
package sources

import (
	"io"
	"io/fs"
	"os"
)

// Limit is how many bytes of a file count.
const Limit = 1 << 20

// Open opens a folder of this computer. Links that lead out of it are not followed.
func Open(dir string) (folder fs.FS, closer io.Closer, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	return root.FS(), root, nil
}

// Content is the beginning of a file, up to Limit; nil where there is none. Only regular files have any: a device could
// be without an end, and a pipe may never begin. A folder may be nil.
func Content(folder fs.FS, name string) []byte {
	if folder == nil {
		return nil
	}
	if info, err := fs.Stat(folder, name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := folder.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, Limit))
	if err != nil {
		return nil
	}
	return data
}

// Has says whether a folder has a file. A folder may be nil.
func Has(folder fs.FS, name string) bool {
	if folder == nil {
		return false
	}
	_, err := fs.Stat(folder, name)
	return err == nil
}
