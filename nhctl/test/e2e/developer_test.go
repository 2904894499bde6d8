//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// developer is one person at one computer: a home folder, a kubeconfig, a daemon of their own.
type developer struct {
	t    *testing.T
	name string
	// home has the sources too, in home/src.
	home, kubeconfig string
	env              []string
	// limit is that of a command.
	limit time.Duration
	// root is the root folder of nhctl's processes, where they don't see the rest of this computer.
	root string
	// within is the command that runs another one at a computer of the developer's own; empty means this one.
	within []string
}

// commandLimit is for commands whose containers have warm caches, or compile nothing.
const commandLimit = 3 * time.Minute

// developer makes a person who may do what the published Role says in one namespace, and nothing else.
func (c *cluster) developer(t *testing.T, namespace string) *developer {
	t.Helper()
	name := randomName("dev-")
	return c.developerWith(t, name, c.user(t, namespace, name))
}

// developerWith makes a computer for someone who has a kubeconfig already.
func (c *cluster) developerWith(t *testing.T, name, kubeconfig string) *developer {
	t.Helper()
	// Unix socket paths are short, and t.TempDir's are long.
	home, err := os.MkdirTemp("", "nhctl-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	d := &developer{t: t, name: name, home: home, kubeconfig: kubeconfig, limit: commandLimit}
	d.env = []string{
		"HOME=" + home, "USER=" + name, "LOGNAME=" + name, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + kubeconfig,
		"XDG_RUNTIME_DIR=" + filepath.Join(home, "run"), "XDG_STATE_HOME=" + filepath.Join(home, "state"), "NO_COLOR=1",
		"NHCTL_SIDECAR_IMAGE=" + sidecarImage(t), // the node has it, and no registry
	}
	for _, dir := range []string{"run", "state"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		d.runContext(ctx, "", "daemon", "stop")
		if t.Failed() {
			d.dumpLog()
		}
		err := os.RemoveAll(home)
		for err != nil && ctx.Err() == nil { // a daemon that was told to stop still writes for a moment
			err = os.RemoveAll(home)
		}
		if err != nil {
			t.Errorf("remove home: %v", err)
		}
	})
	return d
}

// dumpLog shows the daemon's log of a failed test.
func (d *developer) dumpLog() {
	_ = filepath.WalkDir(filepath.Join(d.home, "state"), func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "daemon.log" {
			if data, err := os.ReadFile(path); err == nil {
				d.t.Logf("%s of %s (end):\n%s", filepath.Base(path), d.name, data[max(0, len(data)-8000):])
			}
		}
		return nil
	})
}

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
}

// err is nil for a command that has succeeded.
func (r result) err() error {
	if r.code == 0 {
		return nil
	}
	return errors.New(r.String())
}

// command prepares nhctl in a folder.
func (d *developer) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	argv := slices.Concat(d.within, []string{filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl")}, args)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = cmp.Or(dir, d.home), d.env
	if d.root != "" {
		cmd.Path, cmd.Dir = "/nhctl", cmp.Or(strings.TrimPrefix(cmd.Dir, d.root), "/")
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: d.root}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

func (d *developer) runContext(ctx context.Context, dir string, args ...string) result {
	cmd := d.command(ctx, dir, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		fmt.Fprintln(&stderr, err)
	}
	return result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// nhctl runs a command with a limit, whatever comes of it.
func (d *developer) nhctl(dir string, args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), d.limit)
	defer cancel()
	return d.runContext(ctx, dir, args...)
}

// must runs a command that has to succeed, and returns its standard output.
func (d *developer) must(dir string, args ...string) string {
	d.t.Helper()
	r := d.nhctl(dir, args...)
	if r.code != 0 {
		d.t.Fatalf("nhctl %s: %s", strings.Join(args, " "), r)
	}
	return r.stdout
}

// query decodes the JSON document that a command prints.
func query[T any](d *developer, dir string, args ...string) T {
	d.t.Helper()
	var v T
	out := d.must(dir, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		d.t.Fatalf("nhctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// inPod runs a command in the dev container and returns its output.
func (d *developer) inPod(dir string, argv ...string) (string, error) {
	r := d.nhctl(dir, append([]string{"dev", "exec", "--"}, argv...)...)
	if r.code != 0 {
		return r.stdout, fmt.Errorf("%s: %s", strings.Join(argv, " "), r)
	}
	return r.stdout, nil
}

// sources copies a folder of the repository into the developer's home.
func (d *developer) sources(from string) string {
	d.t.Helper()
	to := filepath.Join(d.home, "src", filepath.Base(from))
	if err := os.CopyFS(to, os.DirFS(filepath.Join(repository, from))); err != nil {
		d.t.Fatal(err)
	}
	return to
}

// atShop is how most scenarios begin: a developer next to the sources of the bookshop's catalog, in a namespace of its
// own.
func atShop(t *testing.T) (ns string, dev *developer, src string) {
	t.Helper()
	ns = shop(t)
	dev = shared.developer(t, ns)
	return ns, dev, dev.sources(catalog)
}

// atSmall is atShop with the small workload, which comes and goes more quickly.
func atSmall(t *testing.T) (ns string, dev *developer, src string) {
	t.Helper()
	ns = small(t)
	dev = shared.developer(t, ns)
	return ns, dev, dev.smallSources()
}

// colleague makes another person of a namespace, with a copy of the same sources.
func (d *developer) colleague(ns, src string) (other *developer, copied string) {
	d.t.Helper()
	other = shared.developer(d.t, ns)
	copied = filepath.Join(other.home, "src", filepath.Base(src))
	if err := os.CopyFS(copied, os.DirFS(src)); err != nil {
		d.t.Fatal(err)
	}
	return other, copied
}

// daemonPID asks the daemon for its process id.
func (d *developer) daemonPID() int {
	d.t.Helper()
	return query[struct{ PID int }](d, "", "daemon", "status").PID
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
