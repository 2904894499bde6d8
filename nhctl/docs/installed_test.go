package docs

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
)

var released = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// Every command has its page, and the same sources make the same pages.
func TestManPages(t *testing.T) {
	t.Parallel()
	make := func() map[string][]byte {
		pages, err := ManPages(root.New(&factory.Factory{}), "v0.1.0", released)
		if err != nil {
			t.Fatal(err)
		}
		return pages
	}
	pages := make()
	var want []string
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		want = append(want, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root.New(&factory.Factory{}))
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(pages))); diff != "" {
		t.Errorf("man pages (-want +got):\n%s", diff)
	}
	start := string(pages["nhctl-dev-start.1"])
	for _, want := range []string{`"May 2026" "nhctl v0.1.0"`, "Take a workload into dev mode", `\fB--take-over\fP`} {
		if !strings.Contains(start, want) {
			t.Errorf("nhctl-dev-start.1 lacks %q:\n%s", want, start)
		}
	}
	if diff := cmp.Diff(pages, make()); diff != "" {
		t.Errorf("pages that are made again differ:\n%s", diff)
	}
}

func TestCompletions(t *testing.T) {
	t.Parallel()
	files, err := Completions(root.New(&factory.Factory{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"nhctl.bash": "__start_nhctl",
		"_nhctl":     "#compdef nhctl",
		"nhctl.fish": "complete -c nhctl",
		"nhctl.ps1":  "Register-ArgumentCompleter -CommandName 'nhctl'",
	} {
		if !bytes.Contains(files[name], []byte(want)) {
			t.Errorf("%s lacks %q", name, want)
		}
	}
	if len(files) != 4 {
		t.Errorf("%d completions, want 4", len(files))
	}
}
