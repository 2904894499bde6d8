package doctor

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// enough are the inotify limits that a large tree of sources needs.
var enough = []struct {
	name string
	want int
}{{"max_user_watches", 65_536}, {"max_user_instances", 128}}

// computer looks at this computer's limits on watched folders; only Linux has any.
func computer() (found []Finding) {
	for _, e := range enough {
		text, err := os.ReadFile("/proc/sys/fs/inotify/" + e.name)
		if err != nil {
			continue
		}
		have, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			continue
		}
		found = append(found, watching(e.name, have, e.want))
	}
	return found
}

func watching(name string, have, want int) Finding {
	f := Finding{Check: "inotify " + name, State: OK, Says: strconv.Itoa(have)}
	if have < want {
		f.State = Warning
		f.Says = fmt.Sprintf("%d: in a large tree of sources some changes would be found by looking again, every 2 s",
			have)
		f.Fix = fmt.Sprintf("sudo sysctl fs.inotify.%s=%d", name, max(8*want, 1024))
	}
	return f
}
