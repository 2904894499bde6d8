package fill

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/db/backend"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/frame"
)

// said is a stream of a far end that does not listen.
type said struct{ io.Reader }

func (said) Write(p []byte) (int, error) { return len(p), nil }

// sent is what a peer would, whatever it has.
func sent(t testing.TB, each ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	chunks := newChunkWriter(&b)
	w := &itemWriter{to: chunks}
	var err error
	for _, p := range each {
		if err == nil {
			err = w.file(p)
		}
	}
	for _, do := range []func() error{w.whole, func() error { return w.end(7) }, chunks.Flush} {
		if err == nil {
			err = do()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fileItem(name, content string) item {
	return item{protocol.FileInfo{Name: name, Size: int64(len(content)), Permissions: 0o644}, []byte(content)}
}

func linkItem(name, target string) item {
	return item{Info: protocol.FileInfo{Name: name, Type: protocol.FileInfoTypeSymlink, SymlinkTarget: []byte(target)}}
}

// filledWith fills an empty folder, and returns what is in it, and next to it. Its index is in memory: what comes is
// what is tested.
func filledWith(t testing.TB, stream []byte) (there map[string]string, err error) {
	t.Helper()
	outer := memoryDir(t)
	target := Target{
		Root:     filepath.Join(outer, "root"),
		Index:    filepath.Join(outer, "state", "index"),
		FolderID: "f",
		Joined:   func() error { return nil },
	}
	for _, dir := range []string{target.Root, filepath.Dir(target.Index), target.coming()} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r, err := newReceiver(target, backend.OpenMemory())
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	err = r.receive(context.Background(), said{bytes.NewReader(stream)})
	for _, dir := range []string{filepath.Dir(target.Index), filepath.Join(target.Root, stagingDir)} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	return list(t, outer), err
}

// list describes what is in a directory, but for temporary files: a file's content, a link's target, and "folder".
func list(t testing.TB, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		text := []byte("folder")
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			all[rel] = target
			return err
		case !d.IsDir():
			if text, err = os.ReadFile(path); err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
		}
		all[rel] = string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// memoryDir is a temporary directory, in memory where there is a place for that: a fuzzer makes thousands.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "nhctl-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestFillFromAHostilePeer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stream []byte

		fails string
	}{
		"a path that goes up": {stream: sent(t, fileItem("../x", "x")), fails: `the name "../x"`},
		"an absolute path":    {stream: sent(t, fileItem("/x", "x")), fails: `the name "/x"`},
		"a path to itself":    {stream: sent(t, fileItem("a/../b", "x")), fails: `the name "a/../b"`},
		"a file below a link": {stream: sent(t, linkItem("l", ".."), fileItem("l/x", "x"))},
		"less than its size":  {stream: sent(t, item{protocol.FileInfo{Name: "x", Size: 9}, []byte("x")})},
		"a negative size": {stream: sent(t,
			item{Info: protocol.FileInfo{Name: "x", Size: -1}}), fails: "an entry of -1 bytes"},
		"an engine's own name": {stream: sent(t, fileItem(folderfs.Marker, "x"))},
		"a long frame":         {stream: chunked([]byte{frameFile, 0xff, 0xff, 0xff, 0xff}), fails: "the limit is"},
		"a long entry": {stream: chunked(frame.Append(nil, frameFile, []byte{0, 0, 0, 9, 1})),
			fails: "an entry of 9 bytes, in 1"},
		"no entry": {stream: chunked(frame.Append(nil, frameFile, []byte{0, 0, 0, 1, 1})),
			fails: "an entry: proto"},
		"no frame of a fill": {stream: chunked(frame.Append(nil, 99, nil)), fails: "a frame of kind 99"},
		"a long chunk":       {stream: []byte{0x7f, 0xff, 0xff, 0xff}, fails: "a chunk of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there, err := filledWith(t, tt.stream)
			if tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
				t.Errorf("%v, want %q", err, tt.fails)
			}
			for name := range there {
				if name != "root" && name != "root/" && !strings.HasPrefix(name, "root/l") {
					t.Errorf("%s was made", name)
				}
			}
		})
	}
}

// chunked is one chunk.
func chunked(data []byte) []byte { return append([]byte{0, 0, 0, byte(len(data))}, data...) }

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		says  []byte
		want  answer
		fails string
	}{
		"what is left": {says: frame.Append(nil, frameAnswer, []byte(`{"Left":3}`)), want: answer{Left: 3}},
		"an error": {says: frame.Append(nil, frameAnswer,
			[]byte(`{"Error":"full"}`)), want: answer{Error: "full"}},
		"less than nothing": {says: frame.Append(nil, frameAnswer,
			[]byte(`{"Left":-3}`)), fails: "less than nothing"},
		"no JSON":             {says: frame.Append(nil, frameAnswer, []byte(`{`)), fails: "JSON"},
		"another frame":       {says: frame.Append(nil, frameEnd, nil), fails: "kind 4"},
		"more than is read":   {says: []byte{frameAnswer, 0, 1, 0, 1}, fails: "the limit is"},
		"the end of a stream": {says: nil, fails: "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, err := readAnswer(bytes.NewReader(tt.says))
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Fatalf("%v, want %q", err, tt.fails)
			}
			if diff := cmp.Diff(tt.want, answer); diff != "" && err == nil {
				t.Error(diff)
			}
		})
	}
}

func FuzzFill(f *testing.F) {
	f.Add(sent(f, fileItem("a", "x")))
	f.Add(sent(f, item{Info: protocol.FileInfo{Name: "d", Type: protocol.FileInfoTypeDirectory}},
		linkItem("d/l", "../../x"), fileItem("d/l/x", "x")))
	f.Fuzz(func(t *testing.T, stream []byte) {
		there, _ := filledWith(t, stream)
		for name := range there {
			if !strings.HasPrefix(name, "root") {
				t.Errorf("%s was made", name)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(frame.Append(nil, frameAnswer, []byte(`{"Left":3}`)))
	f.Fuzz(func(_ *testing.T, says []byte) { _, _ = readAnswer(bytes.NewReader(says)) })
}
