// Package linked tells which modules are in a program, as the go command says. It knows nothing of licenses.
package linked

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// Platform is an operating system and an architecture, as Go names them.
type Platform struct {
	OS, Arch string
}

// ParsePlatform reads OS/ARCH.
func ParsePlatform(s string) (Platform, error) {
	system, arch, ok := strings.Cut(s, "/")
	if !ok || system == "" || arch == "" {
		return Platform{}, fmt.Errorf("platform %q: want OS/ARCH", s)
	}
	return Platform{system, arch}, nil
}

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Module is a module with packages in a program. Go's standard library is the module "std".
type Module struct {
	// Path and Version are Go's own.
	Path, Version string
	// Dir has its sources.
	Dir string
	// Packages are the directories of its packages that are in the program, sorted.
	Packages []string
}

// Program is a program of the main module in a directory.
type Program struct {
	// Dir is the main module's, Package that of the program, such as ./nhctl.
	Dir, Package string
	// Tags are the build tags, separated by commas.
	Tags     string
	Platform Platform
}

// Modules are the modules of a program except for its own, sorted by path.
func Modules(ctx context.Context, p Program) ([]Module, error) {
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-tags", p.Tags, "-json=ImportPath,Dir,Standard,Module",
		p.Package)
	list.Dir = p.Dir
	list.Env = append(os.Environ(), "GOOS="+p.Platform.OS, "GOARCH="+p.Platform.Arch, "CGO_ENABLED=0")
	out, err := output(list)
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s for %s: %w", p.Package, p.Platform, err)
	}
	std, err := standardLibrary(ctx)
	if err != nil {
		return nil, err
	}
	modules := map[string]*Module{std.Path: &std}
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			ImportPath, Dir string
			Standard        bool
			Module          *struct {
				Path, Version, Dir string
				Main               bool
				Replace            *struct{ Path string }
			}
		}
		if err := in.Decode(&pkg); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read go list's answer: %w", err)
		}
		switch {
		case pkg.Standard || pkg.Module == nil || pkg.Module.Main:
			continue
		case pkg.Module.Replace != nil:
			return nil, fmt.Errorf("%s is replaced by %s: the notices would name the wrong sources", pkg.Module.Path,
				pkg.Module.Replace.Path)
		}
		m := modules[pkg.Module.Path]
		if m == nil {
			m = &Module{Path: pkg.Module.Path, Version: pkg.Module.Version, Dir: pkg.Module.Dir}
			modules[m.Path] = m
		}
		m.Packages = append(m.Packages, pkg.Dir)
	}
	return flat(modules), nil
}

// Union are the modules of several programs.
func Union(lists ...[]Module) []Module {
	modules := map[string]*Module{}
	for _, m := range slices.Concat(lists...) {
		if known := modules[m.Path]; known != nil {
			m.Packages = slices.Concat(known.Packages, m.Packages)
		}
		modules[m.Path] = &m
	}
	return flat(modules)
}

func flat(modules map[string]*Module) []Module {
	var list []Module
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := *modules[path]
		slices.Sort(m.Packages)
		m.Packages = slices.Compact(m.Packages)
		list = append(list, m)
	}
	return list
}

// standardLibrary is in every program.
func standardLibrary(ctx context.Context) (Module, error) {
	out, err := output(exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION"))
	if err != nil {
		return Module{}, fmt.Errorf("ask for Go's version: %w", err)
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return Module{Path: "std", Version: version, Dir: filepath.FromSlash(root)}, nil
}

// output runs a command; an error has what it says.
func output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// Check fails when a binary has a module that is not among those that are known, or another version of one.
func Check(binary string, known []Module) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read the modules of %s: %w", binary, err)
	}
	if err := check(info, known); err != nil {
		return fmt.Errorf("%s: %w", binary, err)
	}
	return nil
}

func check(info *debug.BuildInfo, known []Module) error {
	versions := map[string]string{}
	for _, m := range known {
		versions[m.Path] = m.Version
	}
	for _, m := range info.Deps {
		if version, ok := versions[m.Path]; !ok || version != m.Version || m.Replace != nil {
			return fmt.Errorf("it has %s %s, which the notices would not name", m.Path, m.Version)
		}
	}
	return nil
}
