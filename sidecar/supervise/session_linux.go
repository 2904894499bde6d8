package supervise

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// killSession ends every process of a session. Children that are born in the meantime are found by the next round.
func killSession(leader int) {
	for range 10 {
		members := session(leader)
		if len(members) == 0 {
			return
		}
		for _, pid := range members {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// session lists the living processes of a session.
func session(leader int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var members []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// The name in brackets may hold anything; behind it come state, parent, group and session.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 3 && fields[0] != "Z" && fields[3] == strconv.Itoa(leader) {
			members = append(members, pid)
		}
	}
	return members
}
