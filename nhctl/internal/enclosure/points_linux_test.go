package enclosure

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withPoints runs a shell's commands inside, where a file "hello" appears in each directory of the points, and each
// file of them has that text. The points have to be made.
func withPoints(t *testing.T, o Options, all ...Point) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o.Stdout, o.Stderr = w, w
	e := begin(t, o)
	dir, reasons, err := e.Mount(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if none := make([]string, len(all)); cmp.Diff(none, reasons) != "" {
		t.Fatalf("%q", reasons)
	}
	for i, p := range all {
		name := filepath.Join(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), strconv.Itoa(i))
		if !p.File {
			name = filepath.Join(name, "hello")
		}
		if err := os.WriteFile(name, []byte(p.Path+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Command(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := e.Wait(); err != nil {
		t.Fatal(err)
	}
	e.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Points appear where the computer has nothing, also at the root, and where it has something. All else stays in view,
// and the computer gets nothing of it.
func TestPoints(t *testing.T) {
	there := t.TempDir()
	for name, text := range map[string]string{"own": "own\n", "covered/own": "covered\n", "file": "file\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(there, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(there, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("covered", filepath.Join(there, "link")); err != nil {
		t.Fatal(err)
	}
	all := []Point{
		{Path: "/nhctl-test-config"}, {Path: "/nhctl-test-more/deep/er"}, {Path: "/nhctl-test-file", File: true},
		{Path: "/etc/nhctl-test/web"}, {Path: "/etc/nhctl-test/keys"}, {Path: "/etc/nhctl-test.conf", File: true},
		{Path: "/var/run/secrets/nhctl-test"}, {Path: there + "/new/sub"}, {Path: there + "/covered"},
		{Path: there + "/file", File: true},
	}
	root, err := os.ReadDir("/")
	if err != nil {
		t.Fatal(err)
	}
	script := `for p in ` + there + `/covered; do cat $p/hello; done
cat /nhctl-test-config/hello /nhctl-test-more/deep/er/hello /nhctl-test-file /etc/nhctl-test/web/hello \
  /etc/nhctl-test/keys/hello /etc/nhctl-test.conf /var/run/secrets/nhctl-test/hello new/sub/hello file
cat own link/hello; ls covered; cat /etc/resolv.conf; pwd
for d in /nhctl-test-config covered /nhctl-test-more/deep/er; do
  touch $d/mine 2> /dev/null && echo "$d can be written"
done
ls / | wc -l; ls -d /mnt/* /tmp/* /run/* /var/* 2> /dev/null | grep extended`
	o := options(t, script)
	o.Dir = there
	got := withPoints(t, o, all...)
	var want strings.Builder
	fmt.Fprintln(&want, there+"/covered")
	for i, p := range all {
		if i != 8 {
			fmt.Fprintln(&want, p.Path)
		}
	}
	fmt.Fprintf(&want, "own\n%s\nhello\nnameserver 192.0.0.1\n%s\n%d\n", there+"/covered", there,
		len(root)+3-hiddenIn(root))
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, name := range []string{
		"/nhctl-test-config", "/etc/nhctl-test", "/var/run/secrets/nhctl-test", there + "/new",
		there + "/covered/hello",
	} {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("the computer has got %s", name)
		}
	}
}

// hiddenIn counts what ls does not show.
func hiddenIn(entries []os.DirEntry) (n int) {
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			n++
		}
	}
	return n
}

// Points that can't be made say why, and don't keep others from being made.
func TestImpossiblePoints(t *testing.T) {
	there := t.TempDir()
	if err := os.WriteFile(filepath.Join(there, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(there, "lost")); err != nil {
		t.Fatal(err)
	}
	e := begin(t, options(t, "true"))
	all := []Point{
		{Path: "/"}, {Path: "relative"}, {Path: there + "/../x"}, {Path: there + "/file"}, {Path: there, File: true},
		{Path: there + "/file/below"}, {Path: there + "/lost"}, {Path: there + "/good"},
	}
	dir, reasons, err := e.Mount(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for i, p := range all {
		if made := reasons[i] == ""; made != (p.Path == there+"/good") {
			t.Errorf("%s: %q", p.Path, reasons[i])
		}
	}
}

// A new directory at the root leaves everything else there, whichever directory is used while it is made.
func TestPointAtRoot(t *testing.T) {
	there := t.TempDir()
	if err := os.WriteFile(filepath.Join(there, "own"), []byte("own\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const script = `cat own /nhctl-test-config/hello; stat -c "%n %d %i" /tmp /run /mnt /var`
	o := options(t, script)
	o.Dir = there
	outside := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(script, "/nhctl-test-config/hello", "", 1))
	outside.Dir = there
	want, err := outside.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	got := withPoints(t, o, Point{Path: "/nhctl-test-config"})
	if diff := cmp.Diff(string(want), strings.Replace(got, "/nhctl-test-config\n", "", 1)); diff != "" {
		t.Errorf("-outside +inside:\n%s", diff)
	}
}
