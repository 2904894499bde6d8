package localsync

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRulesFromOutside(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		image string
		files map[string]string // below the home folder
		want  []string
	}{
		"nothing":       {want: nil},
		"git's default": {files: map[string]string{".config/git/ignore": "*.swp"}, want: []string{"*.swp"}},
		"named in .gitconfig": {files: map[string]string{".config/git/ignore": "*.swp",
			".gitconfig": "[core]\n\texcludesFile = ~/mine\n", "mine": "*.bak"},
			want: []string{"*.bak"}},
		"the repository's configuration wins": {files: map[string]string{".gitconfig": "[core]\n" +
			"\texcludesfile = ~/mine\n", "mine": "*.bak",
			"src/.git/HEAD": "ref: refs/heads/main\n", "src/.git/objects/x": "", "src/.git/refs/x": "",
			"src/.git/config": "[core]\n\texcludesFile = ~/other\n", "other": "*.old"}, want: []string{"*.old"}},
		"the repository's own rules come last": {files: map[string]string{".config/git/ignore": "*.swp",
			"src/.git/info/exclude": "!a.swp", "src/.git/HEAD": "ref: refs/heads/main\n", "src/.git/objects/x": "",
			"src/.git/refs/x": ""}, want: []string{"*.swp", "!a.swp"}},
		"build output": {image: "ghcr.io/nhctl/dev-node:v0.1.0",
			want: []string{"node_modules/"}},
		"output of a build tool": {image: "docker.io/library/maven:3-eclipse-temurin-21",
			want: []string{"target/"}},
		"an image that says nothing":          {image: "debian", want: nil},
		"a language that keeps sources clean": {image: "registry.example.com:5000/python/dev-go", want: nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			if err := os.Mkdir(filepath.Join(home, "src"), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range tt.files {
				path := filepath.Join(home, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{"", os.Getenv("PATH")} { // without git, and with it
				var lines []string
				for _, s := range Rules(t.Context(), filepath.Join(home, "src"),
					map[string]string{"HOME": home, "PATH": path}, tt.image).Above {
					lines = append(lines, s.Lines...)
				}
				if diff := cmp.Diff(tt.want, lines); diff != "" {
					t.Errorf("PATH %q: %s", path, diff)
				}
			}
		})
	}
}
