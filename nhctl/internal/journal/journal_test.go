package journal

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/sharedfile"
)

// childDir is the variable by which a test calls its own program for a process that changes files of a directory.
const childDir = "NHCTL_TEST_JOURNAL"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := change(dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("changed")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func change(dir string) error {
	j, err := Open(filepath.Join(dir, "journal"))
	if err != nil {
		return err
	}
	for _, file := range []string{"hosts", "resolv.conf"} {
		if err := j.Edit(filepath.Join(dir, file), put); err != nil {
			return err
		}
	}
	return nil
}

func put(text, id string) string { return sharedfile.Put(text, id, []string{"ours"}) }

// files makes a directory with files, and returns what they are.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"hosts": "127.0.0.1 localhost\n", "resolv.conf": "nameserver 1.1.1.1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range []string{"hosts", "resolv.conf"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

func TestClose(t *testing.T) {
	t.Parallel()
	dir := files(t)
	before := texts(t, dir)
	j, err := Open(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.Edit(filepath.Join(dir, "hosts"), put); err != nil {
			t.Fatal(err)
		}
	}
	if cmp.Equal(before, texts(t, dir)) || !Any(j.dir) {
		t.Error("nothing has changed")
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, texts(t, dir)); diff != "" {
		t.Error(diff)
	}
	if left, err := os.ReadDir(j.dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// What a process has left that was killed is undone by whoever comes next; a living one is left alone.
func TestRepair(t *testing.T) {
	t.Parallel()
	dir := files(t)
	before := texts(t, dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childDir+"="+dir)
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "changed\n" {
		t.Fatalf("%q, %v", line, err)
	}
	changed := texts(t, dir)
	journals := filepath.Join(dir, "journal")
	left, err := Repair(journals)
	if err != nil || len(left) != 1 || !left[0].Lives || left[0].PID != child.Process.Pid {
		t.Errorf("while it lives: %+v, %v", left, err)
	}
	if diff := cmp.Diff(changed, texts(t, dir)); diff != "" || cmp.Equal(before, changed) {
		t.Errorf("while it lives: %s", diff)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	// Someone edits a file, and removes another, before anyone repairs.
	hosts := filepath.Join(dir, "hosts")
	if err := os.WriteFile(hosts, []byte(changed["hosts"]+"10.0.0.1 nas\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	left, err = Repair(journals)
	want := []string{hosts, filepath.Join(dir, "resolv.conf")}
	if err != nil || len(left) != 1 || left[0].Lives || !cmp.Equal(left[0].Files, want) {
		t.Errorf("%+v, %v", left, err)
	}
	before["hosts"] += "10.0.0.1 nas\n"
	if diff := cmp.Diff(before, texts(t, dir)); diff != "" {
		t.Error(diff)
	}
	if again, err := Repair(journals); err != nil || len(again) != 0 || Any(journals) {
		t.Errorf("once more: %+v, %v", again, err)
	}
}

// A file that is gone needs no restoring.
func TestCloseWithoutFile(t *testing.T) {
	t.Parallel()
	dir := files(t)
	j, err := Open(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	hosts := filepath.Join(dir, "hosts")
	if err := j.Edit(hosts, put); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(hosts); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil || Any(j.dir) {
		t.Error(err)
	}
}

// Names that no journal has are left alone.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"x.json", "../0a.json", "0a1b2c3d.txt"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := Repair(dir); err != nil || left != nil {
		t.Errorf("%+v, %v", left, err)
	}
	if left, err := Repair(filepath.Join(dir, "none")); err != nil || left != nil {
		t.Errorf("%+v, %v", left, err)
	}
}
