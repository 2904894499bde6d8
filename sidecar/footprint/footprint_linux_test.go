package footprint

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// resident is how much of the program's own pages is mapped, in KiB.
func resident(t *testing.T) (kib int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "\nRssFile:")
	if _, err := fmt.Sscan(line, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

// What the start has touched is freed.
func TestTrim(t *testing.T) {
	t.Parallel()
	before := resident(t)
	if err := Trim(); err != nil {
		t.Fatal(err)
	}
	if after := resident(t); after >= before {
		t.Errorf("%d KiB of the program are mapped, and %d were before", after, before)
	}
}
