package main

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/nhctl/nhctl/devimages/internal/image"
)

// The sidecar's image needs nothing of the machine. Its line of output is what the release's workflow compares with the
// reference that nhctl was built with.
func TestPushSidecar(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host, dir := strings.TrimPrefix(server.URL, "http://"), t.TempDir()
	for _, arch := range []string{"amd64", "arm64"} {
		if err := os.WriteFile(filepath.Join(dir, "sidecar-linux-"+arch), []byte(arch), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	push := func(platforms ...string) string {
		var out bytes.Buffer
		root := newRoot()
		root.SetArgs(append([]string{"push", "sidecar", "--registry", host + "/nhctl", "--insecure", "--sidecars", dir,
			"--cache", filepath.Join(dir, "cache"), "--sidecar-ref", "ghcr.io/nhctl/sidecar:v1-abc"}, platforms...))
		root.SetOut(&out)
		root.SetErr(io.Discard)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	form := regexp.MustCompile(`^` + host + `/nhctl/sidecar:v1-abc sha256:[0-9a-f]{64} \[(amd64 arm64|arm64)\]\n$`)
	both, one := push(), push("--platform", "linux/arm64")
	if m := form.FindStringSubmatch(both); m == nil || m[1] != "amd64 arm64" {
		t.Errorf("pushed: %s", both)
	}
	if m := form.FindStringSubmatch(one); m == nil || m[1] != "arm64" {
		t.Errorf("pushed for one platform: %s", one)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	o := &options{builder: image.Builder{Repository: "..", Cache: t.TempDir()}}
	host := func(image.Definition) []image.Arch { return []image.Arch{image.Host()} }
	for name, tt := range map[string]struct {
		platforms []string
		otherwise func(image.Definition) []image.Arch
		want      []image.Arch
	}{
		"of this machine": {nil, host, []image.Arch{image.Host()}},
		"all":             {nil, image.Definition.Arches, []image.Arch{image.AMD64, image.ARM64}},
		"chosen, and once": {[]string{"linux/arm64", "linux/amd64", "linux/arm64"}, host,
			[]image.Arch{image.ARM64, image.AMD64}},
	} {
		got := map[string][]image.Arch{}
		targets, err := o.targets(t.Context(), []string{"sidecar", "bookshop-catalog"}, tt.platforms, tt.otherwise)
		for _, target := range targets {
			got[target.Name] = target.Arches
		}
		want := map[string][]image.Arch{"sidecar": tt.want, "bookshop-catalog": tt.want}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	if _, err := o.targets(t.Context(), []string{"sidecar"}, []string{"linux/s390x"}, host); err == nil {
		t.Error("an unknown platform is taken")
	}
}
