//go:build linux

// Package netsetuptest has computers for tests that change one: namespaces with a network, a hosts file and a
// resolv.conf of their own.
package netsetuptest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure/enclosuretest"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
)

const (
	limit    = time.Minute
	hostsWas = "127.0.0.1 localhost\n"
	confWas  = "nameserver 192.0.2.53\nsearch example.com"
)

// Computer makes a stage of a test's program that does something in namespaces that stand for a computer: it has files
// and a network of its own.
func Computer(do func(ctx context.Context, self string) error) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("change mounts: %w", err)
		}
		if err := unix.Mount("nhctl-test", "/var/lib", "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
		for name, text := range map[string]string{"hosts": hostsWas, "resolv.conf": confWas} {
			file := filepath.Join("/var/lib", name)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return err
			}
			if err := unix.Mount(file, filepath.Join("/etc", name), "", unix.MS_BIND, ""); err != nil {
				return fmt.Errorf("mount %s: %w", name, err)
			}
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		return do(ctx, self)
	}
}

// Stand runs a stage of a test's program in new namespaces.
func Stand(t *testing.T, stage string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), enclosuretest.Stage+"="+stage)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Unchanged says what differs from the computer as it was.
func Unchanged() error {
	var all []error
	for file, was := range map[string]string{"/etc/hosts": hostsWas, "/etc/resolv.conf": confWas} {
		if now, err := os.ReadFile(file); err != nil || string(now) != was {
			all = append(all, fmt.Errorf("%s is %q (%v), it was %q", file, now, err, was))
		}
	}
	routes, err := os.ReadFile("/proc/self/net/route")
	if err != nil || strings.Contains(string(routes), "nhctl") {
		all = append(all, fmt.Errorf("routes: %s (%v)", routes, err))
	}
	if journal.Any(journal.RootDir) {
		all = append(all, errors.New("a journal is left"))
	}
	return errors.Join(all...)
}

// Until waits until something is as it should be.
func Until(ctx context.Context, check func() error) error {
	for {
		err := check()
		if err == nil || delay.For(ctx, 10*time.Millisecond) != nil {
			return err
		}
	}
}
