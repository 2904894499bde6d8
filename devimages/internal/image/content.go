package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// unwanted are the paths that no image needs of its packages.
var unwanted = [...]string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"}

// debian writes a layer of Debian packages and a user `dev` (1000) whose home any user may write to.
func (b *Builder) debian(ctx context.Context, l Layer, work, file string) error {
	if os.Geteuid() != 0 {
		return errors.New("making a Debian root file system needs root")
	}
	if err := installed("mmdebstrap", "images"); err != nil {
		return err
	}
	archive := work + ".tar"
	defer os.Remove(archive)
	args := []string{"--quiet", "--variant=minbase", "--include=" + strings.Join(l.Debian, ",")}
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
func (b *Builder) fill(ctx context.Context, l Layer, root string) error {
	switch {
	case l.GoToolchain != "":
		return copyToolchain(ctx, filepath.Join(root, l.GoToolchain))
	case l.GoCache != "":
		return b.fillCache(ctx, filepath.Join(root, l.GoCache))
	case l.GoBuild != nil:
		return b.goBuild(ctx, *l.GoBuild, filepath.Join(root, l.GoBuild.To))
	case l.Npm != nil:
		return b.npm(ctx, *l.Npm, root)
	case l.NpmPackages != nil:
		return b.npmPackages(ctx, *l.NpmPackages, root)
	case l.Copy != nil:
		return os.CopyFS(filepath.Join(root, l.Copy.To), os.DirFS(filepath.Join(b.Repository, l.Copy.From)))
	default:
		return copyFile(b.SidecarBinary, filepath.Join(root, l.Sidecar), 0o755)
	}
}

// goBuild builds a static program of a module of the repository, of one that it requires, or of any other by its
// version.
func (b *Builder) goBuild(ctx context.Context, g GoBuild, to string) error {
	argv := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", to, g.Package}
	env := append(os.Environ(), "CGO_ENABLED=0")
	if g.Version != "" {
		argv = []string{"install", "-trimpath", "-ldflags", "-s -w", g.Package + "@" + g.Version}
		env = append(env, "GOBIN="+filepath.Dir(to), "GOFLAGS=")
	}
	cmd := exec.CommandContext(ctx, "go", argv...)
	cmd.Dir, cmd.Env = filepath.Join(b.Repository, g.Dir), env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
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

// copyToolchain copies what building and testing needs of the toolchain that runs this program's go command.
func copyToolchain(ctx context.Context, to string) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	goroot := strings.TrimSpace(string(out))
	for _, dir := range []string{"bin", "src", "lib", "pkg"} {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(goroot, dir))); err != nil {
			return err
		}
	}
	for _, name := range []string{"VERSION", "go.env", "LICENSE"} {
		if err := copyFile(filepath.Join(goroot, name), filepath.Join(to, name), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fillCache builds the standard library into a cache, once plainly and once for a debugger. Cache keys of the standard
// library hold no paths, so the cache is valid in the image.
func (b *Builder) fillCache(ctx context.Context, to string) error {
	for _, flags := range [][]string{nil, {"-gcflags=all=-N -l"}} {
		args := append(append([]string{"build"}, flags...), standardPackages...)
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = b.Repository
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOCACHE="+to)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	return nil
}
