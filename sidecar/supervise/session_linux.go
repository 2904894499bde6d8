package supervise

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// killSession ends every process of a session. Children that are born in the meantime are found by the next round.
func killSession(leader int) {
	for range 10 {
		members := session(leader)
		if len(members) == 0 {
			return
		}
		for _, m := range members {
			_ = syscall.Kill(m.pid, syscall.SIGKILL)
		}
	}
}

// Looks at the programs that debuggers have. The first follow each other closely, since most programs end at once. A
// debugger stops its program for a moment, again and again, so that one stands only where several looks in a row, over
// some time, find it standing.
const (
	firstTracedLook = time.Millisecond
	tracedLook      = 10 * time.Millisecond
	tracedLooks     = 5
	tracedStands    = (tracedLooks - 1) * tracedLook
)

// stand is how long a program has stood: in how many looks in a row, and since which.
type stand struct {
	looks int
	since time.Time
}

func (s stand) again() stand {
	if s.looks == 0 {
		s.since = time.Now()
	}
	s.looks++
	return s
}

func (s stand) long() bool { return s.looks >= tracedLooks && time.Since(s.since) >= tracedStands }

// endTraced asks the programs of a session that debuggers have to end, and waits until they have. A debugger that is
// asked itself while its program runs may wait for the program without end, as delve does with a client of its DAP.
// One whose program stands at a breakpoint ends the program itself.
func endTraced(ctx context.Context, leader int) {
	asked, standing := map[int]bool{}, map[int]stand{}
	for pause := firstTracedLook; ; pause = min(2*pause, tracedLook) {
		running := false
		for _, m := range session(leader) {
			if !m.traced() {
				continue
			}
			if m.state == "t" {
				standing[m.pid] = standing[m.pid].again()
			} else {
				delete(standing, m.pid)
			}
			if standing[m.pid].long() {
				continue
			}
			running = true
			if !asked[m.pid] {
				asked[m.pid] = true
				_ = syscall.Kill(m.pid, syscall.SIGTERM)
			}
		}
		if !running {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// process is a living process of a session, with its state as /proc has it.
type process struct {
	pid   int
	state string
}

// traced says whether a debugger has the process.
func (p process) traced() bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/status")
	if err != nil {
		return false
	}
	_, rest, found := bytes.Cut(status, []byte("\nTracerPid:\t"))
	return found && !bytes.HasPrefix(rest, []byte("0\n"))
}

// session lists the living processes of a session.
func session(leader int) []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var members []process
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
			members = append(members, process{pid, fields[0]})
		}
	}
	return members
}
