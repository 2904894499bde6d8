package enclosure

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// writeEnvironment makes a file of an environment, in memory alone and without a name: it may hold secrets.
func writeEnvironment(env []string) (*os.File, error) {
	fd, err := unix.MemfdCreate("environment", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "environment")
	if _, err := io.WriteString(file, strings.Join(env, "\x00")); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// readEnvironment reads it again, and closes it.
func readEnvironment(fd int) ([]string, error) {
	file := os.NewFile(uintptr(fd), "environment")
	defer file.Close()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	if err != nil || len(text) == 0 {
		return []string{}, err
	}
	return strings.Split(string(text), "\x00"), nil
}
