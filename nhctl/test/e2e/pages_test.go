//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/docs"
)

// commandsOf are the commands of a text that pages show.
func commandsOf(t *testing.T, text string) []docs.Shown {
	t.Helper()
	commands, err := docs.Commands(text)
	if err != nil {
		t.Fatal(err)
	}
	return commands
}

// The commands of the pages for newcomers work in the order in which one reads them, and print what the pages show.
func TestPages(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	before := shared.mustSnapshot(t, ns)
	left := docs.NotRun()
	for _, name := range docs.Walkthrough() {
		for _, c := range commandsOf(t, read(t, filepath.Join(repository, "nhctl", "docs", name))) {
			if why, there := left[c.String()]; there {
				t.Logf("%s: nhctl %s is not run: %s", name, c, why)
				continue
			}
			r := dev.nhctl(src, c.Args...)
			if r.code != 0 {
				t.Fatalf("%s: nhctl %s: %s", name, c, r)
			}
			for _, words := range c.Words() {
				if !strings.Contains(r.stdout+r.stderr, words) {
					t.Errorf("%s shows %q as output of nhctl %s: %s", name, words, c, r)
				}
			}
		}
	}
	shared.restored(t, ns, before)
}
