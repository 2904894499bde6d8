//go:build !linux

package sharedfile

import "os"

// swap puts a file in the place of another one.
func swap(temporary, path, old string) error { return rename(temporary, path, old) }

// alike gives a file mode and owner of another one.
func alike(f *os.File, _ string, info os.FileInfo) error {
	if err := own(f, info); err != nil {
		return err
	}
	return f.Chmod(info.Mode().Perm())
}
