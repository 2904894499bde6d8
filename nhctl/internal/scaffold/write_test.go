package scaffold

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold/publicimage"
)

// suggestion is a line of a suggestion, as opposed to the sentence before it.
var suggestion = regexp.MustCompile(`^    # (?:[a-zA-Z]+:\n|- |  )`)

// The suggestions in a first config can be taken as they are: the volume has the caches that the variables lead there.
func TestCachesInConfig(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"go", "node", "python", "java", "ruby", "rust", "php", "csharp", "cpp", ""} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			text := Config(Settings{Name: "web", Kind: "deployment", Image: "dev:1", Run: "./web", Language: language})
			settings, suggestions, _ := strings.Cut(text, "    # Keep downloads")
			for line := range strings.Lines(suggestions) {
				if suggestion.MatchString(line) {
					settings += strings.Replace(line, "# ", "", 1)
				}
			}
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, ".dev"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, ".dev", "config.yaml"), []byte(settings), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := config.Load(dir, config.Options{})
			if err != nil {
				t.Fatalf("%v\n%s", err, settings)
			}
			dev := file.Services[0].Containers[0].Dev
			var got []publicimage.Variable
			for _, e := range dev.Env {
				got = append(got, publicimage.Variable{Name: e.Name, Value: e.Value})
			}
			want := publicimage.Caches(language, "/home/dev/.cache")
			if want == nil {
				want = []publicimage.Variable{{Name: "LOG_LEVEL", Value: "debug"}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			volumes := []config.PersistentVolumeDir{{Path: "/home/dev/.cache", Capacity: "5Gi"}}
			if diff := cmp.Diff(volumes, dev.PersistentVolumeDirs); diff != "" {
				t.Error(diff)
			}
		})
	}
}
