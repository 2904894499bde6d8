package docs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const samplePage = "# Page\n\nRun `nhctl dev list`, or:\n\n" +
	"    nhctl doctor                      # can it work here?\n" +
	"    nhctl dev start deploy/web --dir .\n\n" +
	"```\n$ nhctl dev exec -- sh -c 'echo \"a b\"'\na b\n\nLater:\n$ nhctl dev run   # again\n  build: go build\n" +
	"$ nhctl dev end\n```\n\n" +
	"$ nhctl is no command here\n\n```yaml\n    nhctl nor here\n```\n\n## Next\n\n    nhctl dev status\n\n## Last\n"

func TestCommands(t *testing.T) {
	t.Parallel()
	got, err := Commands(samplePage)
	want := []Shown{
		{Args: []string{"doctor"}},
		{Args: []string{"dev", "start", "deploy/web", "--dir", "."}},
		{Args: []string{"dev", "exec", "--", "sh", "-c", `echo "a b"`}, Output: []string{"a b"}},
		{Args: []string{"dev", "run"}, Output: []string{"  build: go build"}},
		{Args: []string{"dev", "end"}},
		{Args: []string{"dev", "status"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := Commands("    nhctl dev exec -- 'open\n"); err == nil {
		t.Error("an open quote is no error")
	}
	section, err := Section(samplePage, "Next")
	if diff := cmp.Diff("\n    nhctl dev status\n", section); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := Section(samplePage, "Nex"); err == nil {
		t.Error("a section that is not there is no error")
	}
}

// Values differ from call to call, names do not.
func TestWords(t *testing.T) {
	t.Parallel()
	got := Shown{Output: []string{
		"  lock the workload                    0.0 s",
		"deployment/catalog is in dev mode (replace, session ba803405)",
		"  copy back the pod's own files        0.1 s",
		"  forwarded  localhost:44141 -> 8080",
		"next: nhctl dev run       start the service's program from your sources",
		"      nhctl dev logs -f   see what it prints",
		"run         running for 2s as process 302: exec /tmp/catalog",
		"VS Code:   {}",
		"37 files",
	}}.Words()
	want := []string{"lock the workload", "deployment/catalog is in dev mode", "copy back the pod's own files",
		"forwarded", "next", "nhctl dev logs -f", "run", "VS Code"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The pages that a scenario runs have commands, and each one that it leaves out.
func TestWalkthrough(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, name := range Walkthrough() {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		commands, err := Commands(string(page))
		if err != nil || len(commands) < 5 {
			t.Errorf("%s: %d commands, %v", name, len(commands), err)
		}
		for _, c := range commands {
			found[c.String()] = true
		}
		if n := len(commands); n > 0 && commands[n-1].String() != "dev end" {
			t.Errorf("%s does not end dev mode", name)
		}
	}
	for command, why := range NotRun() {
		if !found[command] {
			t.Errorf("no page shows %q any more, which is not run because %s", command, why)
		}
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	section, err := Section(string(readme), FirstDevMode)
	if err != nil {
		t.Fatal(err)
	}
	if commands, err := Commands(section); err != nil || len(commands) < 5 {
		t.Errorf("the README's first dev mode: %d commands, %v", len(commands), err)
	}
}
