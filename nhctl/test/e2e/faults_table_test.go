//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// table collects what was seen.
type table struct {
	mu   sync.Mutex
	rows map[string]string
}

func (b *table) add(c injected, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[strings.Join(strings.SplitN(c.String(), "/", 5), " | ")] = what
}

func (b *table) print(t *testing.T) {
	var text strings.Builder
	text.WriteString("| kind | mode | phase | call | fault | the command | restored from a second computer |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(b.rows)) {
		restored := "yes"
		if b.rows[key] == "FAILED" {
			restored = "**no**"
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", key, b.rows[key], restored)
	}
	fmt.Println(text.String())
	if file := os.Getenv("NHCTL_FAULTS_OUT"); file != "" {
		write(t, file, text.String())
	}
}
