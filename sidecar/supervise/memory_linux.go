package supervise

import (
	"os"
	"strconv"
	"strings"
)

// memory reads what the container's cgroup says of memory, version 2 or 1.
type memory struct{ root string }

// oomKills counts the processes of the container that the kernel killed for lack of memory.
func (m memory) oomKills() int64 {
	for _, file := range []string{"/memory.events", "/memory/memory.oom_control"} {
		data, err := os.ReadFile(m.root + file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(data), "\n") {
			if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
				n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
				return n
			}
		}
	}
	return 0
}

// limit is the container's memory limit in bytes; 0 for none.
func (m memory) limit() int64 {
	const unlimited = 1 << 60 // version 1 says a huge number
	for _, file := range []string{"/memory.max", "/memory/memory.limit_in_bytes"} {
		data, err := os.ReadFile(m.root + file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n < unlimited {
			return n
		}
	}
	return 0
}
