//go:build !unix

package kept

import (
	"os"
	"path/filepath"
)

// link gives a file a second name in another folder.
func link(fromDir *os.Root, from string, toDir *os.Root, to string) error {
	return os.Link(filepath.Join(fromDir.Name(), from), filepath.Join(toDir.Name(), to))
}
