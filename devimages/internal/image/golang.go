package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// environ is this program's environment, for a go command that makes static programs of an architecture.
func (a Arch) environ() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+string(a))
}

// goBuild builds a static program of a module of the repository, of one that it requires, or of any other by its
// version.
func (b *Builder) goBuild(ctx context.Context, g GoBuild, arch Arch, to string) error {
	argv := []string{"-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}
	if g.Version != "" {
		return b.goInstall(ctx, append(argv, g.Package+"@"+g.Version), arch, to)
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", to}, append(argv, g.Package)...)...)
	cmd.Dir, cmd.Env = filepath.Join(b.Repository, g.Dir), arch.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// goInstall builds a program whose module the repository does not require. go refuses to put those of another
// architecture into GOBIN, so that they go to a GOPATH without modules.
func (b *Builder) goInstall(ctx context.Context, argv []string, arch Arch, to string) error {
	modules, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env GOMODCACHE: %w", err)
	}
	gopath, err := os.MkdirTemp(b.Cache, "gopath-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(gopath)
	cmd := exec.CommandContext(ctx, "go", append([]string{"install"}, argv...)...)
	cmd.Dir = b.Repository
	cmd.Env = append(arch.environ(), "GOFLAGS=", "GOBIN=", "GOPATH="+gopath,
		"GOMODCACHE="+strings.TrimSpace(string(modules)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	// bin/PROGRAM, or bin/linux_ARCH/PROGRAM
	return filepath.WalkDir(filepath.Join(gopath, "bin"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return copyFile(path, to, 0o755)
	})
}

// copyToolchain copies what building and testing needs of the toolchain that runs this program's go command, or of the
// same version for another architecture.
func (b *Builder) copyToolchain(ctx context.Context, arch Arch, to string) error {
	from, err := goroot(ctx)
	if arch != Host() || runtime.GOOS != "linux" {
		from, err = b.downloadToolchain(ctx, arch)
	}
	if err != nil {
		return err
	}
	for _, dir := range []string{"bin", "src", "lib", "pkg"} {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(from, dir))); err != nil {
			return err
		}
	}
	for _, name := range []string{"VERSION", "go.env", "LICENSE"} {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name), 0o644); err != nil {
			return err
		}
	}
	return completeToolchain(to)
}

func goroot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// downloadToolchain returns the folder of a toolchain for another platform, which the module proxy has as a module.
func (b *Builder) downloadToolchain(ctx context.Context, arch Arch) (string, error) {
	module := "golang.org/toolchain@v0.0.1-" + runtime.Version() + ".linux-" + string(arch)
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir, cmd.Stderr = b.Repository, b.Progress
	out, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if err != nil && len(out) == 0 {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	if answer.Error != "" {
		return "", fmt.Errorf("download %s: %s", module, answer.Error)
	}
	return answer.Dir, nil
}

// completeToolchain turns a toolchain as modules have it into one as Go's archives have it: a module's files are not
// executable, and it has no go.mod of other modules. The go command does the same with toolchains that it downloads.
func completeToolchain(dir string) error {
	programs, err := filepath.Glob(filepath.Join(dir, "bin", "*"))
	tools, toolErr := filepath.Glob(filepath.Join(dir, "pkg", "tool", "*", "*"))
	if err := errors.Join(err, toolErr); err != nil {
		return err
	}
	for _, program := range append(programs, tools...) {
		if err := os.Chmod(program, 0o755); err != nil {
			return err
		}
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "_go.mod" {
			return err
		}
		return os.Rename(path, filepath.Join(filepath.Dir(path), "go.mod"))
	})
}

// fillCache builds the standard library into a cache, once plainly and once for a debugger. Cache keys of the standard
// library hold no paths, and not the machine that compiled it, so the cache is valid in the image.
func (b *Builder) fillCache(ctx context.Context, arch Arch, to string) error {
	for _, flags := range [][]string{nil, {"-gcflags=all=-N -l"}} {
		args := append(append([]string{"build"}, flags...), standardPackages...)
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = b.Repository
		cmd.Env = append(arch.environ(), "GOFLAGS=-buildvcs=false", "GOCACHE="+to)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	return nil
}
