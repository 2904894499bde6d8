package sidecarbinary

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary/archive"
)

// program is as much of an executable as the architecture is read from, and a text that tells it from others.
func program(machine byte, text string) []byte {
	header := append([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0}, make([]byte, 56)...)
	header[16], header[18], header[20], header[52] = 2, machine, 1, 64
	return append(header, text...)
}

const amd64, arm64 = 62, 183

// folder has binaries by their names.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// packed is what nhctl embeds of binaries.
func packed(t *testing.T, files map[string][]byte) *fstest.MapFile {
	t.Helper()
	var file bytes.Buffer
	if err := archive.Write(&file, slices.Sorted(maps.Keys(files)), func(name string) ([]byte, error) {
		return files[name], nil
	}); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: file.Bytes()}
}

// building makes binaries that say for which architecture.
type building struct{ err error }

func (b building) Build(_ context.Context, arch, dir string) (string, error) {
	file := filepath.Join(dir, Name(arch))
	return file, errors.Join(b.err, os.WriteFile(file, []byte("built for "+arch), 0o755))
}

// What nhctl carries comes first, then what is next to it, then what can be built.
func TestOpen(t *testing.T) {
	t.Parallel()
	carried := fstest.MapFS{
		"embedded/sidecars-v1.tar.zst": packed(t, map[string][]byte{
			"sidecar-linux-amd64": program(amd64, "carried"),
			"sidecar-linux-arm64": program(arm64, "carried, too"),
		}),
		"embedded/sidecars-v3.tar.zst": {Data: []byte("no zstd")},
		"embedded/sidecars-v4.tar.zst": packed(t, map[string][]byte{"sidecar-linux-amd64": program(amd64, "")}),
	}
	nextTo := folder(t, map[string][]byte{
		"sidecar-linux-amd64": program(amd64, "next to nhctl"),
		"sidecar-linux-arm64": program(amd64, "of another architecture"),
	})
	for name, tt := range map[string]struct {
		sources Sources
		arch    string
		want    string
		failed  string
		code    problem.Code
	}{
		"carried": {
			sources: Sources{Embedded: carried, Version: "v1", Dirs: []string{nextTo}, Toolchain: building{}},
			arch:    "amd64",
			want:    string(program(amd64, "carried")),
		},
		"carried by an earlier build": {
			sources: Sources{Embedded: carried, Version: "v2", Dirs: []string{nextTo}, Toolchain: building{}},
			arch:    "amd64",
			want:    string(program(amd64, "next to nhctl")),
		},
		"the second one": {
			sources: Sources{Embedded: carried, Version: "v1"},
			arch:    "arm64",
			want:    string(program(arm64, "carried, too")),
		},
		"broken": {
			sources: Sources{Embedded: carried, Version: "v3", Toolchain: building{}},
			arch:    "arm64",
			failed:  "find sidecar-linux-arm64 in nhctl",
			code:    problem.Internal,
		},
		"half of it": {
			sources: Sources{Embedded: carried, Version: "v4", Toolchain: building{}},
			arch:    "arm64",
			failed:  "find sidecar-linux-arm64 in nhctl",
			code:    problem.Internal,
		},
		"not carried": {
			sources: Sources{Embedded: carried, Dirs: []string{t.TempDir(), nextTo}, Toolchain: building{}},
			arch:    "amd64",
			want:    string(program(amd64, "next to nhctl")),
		},
		"built": {
			sources: Sources{Embedded: carried, Dirs: []string{nextTo}, Toolchain: building{}},
			arch:    "arm64",
			want:    "built for arm64",
		},
		"not built": {
			sources: Sources{Toolchain: building{errors.New("no space left")}},
			arch:    "arm64",
			failed:  "no space left",
			code:    problem.Internal,
		},
		"nowhere": {
			sources: Sources{Embedded: carried, Dirs: []string{nextTo}},
			arch:    "arm64",
			failed:  "no sidecar for linux/arm64",
			code:    problem.NotFound,
		},
		"for no architecture that there is": {
			sources: Sources{Embedded: carried, Version: "v1", Toolchain: building{}},
			arch:    "s390x",
			failed:  "architecture, s390x",
			code:    problem.Refused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := tt.sources.Open(t.Context(), tt.arch)
			if tt.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tt.failed) || problem.From(err).Code != tt.code {
					t.Errorf("%v, want %q in it and code %s", err, tt.failed, tt.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(b)
			if string(got) != tt.want || b.Size != int64(len(tt.want)) || err != nil {
				t.Errorf("%q of %d bytes, %v; want %q", got, b.Size, err, tt.want)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	carried := fstest.MapFS{
		"embedded/sidecars-v1.tar.zst": packed(t, map[string][]byte{"sidecar-linux-arm64": program(arm64, "")}),
	}
	for name, tt := range map[string]struct {
		sources Sources
		found   bool
	}{
		"carried":                     {Sources{Embedded: carried, Version: "v1"}, true},
		"carried by an earlier build": {Sources{Embedded: carried, Version: "v2"}, false},
		"to be built":                 {Sources{Toolchain: building{}}, true},
		"next to nhctl": {
			Sources{Dirs: []string{folder(t, map[string][]byte{"sidecar-linux-amd64": program(amd64, "")})}},
			true,
		},
		"nowhere": {Sources{Dirs: []string{t.TempDir()}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.sources.Check()
			if (err == nil) != tt.found || err != nil && problem.From(err).Hint == "" {
				t.Errorf("%v, want found: %v, and else a next step", err, tt.found)
			}
		})
	}
}

// A binary that was built is gone once it was read.
func TestBuiltBinaryIsRemoved(t *testing.T) {
	t.Parallel()
	b, err := Sources{Toolchain: building{}}.Open(t.Context(), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	dir := string(b.ReadCloser.(closing).source.(removing))
	if _, err := os.Stat(filepath.Join(dir, Name("amd64"))); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there: %v", dir, err)
	}
}

func TestModuleDir(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ answer, want, failed string }{
		"downloaded": {`{"Path": "example.com/m", "Dir": "/go/pkg/mod/example.com/m@v1"}`,
			"/go/pkg/mod/example.com/m@v1", ""},
		"not found": {`{"Path": "example.com/m", "Error": "unknown revision v9"}`, "", "unknown revision v9"},
		"no answer": {"", "", "read where Go has the sources"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := moduleDir([]byte(tt.answer))
			if got != tt.want || (err == nil) != (tt.failed == "") ||
				err != nil && !strings.Contains(err.Error(), tt.failed) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestReleased(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"v0.1.0":                               true,
		"v0.1.1-0.20261129112506-562d0018a91a": true,
		"v0.1.1-0.20261129112506-562d0018a91a+dirty": false,
		"(devel)": false,
		"":        false,
	} {
		if got := released(version); got != want {
			t.Errorf("%q can be downloaded: %v, want %v", version, got, want)
		}
	}
}

// What is packed of a binary is read again, byte for byte, and as big as it is.
func TestPack(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat(program(amd64, "some text that is repeated"), 100_000)
	files := fstest.MapFS{
		"embedded/sidecars-v1.tar.zst": packed(t, map[string][]byte{"sidecar-linux-amd64": content}),
	}
	b, err := Sources{Embedded: files, Version: "v1"}.Open(t.Context(), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	got, err := io.ReadAll(b)
	if !bytes.Equal(got, content) || b.Size != int64(len(content)) || err != nil {
		t.Errorf("%d bytes, said to be %d, %v; want %d", len(got), b.Size, err, len(content))
	}
}
