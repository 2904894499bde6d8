package podfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/sidecar/agent/request"
)

// volume is a tree as the kubelet makes it: a directory with a name of its own, a link to it, and a link for each key.
func volume(path, version string, keys map[string]string) request.Tree {
	dir := "..2026_" + version
	t := request.Tree{Path: path, Entries: []request.Entry{
		{Path: ".", Mode: fs.ModeDir | 0o777},
		{Path: dir, Mode: fs.ModeDir | 0o755},
		{Path: "..data", Mode: fs.ModeSymlink | 0o777, Target: dir},
	}}
	var names []string
	for k := range keys {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		t.Entries = append(t.Entries,
			request.Entry{Path: dir + "/" + k, Mode: 0o440, Data: []byte(keys[k])},
			request.Entry{Path: k, Mode: fs.ModeSymlink | 0o777, Target: "..data/" + k})
	}
	return t
}

// look lists what a directory has.
func look(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		if target, err := os.Readlink(name); err == nil {
			text += " to " + target
		} else if !d.IsDir() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += " " + string(data)
		}
		all[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A directory is as its entries say, whatever it was before, with their modes; links keep leading somewhere.
func TestPut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	first := volume("/etc/web", "1", map[string]string{"a": "one", "b": "two"})
	for range 2 { // the same once more changes nothing
		if err := put(root, first.Entries); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			".": "drwxrwxrwx", "..2026_1": "drwxr-xr-x", "..data": "Lrwxrwxrwx to ..2026_1",
			"..2026_1/a": "-r--r----- one", "..2026_1/b": "-r--r----- two",
			"a": "Lrwxrwxrwx to ..data/a", "b": "Lrwxrwxrwx to ..data/b",
		}
		if diff := cmp.Diff(want, look(t, dir)); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
	}
	if err := put(root, volume("/etc/web", "2", map[string]string{"b": "three", "c": ""}).Entries); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".": "drwxrwxrwx", "..2026_2": "drwxr-xr-x", "..data": "Lrwxrwxrwx to ..2026_2",
		"..2026_2/b": "-r--r----- three", "..2026_2/c": "-r--r----- ",
		"b": "Lrwxrwxrwx to ..data/b", "c": "Lrwxrwxrwx to ..data/c",
	}
	if diff := cmp.Diff(want, look(t, dir)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// Types change, and modes forbid changes.
	closed := []request.Entry{
		{Path: ".", Mode: fs.ModeDir | 0o555}, {Path: "b", Mode: fs.ModeDir | 0o500},
		{Path: "b/in", Mode: 0o400, Data: []byte("in")}, {Path: "c", Mode: 0o600}, {Path: "..data", Mode: 0o600},
	}
	for range 2 {
		if err := put(root, closed); err != nil {
			t.Fatal(err)
		}
	}
	want = map[string]string{
		".": "dr-xr-xr-x", "b": "dr-x------", "b/in": "-r-------- in", "c": "-rw------- ", "..data": "-rw------- ",
	}
	if diff := cmp.Diff(want, look(t, dir)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := put(root, []request.Entry{{Path: ".", Mode: fs.ModeDir | 0o700}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{".": "drwx------"}, look(t, dir)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Whoever reads through the links while they change sees one version or the other, and never none or a mixture.
func TestVersionsChangeAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	version := func(n int) []request.Entry {
		text := strconv.Itoa(n)
		return volume("/etc/web", text, map[string]string{"a": text, "b": text}).Entries
	}
	if err := put(root, version(0)); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			// A program that wants both of one version opens the directory behind the link first.
			link := filepath.Join(dir, "..data")
			data, err := os.OpenRoot(link)
			if errors.Is(err, fs.ErrNotExist) {
				// As with the kubelet, a version may go between the look at the link and the one behind it.
				if _, err = os.Readlink(link); err == nil {
					continue
				}
			}
			if err != nil {
				t.Errorf("no version at all: %v", err)
				return
			}
			a, errA := data.ReadFile("a")
			b, errB := data.ReadFile("b")
			data.Close()
			if errors.Join(errA, errB) == nil && string(a) != string(b) {
				t.Errorf("%q and %q", a, b)
			}
		}
	})
	for n := range 100 {
		if err := put(root, version(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	reading.Wait()
}

// pod is what files come from.
type pod struct {
	updates chan request.Files
	broken  chan struct{}
}

func (p pod) watch(ctx context.Context, update func(request.Files) error) error {
	for {
		select {
		case u := <-p.updates:
			if err := update(u); err != nil {
				return err
			}
		case <-p.broken:
			return errors.New("the stream is broken")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mounted has points be directories of this computer.
func mounted(dir string, reasons ...string) func(context.Context, []enclosure.Point) (*os.File, []string, error) {
	return func(_ context.Context, points []enclosure.Point) (*os.File, []string, error) {
		for i, p := range points {
			name := filepath.Join(dir, strconv.Itoa(i))
			var err error
			if p.File {
				err = os.WriteFile(name, nil, 0o600)
			} else {
				err = os.Mkdir(name, 0o700)
			}
			if err != nil {
				return nil, nil, err
			}
		}
		file, err := os.Open(dir)
		return file, reasons, err
	}
}

// Files are there at the beginning, change with the pod's, also over a broken stream, and what does not appear is told.
func TestBegin(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), pod{make(chan request.Files), make(chan struct{})}
	var notices []string
	o := Options{
		Watch: p.watch,
		Mount: mounted(dir, "", "", "it can't be"),
		Refuse: func(at string) (string, bool) {
			if at == "/usr/app" {
				return "it is the computer's", false
			}
			return "", at == "/skipped"
		},
		Notice: func(text string) { notices = append(notices, text) },
	}
	file := request.Tree{Path: "/one.conf", Entries: []request.Entry{{Path: ".", Mode: 0o444, Data: []byte("one")}}}
	go func() {
		p.updates <- request.Files{Trees: []request.Tree{
			volume("/etc/web", "1", map[string]string{"a": "one"}), file, volume("/usr/app", "1", nil),
			volume("/skipped", "1", nil), volume("/impossible", "1", nil), {Path: "/large", Problem: "it is too large"},
		}}
	}()
	end, err := Begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	got := look(t, dir)
	if got["0/..2026_1/a"] != "-r--r----- one" || got["1"] != "-r--r--r-- one" {
		t.Errorf("%v", got)
	}
	p.broken <- struct{}{}
	p.updates <- request.Files{Trees: []request.Tree{
		volume("/etc/web", "2", map[string]string{"a": "two"}), volume("/new", "1", nil), volume("/usr/app", "2", nil),
	}}
	p.updates <- request.Files{Trees: []request.Tree{{Path: "/etc/web", Problem: "it is too large"}}}
	p.updates <- request.Files{Trees: []request.Tree{{Path: "/etc/web", Problem: "it is too large"}}}
	end()
	if got := look(t, filepath.Join(dir, "0")); got["..data"] != "Lrwxrwxrwx to ..2026_2" || len(got) != 5 {
		t.Errorf("%v", got)
	}
	want := []string{"/usr/app are left out: it is the computer's", "/large are left out: it is too large",
		"/impossible are left out: it can't be", "/etc/web are not as in the pod: it is too large"}
	if len(notices) != len(want) {
		t.Fatalf("%q", notices)
	}
	for i, text := range want {
		if !strings.Contains(notices[i], text) {
			t.Errorf("notice %q, want %q", notices[i], text)
		}
	}
}

// Without files there is nothing to wait for; without a pod, the command does not start.
func TestBeginFails(t *testing.T) {
	t.Parallel()
	o := Options{
		Watch: func(context.Context, func(request.Files) error) error { return errors.New("no gateway") },
	}
	if _, err := Begin(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no gateway") {
		t.Errorf("without a gateway: %v", err)
	}
	p := pod{make(chan request.Files), nil}
	o = Options{Watch: p.watch, Refuse: func(string) (string, bool) { return "", false }}
	go func() { p.updates <- request.Files{} }()
	end, err := Begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	end()
	o.Mount = func(context.Context, []enclosure.Point) (*os.File, []string, error) {
		return nil, nil, errors.New("no memory")
	}
	go func() { p.updates <- request.Files{Trees: []request.Tree{volume("/a", "1", nil)}} }()
	if _, err := Begin(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("without a mount: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Begin(ctx, o); err == nil {
		t.Error("a start that was ended has succeeded")
	}
}

// Files of a pod never take the place of what runs on this computer, nor of the user's own.
func TestRefuse(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	if err := os.WriteFile(filepath.Join(there, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := Computer{Home: "/data/ada", Dir: "/work/shop/web", Path: []string{"/opt/tools/bin", "", "relative"}}
	for at, refused := range map[string]bool{
		"/var/run/secrets/kubernetes.io/serviceaccount": false,
		"/etc/nhctl-test/web":                           false,
		"/nhctl-test":                                   false,
		"/work/config":                                  false,
		"/opt/nhctl-test":                               false,
		there:                                           false,
		"/usr/lib/python3/dist-packages/x":              true,
		"/bin":                                          true,
		"/lib64/x":                                      true,
		"/home/bob/.ssh":                                true,
		"/data/ada/.config/x":                           true,
		"/data":                                         true,
		"/work/shop":                                    true,
		"/work/shop/web/.git/hooks":                     true,
		"/opt/tools/bin/x":                              true,
		"/opt/tools":                                    true,
		"/etc":                                          true,
		"/etc/passwd":                                   true,
		"/etc/ld.so.preload":                            true,
		"/etc/profile.d/x":                              true,
		"/var/lib":                                      true,
		"/var":                                          true,
		"/proc/x":                                       true,
	} {
		if reason := c.Refuse(at); (reason != "") != refused {
			t.Errorf("%s: %q", at, reason)
		}
	}
	if reason := (Computer{Home: "/", Dir: "/"}).Refuse("/nhctl-test/x"); reason != "" {
		t.Errorf("a computer whose home is the root: %s", reason)
	}
	if fmt.Sprint(Computer{}.Refuse("/nhctl-test/x")) != "" {
		t.Error("a computer of which nothing is known")
	}
}
