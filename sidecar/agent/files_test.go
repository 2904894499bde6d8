package agent

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// volume has the directory of a volume be one version, as the kubelet does.
func volume(t *testing.T, dir, version string, keys map[string]string) {
	t.Helper()
	named := filepath.Join(dir, "..v"+version)
	if err := os.MkdirAll(named, 0o755); err != nil {
		t.Fatal(err)
	}
	for key, text := range keys {
		if err := os.WriteFile(filepath.Join(named, key), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		err := os.Symlink("..data/"+key, filepath.Join(dir, key))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "..data")
	before, _ := os.Readlink(data)
	if err := errors.Join(os.Symlink("..v"+version, data+"_tmp"), os.Rename(data+"_tmp", data)); err != nil {
		t.Fatal(err)
	}
	if before != "" {
		if err := os.RemoveAll(filepath.Join(dir, before)); err != nil {
			t.Fatal(err)
		}
	}
}

func nextUpdate(t *testing.T, stream net.Conn) map[string]request.Tree {
	t.Helper()
	update, err := request.ReadFiles(stream)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]request.Tree{}
	for _, tree := range update.Trees {
		all[tree.Path] = tree
	}
	return all
}

// All files come at first, and then the volume that has changed.
func TestFiles(t *testing.T) {
	t.Parallel()
	var root string
	prepared := func(a *Agent) {
		root = a.root
		a.config.Files = []string{"/etc/web", "/one.conf", "/keys", "/nowhere"}
		volume(t, filepath.Join(root, "etc/web"), "1", map[string]string{"color": "blue"})
		volume(t, filepath.Join(root, "keys"), "1", map[string]string{"key": "secret"})
		if err := os.WriteFile(filepath.Join(root, "one.conf"), []byte("one"), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	c := serve(t, prepared)
	stream, err := c.Open(t.Context(), wire.KindFiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	first := nextUpdate(t, stream)
	dir := func(p string) request.Entry { return request.Entry{Path: p, Mode: fs.ModeDir | 0o755} }
	link := func(p, to string) request.Entry {
		return request.Entry{Path: p, Mode: fs.ModeSymlink | 0o777, Target: to}
	}
	web := func(version, color string) request.Tree {
		return request.Tree{Path: "/etc/web", Entries: []request.Entry{
			dir("."), link("..data", "..v"+version), dir("..v" + version),
			{Path: "..v" + version + "/color", Mode: 0o640, Data: []byte(color)}, link("color", "..data/color"),
		}}
	}
	one := request.Tree{Path: "/one.conf", Entries: []request.Entry{{Path: ".", Mode: 0o444, Data: []byte("one")}}}
	if diff := cmp.Diff(web("1", "blue"), first["/etc/web"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(one, first["/one.conf"]); diff != "" || len(first) != 3 {
		t.Errorf("%d trees %s", len(first), diff)
	}
	volume(t, filepath.Join(root, "etc/web"), "2", map[string]string{"color": "red"})
	for {
		second := nextUpdate(t, stream)
		if _, changed := second["/keys"]; changed {
			t.Error("what has not changed is told again")
		}
		if cmp.Diff(web("2", "red"), second["/etc/web"]) == "" {
			break // it may have been told in the middle, too
		}
	}
}

// What is too much, or can't be read, is told as a problem; nothing is read that no one has asked for.
func TestFilesHaveLimits(t *testing.T) {
	t.Parallel()
	c := serve(t, func(a *Agent) {
		a.config.Files = []string{"/large", "/many"}
		large := make([]byte, request.MaxContent+1)
		if err := os.WriteFile(filepath.Join(a.root, "large"), large, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(a.root, "other"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		many := filepath.Join(a.root, "many")
		if err := os.Mkdir(many, 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range request.MaxEntries {
			if err := os.Symlink("x", filepath.Join(many, strconv.Itoa(i))); err != nil {
				t.Fatal(err)
			}
		}
	})
	stream, err := c.Open(t.Context(), wire.KindFiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	got := nextUpdate(t, stream)
	if len(got) != 2 || !strings.Contains(got["/large"].Problem, "bytes") || got["/large"].Entries != nil ||
		!strings.Contains(got["/many"].Problem, "entries") {
		t.Errorf("%d trees: %q, %q", len(got), got["/large"].Problem, got["/many"].Problem)
	}
}

// Without any files there is one update, of none.
func TestNoFiles(t *testing.T) {
	t.Parallel()
	c := serve(t)
	stream, err := c.Open(t.Context(), wire.KindFiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if got := nextUpdate(t, stream); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
