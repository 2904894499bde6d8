package publish

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/hack/release/internal/license"
	"github.com/nhctl/nhctl/hack/release/internal/linked"
)

var released = time.Unix(1_777_777_776, 0)

// shop is a release whose programs are small files, last changed at a time.
func shop(t *testing.T, changed time.Time) Release {
	t.Helper()
	dir := t.TempDir()
	r := Release{
		Tag:       "v0.1.0",
		Time:      released,
		Binaries:  filepath.Join(dir, "bin"),
		Installed: filepath.Join(dir, "installed"),
		License:   filepath.Join(dir, "LICENSE"),
		Installer: filepath.Join(dir, "install.sh"),
		Modules:   map[linked.Platform][]license.Licensed{},
		All: []license.Licensed{{
			Module: linked.Module{Path: "github.com/syncthing/syncthing", Version: "v1.30.0"},
			Names:  []string{"MPL-2.0"},
			Texts:  []license.Text{{Name: "LICENSE", Data: "share what you change"}},
		}},
	}
	files := map[string]string{
		r.License:   "license",
		r.Installer: "#!/bin/sh\n",
		filepath.Join(r.Installed, "completions", "nhctl.bash"): "bash",
		filepath.Join(r.Installed, "man", "nhctl.1"):            "page",
	}
	for _, name := range []string{"darwin/arm64", "linux/amd64", "windows/amd64"} {
		p, err := linked.ParsePlatform(name)
		if err != nil {
			t.Fatal(err)
		}
		r.Platforms, r.Modules[p] = append(r.Platforms, p), r.All
		files[r.Binary(p)] = "program for " + name
	}
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// publish returns the files that a release has.
func publish(t *testing.T, r Release) map[string]string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "release")
	if err := Write(out, r); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

// The same input makes the same bytes, whenever and wherever its files were written.
func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	first := publish(t, shop(t, time.Unix(1_000_000_000, 0)))
	second := publish(t, shop(t, time.Unix(1_700_000_000, 0)))
	for name := range first {
		if first[name] != second[name] {
			t.Errorf("%s differs", name)
		}
	}
	if len(first) != len(second) {
		t.Errorf("%d files, and %d the second time", len(first), len(second))
	}
	// Another program is another release.
	changed := shop(t, released)
	binary := changed.Binary(linked.Platform{OS: "linux", Arch: "amd64"})
	if err := os.WriteFile(binary, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	third := publish(t, changed)
	for _, name := range []string{"nhctl_0.1.0_linux_amd64.tar.gz", "nhctl_0.1.0_amd64.deb", "nhctl-0.1.0-1.x86_64.rpm",
		"nhctl_0.1.0_x86_64.apk", "nhctl_0.1.0_linux_amd64.cdx.json", "nhctl.rb", "nhctl.yaml", "checksums.txt"} {
		if first[name] == third[name] {
			t.Errorf("%s is the same for another program", name)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	files := publish(t, shop(t, released))
	var want []string
	for _, name := range []string{
		"THIRD_PARTY_NOTICES",
		"install.sh",
		"nhctl-0.1.0-1.x86_64.rpm",
		"nhctl.json",
		"nhctl.rb",
		"nhctl.yaml",
		"nhctl_0.1.0_amd64.deb",
		"nhctl_0.1.0_darwin_arm64.cdx.json",
		"nhctl_0.1.0_darwin_arm64.tar.gz",
		"nhctl_0.1.0_linux_amd64.cdx.json",
		"nhctl_0.1.0_linux_amd64.tar.gz",
		"nhctl_0.1.0_windows_amd64.cdx.json",
		"nhctl_0.1.0_windows_amd64.zip",
		"nhctl_0.1.0_x86_64.apk",
	} {
		want = append(want, hash([]byte(files[name]))+"  "+name)
	}
	if diff := cmp.Diff(strings.Join(want, "\n")+"\n", files["checksums.txt"]); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
	if len(files) != len(want)+1 {
		t.Errorf("%d files, %d of them with a hash", len(files), len(want))
	}
	for name, archive := range map[string]string{
		"nhctl.rb":   "nhctl_0.1.0_darwin_arm64.tar.gz",
		"nhctl.yaml": "nhctl_0.1.0_linux_amd64.tar.gz",
		"nhctl.json": "nhctl_0.1.0_windows_amd64.zip",
	} {
		for _, want := range []string{downloads + "v0.1.0/" + archive, hash([]byte(files[archive]))} {
			if !strings.Contains(files[name], want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
}

// An archive has the program, its license, and what is installed next to it.
func TestArchive(t *testing.T) {
	t.Parallel()
	files := publish(t, shop(t, released))
	unzipped, err := gzip.NewReader(bytes.NewReader([]byte(files["nhctl_0.1.0_linux_amd64.tar.gz"])))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for in := tar.NewReader(unzipped); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = string(data)
	}
	want := map[string]string{
		"nhctl":                  "program for linux/amd64",
		"LICENSE":                "license",
		"THIRD_PARTY_NOTICES":    files["THIRD_PARTY_NOTICES"],
		"completions/nhctl.bash": "bash",
		"man/nhctl.1":            "page",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
}

// Nothing is published of a release that lacks something, and none on top of another.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	r := shop(t, released)
	r.Platforms = append(r.Platforms, linked.Platform{OS: "plan9", Arch: "386"})
	out := filepath.Join(t.TempDir(), "release")
	if err := Write(out, r); err == nil || !strings.Contains(err.Error(), "nhctl-plan9-386") {
		t.Errorf("without a program: %v", err)
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := Write(out, shop(t, released)); err == nil {
		t.Error("a release is written on top of another")
	}
}
