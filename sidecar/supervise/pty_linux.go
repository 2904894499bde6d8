package supervise

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a new pseudo-terminal. The near one knows deadlines, which it would not after
// os.File.Fd.
func openTerminal(size Size) (near, far *os.File, err error) {
	near, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	number := 0
	err = control(near, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		}
		return err
	})
	if err == nil {
		far, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err == nil {
		err = resize(near, size)
	}
	if err != nil {
		near.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return near, far, nil
}

// resize tells a terminal its size; the kernel tells the program in it, if that is a change.
func resize(near *os.File, s Size) error {
	return control(near, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: s.Rows, Col: s.Columns})
	})
}

func control(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if outer := raw.Control(func(fd uintptr) { err = do(int(fd)) }); outer != nil {
		return outer
	}
	return err
}

// waiting returns what can be read at once, up to a limit: what a program left behind.
func waiting(f *os.File, limit int) []byte {
	var all []byte
	_ = control(f, func(fd int) error {
		buffer := make([]byte, 32<<10)
		for len(all) < limit {
			n, err := unix.Read(fd, buffer)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 || err != nil {
				return err
			}
			all = append(all, buffer[:n]...)
		}
		return nil
	})
	return all
}
