package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// unwanted are the paths that no image needs of its packages.
var unwanted = [...]string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"}

// debian writes a layer of Debian packages and a user `dev` (1000) whose home any user may write to. Without root it
// needs a user namespace, and for another architecture an emulator: Check says what is missing.
func (b *Builder) debian(ctx context.Context, l Layer, arch Arch, work, file string) error {
	archive := work + ".tar"
	defer os.Remove(archive)
	args := append(mmdebstrap(arch, os.Geteuid()), "--include="+strings.Join(l.Debian, ","))
	for _, path := range append(unwanted[:], l.Exclude...) {
		args = append(args, "--dpkgopt=path-exclude="+path)
	}
	args = append(args,
		`--essential-hook=mkdir -p "$1/usr/share/man/man1"`, // where Java's packages put a link
		`--customize-hook=echo "dev:x:1000:1000::/home/dev:/bin/bash" >> "$1/etc/passwd"; echo "dev:x:1000:" >> `+
			`"$1/etc/group"`,
		`--customize-hook=mkdir -p "$1/home/dev" "$1/data"; cp "$1/etc/skel/.bashrc" "$1/home/dev/"; chown -R `+
			`1000:1000 "$1/home/dev" "$1/data"; chmod 0777 "$1/home/dev" "$1/data"`,
		`--customize-hook=rm -rf "$1"/var/cache/apt/* "$1"/var/log/*`,
		cmp.Or(l.Suite, suite), archive)
	if out, err := exec.CommandContext(ctx, "mmdebstrap", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap: %w: %s", err, out)
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	return compress(file, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
}

// mmdebstrap are its flags for an architecture, as a user. It need not look for an emulator, as Check has done that.
func mmdebstrap(arch Arch, uid int) []string {
	args := []string{"--quiet", "--variant=minbase", "--mode=unshare"}
	if uid == 0 {
		args[2] = "--mode=root"
	}
	if arch != Host() {
		args = append(args, "--architectures="+string(arch), "--skip=check/qemu")
	}
	return args
}

// installed says how to get a program of the computer that is missing. Nothing is installed from here: layers are made
// at the same time, and package managers have one lock.
func installed(program, part string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s is missing; install what making images needs, as root: hack/packages.sh %s", program,
			part)
	}
	return nil
}

// fill puts the content of any other layer below root.
func (b *Builder) fill(ctx context.Context, l Layer, arch Arch, root string) error {
	switch {
	case l.Busybox != "":
		return busybox(ctx, root, l.Busybox)
	case l.GoToolchain != "":
		return b.copyToolchain(ctx, arch, filepath.Join(root, l.GoToolchain))
	case l.GoCache != "":
		return b.fillCache(ctx, arch, filepath.Join(root, l.GoCache))
	case l.GoBuild != nil:
		return b.goBuild(ctx, *l.GoBuild, arch, filepath.Join(root, l.GoBuild.To))
	case l.Npm != nil:
		return b.npm(ctx, *l.Npm, root)
	case l.NpmPackages != nil:
		return b.npmPackages(ctx, *l.NpmPackages, root)
	case l.Copy != nil:
		return os.CopyFS(filepath.Join(root, l.Copy.To), os.DirFS(filepath.Join(b.Repository, l.Copy.From)))
	default:
		return copyFile(b.sidecar(arch), filepath.Join(root, l.Sidecar), 0o755)
	}
}

// busybox puts Debian's static busybox into a folder, with a link for each of its tools, and next to them what any
// system has: a root user and /tmp.
func busybox(ctx context.Context, root, to string) error {
	if os.Geteuid() != 0 {
		return errors.New("unpacking a Debian package needs root")
	}
	if err := installed("mmdebstrap", "images"); err != nil {
		return err
	}
	unpacked := root + "-busybox"
	defer os.RemoveAll(unpacked)
	if out, err := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--variant=extract", "--include=busybox-static",
		suite, unpacked).CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap: %w: %s", err, out)
	}
	program := filepath.Join(root, to, "busybox")
	if err := copyFile(filepath.Join(unpacked, "bin", "busybox"), program, 0o755); err != nil {
		return err
	}
	tools, err := exec.CommandContext(ctx, program, "--list").Output()
	if err != nil {
		return fmt.Errorf("list busybox's tools: %w", err)
	}
	for tool := range strings.FieldsSeq(string(tools)) {
		link := filepath.Join(root, to, tool)
		if err := os.Symlink("busybox", link); err != nil && !errors.Is(err, fs.ErrExist) { // busybox is one, too
			return err
		}
	}
	for dir, mode := range map[string]os.FileMode{"etc": 0o755, "tmp": os.ModeSticky | 0o777} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(root, dir), mode); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "etc", "passwd"), []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644)
}

func copyFile(from, to string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}
