package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	released = time.Unix(1_777_777_776, 0).UTC()
	files    = []File{
		{Name: "nhctl", Mode: 0o755, Data: []byte("program")},
		{Name: "LICENSE", Mode: 0o644, Data: []byte("license")},
		{Name: "man/nhctl.1", Mode: 0o644, Data: []byte("page")},
	}
)

// entry is what a user finds in an archive.
type entry struct {
	Name, Data string
	Mode       int64
	Modified   time.Time
	Owner      string
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTarGz(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := TarGz(&b, files, released); err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var got []entry
	for in := tar.NewReader(unzipped); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry{h.Name, read(t, in), h.Mode, h.ModTime.UTC(), h.Uname + ":" + h.Gname})
	}
	want := []entry{
		{"LICENSE", "license", 0o644, released, "root:root"},
		{"man/nhctl.1", "page", 0o644, released, "root:root"},
		{"nhctl", "program", 0o755, released, "root:root"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestZip(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Zip(&b, files, released); err != nil {
		t.Fatal(err)
	}
	in, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var got []entry
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry{Name: f.Name, Data: read(t, r), Mode: int64(f.Mode()), Modified: f.Modified.UTC()})
	}
	want := []entry{
		{Name: "LICENSE", Data: "license", Mode: 0o644, Modified: released},
		{Name: "man/nhctl.1", Data: "page", Mode: 0o644, Modified: released},
		{Name: "nhctl", Data: "program", Mode: 0o755, Modified: released},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// The order in which files come doesn't matter; a name that comes twice is refused.
func TestSameFilesSameBytes(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(io.Writer, []File, time.Time) error{"tar": TarGz, "zip": Zip} {
		var first, second bytes.Buffer
		backwards := slices.Clone(files)
		slices.Reverse(backwards)
		if err := write(&first, files, released); err != nil {
			t.Fatal(err)
		}
		if err := write(&second, backwards, released.Local()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: the same files make different archives", name)
		}
		if err := write(io.Discard, append(backwards, files[0]), released); err == nil {
			t.Errorf("%s takes a name twice", name)
		}
	}
}
