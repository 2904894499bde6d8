// Package process names processes of this computer so that another one with the same id is not taken for them.
package process

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/nhctl/nhctl/sidecar/procstat"
)

// ID names a process. The zero ID names none.
type ID struct {
	PID int `json:"pid"`
	// Started is when it began, in the system's own unit.
	Started uint64 `json:"started"`
}

// Self is this process; the zero ID on systems other than Linux.
func Self() ID { return Of(os.Getpid()) }

// Lives says whether the process has not ended. Of a zero ID, it is false.
func (p ID) Lives() bool { return p != ID{} && Of(p.PID) == p }

// Of is the process with an id; the zero ID where there is none.
func Of(pid int) ID {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ID{}
	}
	started, ok := procstat.Started(stat)
	if !ok {
		return ID{}
	}
	return ID{PID: pid, Started: started}
}
