// Package procstat reads what Linux tells of a process in /proc/PID/stat; see proc_pid_stat(5).
package procstat

import (
	"bytes"
	"strconv"
)

// Started is when a process began, in clock ticks since the boot: together with its id, it names the process. It is
// false for what is no such file.
func Started(stat []byte) (ticks uint64, ok bool) {
	const starttime = 22 - 3 // behind the name in brackets, which may hold anything
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= starttime {
		return 0, false
	}
	ticks, err := strconv.ParseUint(string(fields[starttime]), 10, 64)
	return ticks, err == nil
}
