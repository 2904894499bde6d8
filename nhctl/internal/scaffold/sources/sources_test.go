package sources

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// endless is a file system whose files have no end, and count what was read of them.
type endless struct {
	fs.FS
	read int
}

type endlessFile struct {
	fs.File
	of *endless
}

func (e *endless) Open(name string) (fs.File, error) {
	f, err := e.FS.Open(name)
	return endlessFile{f, e}, err
}

func (f endlessFile) Read(p []byte) (int, error) {
	f.of.read += len(p)
	clear(p)
	return len(p), nil
}

func TestReadsAreBounded(t *testing.T) {
	t.Parallel()
	e := &endless{FS: fstest.MapFS{"a": {}}}
	if got := Content(e, "a"); len(got) != Limit || e.read != Limit {
		t.Errorf("%d bytes, of %d that were read", len(got), e.read)
	}
}

// A pipe has no content until someone writes to it, and a folder has none at all.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	t.Parallel()
	folder := fstest.MapFS{
		"file":   {Data: []byte("20")},
		"pipe":   {Data: []byte("20"), Mode: fs.ModeNamedPipe},
		"device": {Data: []byte("20"), Mode: fs.ModeDevice},
		"dir/a":  {Data: []byte("20")},
	}
	if got := Content(folder, "file"); string(got) != "20" || !Has(folder, "file") {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"pipe", "device", "dir", "none", "../file", ""} {
		if got := Content(folder, name); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if Content(nil, "file") != nil || Has(nil, "file") {
		t.Error("no folder has files")
	}
}

func TestLinksOutOfTheFolder(t *testing.T) {
	t.Parallel()
	outside, inside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	for file, text := range map[string]string{secret: "s", filepath.Join(inside, "file"): "f"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"out": secret, "in": "file"} {
		if err := os.Symlink(to, filepath.Join(inside, link)); err != nil {
			t.Fatal(err)
		}
	}
	folder, closer, err := Open(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if got := Content(folder, "out"); got != nil {
		t.Errorf("out: %q", got)
	}
	if got := Content(folder, "in"); !bytes.Equal(got, []byte("f")) {
		t.Errorf("in: %q", got)
	}
}
