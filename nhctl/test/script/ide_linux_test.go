package script

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// While it runs, `nhctl ide` has less in memory than its start needed.
func TestIDEFreesMemory(t *testing.T) {
	t.Parallel()
	e := startEditor(t)
	e.say(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)
	e.hear(new(any))
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	kib := func(field string) (n int) {
		_, line, _ := strings.Cut(string(status), "\n"+field+":")
		if _, err := fmt.Sscan(line, &n); err != nil {
			t.Fatalf("%s: %v", field, err)
		}
		return n
	}
	if now, peak := kib("VmRSS"), kib("VmHWM"); now > peak*3/4 {
		t.Errorf("it has %d KiB in memory, and had %d at its start", now, peak)
	}
}
