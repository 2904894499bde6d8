package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
)

// The doctor looks for each image that dev mode will use, once, also for the one that the sources choose.
func TestImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		".dev/config.yaml": "name: web\ncontainers:\n- {name: a, dev: {image: auto}}\n" +
			"- {name: b, dev: {image: 'b:1'}}\n- {name: c, dev: {image: 'b:1'}}\n- {name: d}\n",
		"go.mod": "module example.com/web\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := config.Load(dir, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &factory.Factory{Environ: []string{"NHCTL_SIDECAR_IMAGE=sidecar:1"}}
	for name, tt := range map[string]struct {
		file *config.File
		want []string
	}{
		"a config": {file, []string{"sidecar:1", "docker.io/library/golang:1.26", "b:1"}},
		"none":     {nil, []string{"sidecar:1"}},
	} {
		if diff := cmp.Diff(tt.want, images(f, tt.file)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
