package manifest

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/hack/release/internal/linked"
)

var update = flag.Bool("update", false, "write testdata again")

// shop is a release for all platforms, with hashes that tell them apart.
func shop() Release {
	r := Release{Tag: "v0.1.0"}
	for i, name := range []string{"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64",
		"windows/arm64"} {
		p, _ := linked.ParsePlatform(name)
		r.Archives = append(r.Archives, Archive{
			Platform: p,
			URL:      "https://example.com/v0.1.0/nhctl_0.1.0_" + p.OS + "_" + p.Arch + ".tar.gz",
			SHA256:   strings.Repeat(string(rune('a'+i)), 64),
		})
	}
	return r
}

// The manifests are compared as wholes: what they say is read by programs that aren't here.
func TestManifests(t *testing.T) {
	t.Parallel()
	files, err := Write(shop())
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("%d manifests, want 3", len(files))
	}
	for name, got := range files {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// With fewer platforms they are well-formed, too.
func TestOnePlatform(t *testing.T) {
	t.Parallel()
	r := shop()
	r.Archives = r.Archives[2:3]
	files, err := Write(r)
	if err != nil {
		t.Fatal(err)
	}
	formula := string(files["nhctl.rb"])
	if strings.Contains(formula, "on_macos") || strings.Count(formula, "sha256") != 1 {
		t.Errorf("formula:\n%s", formula)
	}
	var scoop struct{ Architecture map[string]any }
	if err := json.Unmarshal(files["nhctl.json"], &scoop); err != nil || len(scoop.Architecture) != 0 {
		t.Errorf("scoop: %+v, %v", scoop, err)
	}
	var krew struct {
		Spec struct{ Platforms []struct{ Bin string } }
	}
	if err := yaml.Unmarshal(files["nhctl.yaml"], &krew); err != nil || len(krew.Spec.Platforms) != 1 {
		t.Errorf("krew: %+v, %v", krew, err)
	}
}
