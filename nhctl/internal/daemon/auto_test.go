package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestPairGo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		local, remote string
		want          []event.PathData
	}{
		"one version":   {"/home/ada/go/pkg/mod\n/opt/go\ngo1.26.1\n", "/cache/mod\n/usr/local/go\ngo1.26.1\n", []event.PathData{{Local: "/home/ada/go/pkg/mod", Remote: "/cache/mod"}, {Local: "/opt/go", Remote: "/usr/local/go"}}},
		"two versions":  {"/a\n/b\ngo1.25\n", "/c\n/d\ngo1.26\n", []event.PathData{{Local: "/a", Remote: "/c"}}},
		"an old go":     {"/a\n/b\ngo1.25\n", "\n/d\ngo1.26\n", nil},
		"another thing": {"/a\n/b\ngo1.25\n", "sh: go: not found", nil},
	} {
		if diff := cmp.Diff(tt.want, pairGo(tt.local, tt.remote)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The dev image auto is chosen by the sources; without a config, so are the commands.
func TestChosen(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if dev, said, err := chosen(config.Dev{Image: "mine"}, root, false); dev.Image != "mine" || said != nil || err != nil {
		t.Error(dev.Image, said, err)
	}
	if _, _, err := chosen(config.Dev{Image: auto}, root, false); err == nil || !strings.Contains(problem.From(err).Hint, "dev-base") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "main.rb"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := config.Dev{Image: "ghcr.io/nhctl/dev-ruby:v0.1.0", Command: config.Commands{Run: config.Command{Line: []string{"exec ruby main.rb"}}}, Debug: config.Debug{Language: "ruby"}}
	for _, configured := range []bool{false, true} {
		dev, said, err := chosen(config.Dev{Image: auto}, root, configured)
		if diff := cmp.Diff(want, dev); diff != "" || err != nil || len(said) != 1 || !strings.Contains(said[0], "look like ruby") {
			t.Error(diff, said, err)
		}
		want.Command, want.Debug = config.Commands{}, config.Debug{} // a config has its own
	}
}
