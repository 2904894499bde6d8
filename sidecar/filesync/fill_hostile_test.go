package filesync

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// said is a stream of a far end that does not listen.
type said struct{ io.Reader }

func (said) Write(p []byte) (int, error) { return len(p), nil }
func (said) Close() error                { return nil }

// pour writes what a peer would, whatever it has.
func pour(t testing.TB, each ...poured) []byte {
	t.Helper()
	var b bytes.Buffer
	chunks := newChunkWriter(&b)
	w := &pourWriter{to: chunks}
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

func pouredFile(name, content string) poured {
	return poured{protocol.FileInfo{Name: name, Size: int64(len(content)), Permissions: 0o644}, []byte(content)}
}

func pouredLink(name, target string) poured {
	return poured{Info: protocol.FileInfo{Name: name, Type: protocol.FileInfoTypeSymlink, SymlinkTarget: []byte(target)}}
}

// filledWith fills an empty folder, and returns what is in it, and next to it.
func filledWith(t testing.TB, stream []byte) (there map[string]string, err error) {
	t.Helper()
	outer := t.TempDir()
	root := filepath.Join(outer, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	c := Config{FolderID: "f", Root: root, StateDir: filepath.Join(outer, "state"), Side: Remote, Settings: Settings{Type: SendReceive}, Logger: slog.New(slog.DiscardHandler)}
	err = Fill(context.Background(), c, said{bytes.NewReader(stream)}, "i1")
	if err := os.RemoveAll(c.StateDir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, stagingDir)); err != nil {
		t.Fatal(err)
	}
	return list(t, outer), err
}

func TestFillFromAHostilePeer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stream []byte

		fails string
	}{
		"a path that goes up":  {stream: pour(t, pouredFile("../x", "x")), fails: `the name "../x"`},
		"an absolute path":     {stream: pour(t, pouredFile("/x", "x")), fails: `the name "/x"`},
		"a path to itself":     {stream: pour(t, pouredFile("a/../b", "x")), fails: `the name "a/../b"`},
		"a file below a link":  {stream: pour(t, pouredLink("l", ".."), pouredFile("l/x", "x"))},
		"less than its size":   {stream: pour(t, poured{protocol.FileInfo{Name: "x", Size: 9}, []byte("x")})},
		"a negative size":      {stream: pour(t, poured{Info: protocol.FileInfo{Name: "x", Size: -1}}), fails: "an entry of -1 bytes"},
		"an engine's own name": {stream: pour(t, pouredFile(marker, "x"))},
		"a long frame":         {stream: chunked([]byte{fillFile, 0xff, 0xff, 0xff, 0xff}), fails: "the limit is"},
		"a long entry":         {stream: chunked(frame.Append(nil, fillFile, []byte{0, 0, 0, 9, 1})), fails: "an entry of 9 bytes, in 1"},
		"no entry":             {stream: chunked(frame.Append(nil, fillFile, []byte{0, 0, 0, 1, 1})), fails: "an entry: proto"},
		"no frame of a fill":   {stream: chunked(frame.Append(nil, 99, nil)), fails: "a frame of kind 99"},
		"a long chunk":         {stream: []byte{0x7f, 0xff, 0xff, 0xff}, fails: "a chunk of"},
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
		want  filled
		fails string
	}{
		"what is left":        {says: frame.Append(nil, fillAnswer, []byte(`{"Left":3}`)), want: filled{Left: 3}},
		"an error":            {says: frame.Append(nil, fillAnswer, []byte(`{"Error":"full"}`)), want: filled{Error: "full"}},
		"less than nothing":   {says: frame.Append(nil, fillAnswer, []byte(`{"Left":-3}`)), fails: "less than nothing"},
		"no JSON":             {says: frame.Append(nil, fillAnswer, []byte(`{`)), fails: "JSON"},
		"another frame":       {says: frame.Append(nil, fillEnd, nil), fails: "kind 4"},
		"more than is read":   {says: []byte{fillAnswer, 0, 1, 0, 1}, fails: "the limit is"},
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
	f.Add(pour(f, pouredFile("a", "x")))
	f.Add(pour(f, poured{Info: protocol.FileInfo{Name: "d", Type: protocol.FileInfoTypeDirectory}}, pouredLink("d/l", "../../x"), pouredFile("d/l/x", "x")))
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
	f.Add(frame.Append(nil, fillAnswer, []byte(`{"Left":3}`)))
	f.Fuzz(func(_ *testing.T, says []byte) { _, _ = readAnswer(bytes.NewReader(says)) })
}

func FuzzFramed(f *testing.F) {
	f.Add(frame.Append(frame.Append(nil, frameBlock, []byte("x")), frameModel, message("\x08\x01", "y")))
	f.Add([]byte{frameBlock, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		framed := newFramed(said{bytes.NewReader(stream)})
		_, _ = io.Copy(io.Discard, framed)
		if framed.size < 0 || framed.size > aheadBatch+aheadFile {
			t.Errorf("%d bytes are kept", framed.size)
		}
	})
}
