package image

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// npm installs the packages of the machine that it runs on, so that no image has them for another one.
func TestImagesWithPackagesOfNpmAreForThisMachine(t *testing.T) {
	t.Parallel()
	d := Definition{Name: "x", Ref: "x:1", Layers: []Layer{{NpmPackages: &Copy{From: "a", To: "/a"}}}}
	if diff := cmp.Diff([]Arch{Host()}, d.Arches()); diff != "" {
		t.Error(diff)
	}
	foreign := ARM64
	if Host() == ARM64 {
		foreign = AMD64
	}
	b := Builder{Cache: t.TempDir(), Progress: io.Discard}
	_, err := b.Image(t.Context(), d, foreign)
	if want := fmt.Sprintf("this machine makes it only for [%s]", Host()); err == nil || err.Error() != want {
		t.Errorf("for %s: %v, want %s", foreign, err, want)
	}
}

func TestParsePlatform(t *testing.T) {
	t.Parallel()
	for platform, want := range map[string]Arch{"linux/amd64": AMD64, "linux/arm64": ARM64} {
		if got, err := ParsePlatform(platform); got != want || err != nil {
			t.Errorf("%s: %q, %v", platform, got, err)
		}
	}
	for _, platform := range []string{"", "linux/", "arm64", "windows/amd64", "linux/riscv64"} {
		if got, err := ParsePlatform(platform); err == nil ||
			!strings.Contains(err.Error(), "the platforms are linux/amd64 and linux/arm64") {
			t.Errorf("%q: %q, %v", platform, got, err)
		}
	}
}

// Archives for another architecture lie apart, as they have the same reference.
func TestArchives(t *testing.T) {
	t.Parallel()
	src, out := sources(t), t.TempDir()
	b := Builder{Repository: src, Sidecars: src, Cache: t.TempDir(), Progress: io.Discard}
	d := Definition{Name: "sidecar", Ref: "example.com/sidecar:1", Layers: []Layer{{Sidecar: "/sidecar"}}}
	for _, arch := range []Arch{AMD64, ARM64} {
		file, err := b.Archive(t.Context(), d, arch, out)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Join(out, "sidecar.tar")
		if arch != Host() {
			want = filepath.Join(out, string(arch), "sidecar.tar")
		}
		if file != want {
			t.Errorf("the archive for %s is %s, want %s", arch, file, want)
		}
		image, err := tarball.ImageFromPath(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		content := []string{"linux/" + string(arch), "sidecar the sidecar for " + string(arch)}
		if diff := cmp.Diff(content, described(t, image)); diff != "" {
			t.Error(diff)
		}
	}
}
