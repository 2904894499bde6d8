package carry

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// over copies by a pipe that breaks after so many bytes were told of; 0 for never.
func over(from, to string, limit int64) (sent, received Done, sendErr, receiveErr error) {
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer b.Close()
		received, receiveErr = Receive(b, to, Terms{}, func(n, _ int64) {
			if limit > 0 && n >= limit {
				b.Close()
			}
		})
	}()
	sent, sendErr = Send(a, from, func(int64, int64) {})
	a.Close()
	<-done
	return sent, received, sendErr, receiveErr
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 123456789, time.UTC)

// plant makes files of their contents; a name that ends with a slash is a folder, a content that begins with -> a link.
func plant(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch target, link := strings.CutPrefix(content, "->"); {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			err = os.Symlink(target, path)
		default:
			err = os.WriteFile(path, []byte(content), 0o640)
		}
		if err == nil && !strings.HasPrefix(content, "->") {
			err = os.Chtimes(path, noon, noon)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// harvest is plant's inverse.
func harvest(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir():
			files[name+"/"] = ""
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			files[name] = "->" + target
			return err
		default:
			data, err := os.ReadFile(path)
			files[name] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWhereThingsGo(t *testing.T) {
	t.Parallel()
	source := map[string]string{"tree/": "", "tree/a.txt": "a", "tree/sub/": "", "tree/sub/b.txt": "b",
		"tree/link": "->sub/b.txt", "tree/out": "->../../etc"}
	tree := map[string]string{"a.txt": "a", "sub/": "", "sub/b.txt": "b", "link": "->sub/b.txt"}
	under := func(dir string, files map[string]string) map[string]string {
		all := map[string]string{dir + "/": ""}
		for name, content := range files {
			all[dir+"/"+name] = content
		}
		return all
	}
	for name, tt := range map[string]struct {
		from, to string
		there    map[string]string
		want     map[string]string
		fails    string
	}{
		"a file, by a new name": {from: "tree/a.txt", to: "new.txt", want: map[string]string{"new.txt": "a"}},
		"a file, into a folder": {
			from:  "tree/a.txt",
			to:    "in",
			there: map[string]string{"in/": ""},
			want:  map[string]string{"in/": "", "in/a.txt": "a"},
		},
		"a file, over another": {
			from:  "tree/a.txt",
			to:    "old.txt",
			there: map[string]string{"old.txt": "old"},
			want:  map[string]string{"old.txt": "a"},
		},
		"a folder, by a new name":   {from: "tree", to: "new", want: under("new", tree)},
		"a folder's contents":       {from: "tree/.", to: ".", want: tree},
		"contents, to a new folder": {from: "tree/.", to: "new", want: under("new", tree)},
		"a file where a folder is": {
			from:  "tree/a.txt",
			to:    ".",
			there: map[string]string{"a.txt/": ""},
			want:  map[string]string{"a.txt/": ""},
			fails: "a file would take its place",
		},
		"a folder where a file is": {
			from:  "tree",
			to:    ".",
			there: map[string]string{"tree": "x"},
			want:  map[string]string{"tree": "x"},
			fails: "a folder would take its place",
		},
		"through a link that leads out": {
			from:  "tree/.",
			to:    ".",
			there: map[string]string{"sub": "->/tmp"},
			want:  map[string]string{"sub": "->/tmp"},
			fails: "is a link",
		},
		"into a folder that is not there": {
			from:  "tree/a.txt",
			to:    "no/such/folder",
			want:  map[string]string{},
			fails: "no such file",
		},
		"what is not there": {from: "nothing", to: ".", want: map[string]string{}, fails: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := t.TempDir(), t.TempDir()
			plant(t, here, source)
			plant(t, there, tt.there)
			from := here + "/" + tt.from // filepath.Join would lose the dot
			sent, received, sendErr, receiveErr := over(from, filepath.Join(there, tt.to), 0)
			if tt.fails == "" && (sendErr != nil || receiveErr != nil) {
				t.Fatalf("%v, %v", sendErr, receiveErr)
			}
			for _, err := range []error{sendErr, receiveErr} {
				if tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
					t.Errorf("%v, want %q", err, tt.fails)
				}
			}
			if diff := cmp.Diff(tt.want, harvest(t, there)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(received, sent); diff != "" && tt.fails == "" {
				t.Error(diff)
			}
		})
	}
}

// A copy that was cut off goes on where it was; what is in place is not sent again; modes and times are the source's.
func TestResume(t *testing.T) {
	t.Parallel()
	here, there := t.TempDir(), t.TempDir()
	big := strings.Repeat("0123456789abcdef", 1<<18)
	plant(t, here, map[string]string{"tree/first.txt": "1", "tree/big": big, "tree/last.txt": "2"})
	if err := os.Chmod(filepath.Join(here, "tree/big"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, sendErr, receiveErr := over(filepath.Join(here, "tree"), there, 3<<20); sendErr == nil ||
		receiveErr == nil {
		t.Fatalf("the pipe did not break: %v, %v", sendErr, receiveErr)
	}
	sent, _, sendErr, receiveErr := over(filepath.Join(here, "tree"), there, 0)
	if err := errors.Join(sendErr, receiveErr); err != nil {
		t.Fatal(err)
	}
	if sent.Bytes > 2<<20 || sent.Files == 0 {
		t.Errorf("the second time, %+v was sent of %d bytes", sent, len(big))
	}
	want := map[string]string{"tree/": "", "tree/first.txt": "1", "tree/big": big, "tree/last.txt": "2"}
	if diff := cmp.Diff(want, harvest(t, there)); diff != "" {
		t.Error("the files differ")
	}
	info, err := os.Stat(filepath.Join(there, "tree/big"))
	if err != nil || info.Mode() != 0o755 || !info.ModTime().Equal(noon) {
		t.Errorf("%v, %v, %v", info.Mode(), info.ModTime(), err)
	}
	sent, _, sendErr, receiveErr = over(filepath.Join(here, "tree"), there, 0)
	if diff := cmp.Diff(Done{Same: 3}, sent); diff != "" || sendErr != nil || receiveErr != nil {
		t.Errorf("the third time: %s %v, %v", diff, sendErr, receiveErr)
	}
}
