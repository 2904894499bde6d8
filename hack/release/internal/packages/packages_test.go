package packages

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/hack/release/internal/archive"
)

func shop() Package {
	return Package{
		Version:  "v0.1.0",
		Arch:     "arm64",
		Released: time.Unix(1_777_777_776, 0),
		Files: []archive.File{
			{Name: "nhctl", Mode: 0o755, Data: []byte("program")},
			{Name: "LICENSE", Mode: 0o644, Data: []byte("license")},
			{Name: "completions/_nhctl", Mode: 0o644, Data: []byte("zsh")},
			{Name: "completions/nhctl.ps1", Mode: 0o644, Data: []byte("powershell")},
			{Name: "man/nhctl-dev.1", Mode: 0o644, Data: []byte("page")},
		},
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for format, zsh := range map[string]string{
		"deb": "/usr/share/zsh/vendor-completions/_nhctl",
		"rpm": "/usr/share/zsh/site-functions/_nhctl",
	} {
		contents, err := stage(t.TempDir(), format, shop())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, c := range contents {
			got[c.Destination] = c.FileInfo.Mode.String() + " " + c.FileInfo.Owner
		}
		want := map[string]string{
			"/usr/bin/kubectl-nhctl":             "Lrwxrwxrwx root",
			"/usr/bin/nhctl":                     "-rwxr-xr-x root",
			"/usr/share/doc/nhctl/copyright":     "-rw-r--r-- root",
			"/usr/share/man/man1/nhctl-dev.1.gz": "-rw-r--r-- root",
			zsh:                                  "-rw-r--r-- root",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	unknown := shop()
	unknown.Files = append(unknown.Files, archive.File{Name: "README.md"})
	if _, err := stage(t.TempDir(), "deb", unknown); err == nil {
		t.Error("a file without a place is left out without a word")
	}
}

// The same files make the same packages, from whatever directory they are staged in.
func TestSameFilesSameBytes(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"deb": "nhctl_0.1.0_arm64.deb",
		"rpm": "nhctl-0.1.0-1.aarch64.rpm",
		"apk": "nhctl_0.1.0_aarch64.apk",
	}
	for _, format := range Formats() {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			name, err := Write(b, format, shop())
			if err != nil {
				t.Fatal(err)
			}
			if name != names[format] {
				t.Errorf("the %s package is %s, want %s", format, name, names[format])
			}
		}
		if first.Len() == 0 || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: the same files make different packages", format)
		}
	}
}
