//go:build linux

// Package enclosuretest runs tests that make enclosures: a test's program is also the helper, the command inside, and
// all of its tests once more as a user whom the system gives no more than any other.
package enclosuretest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/sidecar/paralleltest"
)

// Stage is the variable that says what a test's program is called for.
const Stage = "NHCTL_TEST_STAGE"

// testsAtOnce is how many parallel tests run at once: they wait for processes.
const testsAtOnce = 8

// user is an unprivileged user without a name.
const user = 12345

// asUser is the stage in which a program becomes an unprivileged user.
const asUser = "as a user"

// Main is a test's TestMain: helper is what the program does with an argument, programs what it does in a stage.
func Main(m *testing.M, argument string, helper func([]string) int, programs map[string]func() error) {
	if len(os.Args) > 1 && os.Args[1] == argument {
		os.Exit(helper(os.Args[2:]))
	}
	do, ok := programs[os.Getenv(Stage)]
	if os.Getenv(Stage) == asUser {
		do, ok = becomeUser, true
	}
	if !ok {
		paralleltest.AtOnce(testsAtOnce)
		os.Exit(m.Run())
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// AsUser runs the tests of a package as an unprivileged user, of which at least some have to pass. Where the tests run
// as one anyway, that has been shown.
func AsUser(t *testing.T, least int) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "all.test")
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.count=1")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/", Stage + "=" + asUser}
	// The device may be root's alone, where no udev has made it. Another one, for everyone, is put in its place for
	// this process alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as user %d: %v\n%s", user, err, out)
	}
	if n := strings.Count(string(out), "--- PASS: Test"); n < least {
		t.Errorf("only %d tests have passed as user %d:\n%s", n, user, out)
	}
}

// becomeUser makes this program one of an unprivileged user with a device as other systems have it.
func becomeUser() error {
	const major, minor = 10, 200
	if err := unix.Mount("nhctl-test", "/mnt", "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	const node = "/mnt/tun"
	if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(major, minor))); err != nil {
		return fmt.Errorf("make a device: %w", err)
	}
	if err := os.Chmod(node, 0o666); err != nil {
		return err
	}
	if err := unix.Mount(node, "/dev/net/tun", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the device: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(os.Args[0]), "temp")
	if err != nil {
		return err
	}
	if err := os.Chown(temp, user, user); err != nil {
		return err
	}
	if err := os.Setenv("TMPDIR", temp); err != nil {
		return err
	}
	if err := os.Unsetenv(Stage); err != nil {
		return err
	}
	for _, err := range []error{syscall.Setgroups(nil), syscall.Setgid(user), syscall.Setuid(user)} {
		if err != nil {
			return err
		}
	}
	return syscall.Exec(os.Args[0], os.Args, os.Environ())
}
