package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// sources is a source tree with a Go program, a folder, and the sidecar of both architectures.
func sources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{
		"app/go.mod":          "module example.com/app\n\ngo 1.26\n",
		"app/main.go":         "package main\n\nfunc main() {}\n",
		"files/a.txt":         "the folder\n",
		"sidecar-linux-amd64": "the sidecar for amd64\n",
		"sidecar-linux-arm64": "the sidecar for arm64\n",
	} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// indexed is an image that needs nothing of this machine but go.
func indexed() Definition {
	return Definition{
		Name:       "all",
		Ref:        "example.com/own/all:v1",
		User:       "1000",
		Env:        map[string]string{"A": "b"},
		Entrypoint: []string{"/bin/app"},
		Layers: []Layer{
			{GoBuild: &GoBuild{Dir: "app", Package: ".", To: "/bin/app"}},
			{Copy: &Copy{From: "files", To: "/home/dev"}},
			{Sidecar: "/sidecar"},
		},
	}
}

// pushed pushes the image of some sources, made without a cache, to a folder of a registry, and returns it.
func pushed(t *testing.T, sources, folder string, arches ...Arch) (string, v1.ImageIndex) {
	t.Helper()
	b := Builder{Repository: sources, Sidecars: sources, Cache: t.TempDir(), Progress: io.Discard}
	ref, digest, err := b.Push(t.Context(), Target{indexed(), arches}, Registry{Folder: folder, Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := index.Digest(); err != nil || got != digest {
		t.Errorf("the registry has %s of %s, %v", got, digest, err)
	}
	return ref, index
}

func registryForTest(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// An image is pushed as an index, with the programs of each architecture, and the same sources make the same bytes.
func TestPush(t *testing.T) {
	t.Parallel()
	host, src := registryForTest(t), sources(t)
	ref, index := pushed(t, src, host+"/team", AMD64, ARM64)
	if want := host + "/team/all:v1"; ref != want {
		t.Errorf("pushed to %s, want %s", ref, want)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIImageIndex {
		t.Errorf("media type %s", manifest.MediaType)
	}
	got := map[string][]string{}
	var layers []v1.Hash
	for _, d := range manifest.Manifests {
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		got[d.Platform.String()] = described(t, image)
		all, err := image.Layers()
		if err != nil || len(all) != 3 {
			t.Fatalf("%d layers, %v", len(all), err)
		}
		digest, err := all[1].Digest()
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, digest)
	}
	want := map[string][]string{
		"linux/amd64": {"linux/amd64", "bin/app EM_X86_64", "home/dev/a.txt the folder",
			"sidecar the sidecar for amd64"},
		"linux/arm64": {"linux/arm64", "bin/app EM_AARCH64", "home/dev/a.txt the folder",
			"sidecar the sidecar for arm64"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(layers) != 2 || layers[0] != layers[1] {
		t.Errorf("the folder's layer is another one on another architecture: %v", layers)
	}

	_, again := pushed(t, src, host+"/again", AMD64, ARM64)
	first, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := again.Digest(); err != nil || first != second {
		t.Errorf("the same sources made %s and %s, %v", first, second, err)
	}
}

// What is pushed for one platform is an index, too.
func TestPushOnePlatform(t *testing.T) {
	t.Parallel()
	_, index := pushed(t, sources(t), registryForTest(t), ARM64)
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Platform.String() != "linux/arm64" {
		t.Errorf("%+v, %v", manifest, err)
	}
}

// described is an image's platform by its config, and each of its files: of programs the machine that they are for, of
// others the text.
func described(t *testing.T, image v1.Image) []string {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{config.OS + "/" + config.Architecture}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for files := tar.NewReader(content); ; {
			h, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			if program, err := elf.NewFile(bytes.NewReader(data)); err == nil {
				lines = append(lines, h.Name+" "+program.Machine.String())
			} else if h.Typeflag == tar.TypeReg {
				lines = append(lines, h.Name+" "+strings.TrimSpace(string(data)))
			}
		}
	}
	return lines
}
