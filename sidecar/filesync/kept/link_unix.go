//go:build unix

package kept

import (
	"os"

	"golang.org/x/sys/unix"
)

// link gives a file, or a link itself, a second name in another folder.
func link(fromDir *os.Root, from string, toDir *os.Root, to string) error {
	a, err := fromDir.Open(".")
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := toDir.Open(".")
	if err != nil {
		return err
	}
	defer b.Close()
	if err := unix.Linkat(int(a.Fd()), from, int(b.Fd()), to, 0); err != nil {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: err}
	}
	return nil
}
