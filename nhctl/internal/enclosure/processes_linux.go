package enclosure

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long processes may take to end by themselves.
const patience = 2 * time.Second

// stat reads a process's state and parent.
func stat(pid int) (state byte, parent int, ok bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, false
	}
	// The name before it may have spaces and parentheses.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return fields[0][0], parent, err == nil
}

// state is a process's state, as ps shows it; 0 when there is no such process.
func state(pid int) byte {
	s, _, _ := stat(pid)
	return s
}

// descendants lists the processes that a process or its descendants have started.
func descendants(root int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, parent, ok := stat(pid); ok && s != 'Z' && s != 'X' {
			children[parent] = append(children[parent], pid)
		}
	}
	var all []int
	for next := children[root]; len(next) > 0; {
		pid := next[0]
		next = append(next[1:], children[pid]...)
		all = append(all, pid)
	}
	return all
}

// endAll ends all descendants of a process that which accepts: kindly at first, and after some time in earnest.
func endAll(root int, patience time.Duration, which func(pid int) bool) {
	const often = 20 * time.Millisecond
	begun := time.Now()
	last := begun.Add(patience + time.Second) // what can't be ended by then waits for a device
	asked := map[int]bool{}
	for {
		all := slices.DeleteFunc(descendants(root), func(pid int) bool { return !which(pid) })
		if len(all) == 0 || time.Now().After(last) {
			return
		}
		for _, pid := range all {
			switch {
			case time.Since(begun) >= patience:
				_ = unix.Kill(pid, unix.SIGKILL)
			case !asked[pid]:
				asked[pid] = true
				_ = unix.Kill(pid, unix.SIGTERM)
				_ = unix.Kill(pid, unix.SIGCONT) // a stopped one hears nothing
			}
		}
		time.Sleep(often)
	}
}

// network names the network namespace of a process; empty when it can't be told.
func network(pid int) string { return namespace(pid, "net") }

// namespace names a namespace of a process; empty when it can't be told.
func namespace(pid int, kind string) string {
	name, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns", kind))
	return name
}
