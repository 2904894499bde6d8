package plan

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
)

func TestCommandFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, rel := range []string{
		".nocalhost/run.sh",
		".nocalhost/config.yaml",
		".dev/debug.sh",
		".git/hooks/x",
		"main.sh",
		".vscode/run.sh",
	} {
		file := filepath.Join(root, rel)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(filepath.Dir(root), ".dev")
	if err := os.Symlink(outside, filepath.Join(root, ".envrc")); err != nil {
		t.Fatal(err)
	}
	line := func(text string) config.Command { return config.Command{Line: []string{text}} }
	for name, tt := range map[string]struct {
		commands config.Commands
		want     []string
	}{
		"none":     {config.Commands{}, nil},
		"a script": {config.Commands{Run: line(".nocalhost/run.sh")}, []string{".nocalhost/run.sh"}},
		"from the folder on": {
			config.Commands{Run: line("sh ./.nocalhost/run.sh --port 80")},
			[]string{".nocalhost/run.sh"},
		},
		"by its place in the pod": {
			config.Commands{Run: line("/app/src/.nocalhost/run.sh")},
			[]string{".nocalhost/run.sh"},
		},
		"of several commands": {
			config.Commands{Run: line(".nocalhost/run.sh"), Debug: line("cd x && '.dev/debug.sh';")},
			[]string{".nocalhost/run.sh", ".dev/debug.sh"},
		},
		"as arguments": {
			config.Commands{Build: config.Command{Argv: []string{"sh", ".vscode/run.sh"}}},
			[]string{".vscode/run.sh"},
		},
		"a folder":                  {config.Commands{Run: line("ls .nocalhost")}, nil},
		"what is not there":         {config.Commands{Run: line(".nocalhost/other.sh")}, nil},
		"what travels anyway":       {config.Commands{Run: line("./main.sh")}, nil},
		"a repository's own":        {config.Commands{Run: line(".git/hooks/x")}, nil},
		"outside":                   {config.Commands{Run: line("../.dev/x /.dev/debug.sh")}, nil},
		"a link, wherever it leads": {config.Commands{Run: line("cat .envrc")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := CommandFiles(root, config.Dev{WorkDir: "/app/src", Command: tt.commands})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
