// Package sidecarbinary has the sidecar's program for the architectures that pods run on, of this very build of nhctl:
// the one that was built into it, one next to it, or one that the Go toolchain builds of the same sources. It knows
// nothing of pods.
package sidecarbinary

import (
	"context"
	"debug/elf"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary/archive"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// embedded has what `make build` puts there before it compiles nhctl, and else nothing but a README.
//
//go:embed embedded
var embedded embed.FS

// machines are the architectures that the sidecar is built for, as Go calls them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Binary is a sidecar's program.
type Binary struct {
	io.ReadCloser
	// Size is in bytes.
	Size int64
}

// Sources are where binaries come from; the first that has one wins.
type Sources struct {
	// Embedded has the archive of Version. Without a version it has none.
	Embedded fs.FS
	Version  string
	// Dirs may have binaries as files.
	Dirs []string
	// Toolchain builds binaries; nil where it can't.
	Toolchain Builder
}

// Builder makes a binary for an architecture in a folder, and returns the file.
type Builder interface {
	Build(ctx context.Context, arch, dir string) (file string, err error)
}

// Default are the sources of this program. It announces work that takes minutes to tell.
func Default(tell func(string)) Sources {
	s := Sources{Embedded: embedded, Version: buildinfo.Sidecar}
	if self, err := os.Executable(); err == nil {
		s.Dirs = []string{filepath.Dir(self)}
		if real, err := filepath.EvalSymlinks(self); err == nil && real != self {
			s.Dirs = append(s.Dirs, filepath.Dir(real))
		}
	}
	if t, err := findToolchain(tell); err == nil {
		s.Toolchain = t
	}
	return s
}

// Name is what the file of a binary is called.
func Name(arch string) string { return "sidecar-linux-" + arch }

// packed is the archive that nhctl embeds. A build does not find what another one has left in a checkout.
func (s Sources) packed() string { return "embedded/sidecars-" + s.Version + ".tar.zst" }

// Check says whether there is a binary for any architecture, without making one.
func (s Sources) Check() error {
	if s.Toolchain != nil {
		return nil
	}
	for arch := range machines {
		if b, err := s.Open(context.Background(), arch); err == nil {
			return b.Close()
		}
	}
	return s.missing("amd64")
}

// Open opens the binary for an architecture.
func (s Sources) Open(ctx context.Context, arch string) (Binary, error) {
	machine, known := machines[arch]
	if !known {
		return Binary{}, problem.New(problem.Refused, "there is no sidecar for the node's architecture, %s", arch).
			WithHint("nhctl's sidecar is built for amd64 and arm64")
	}
	if s.Version != "" {
		b, err := carried(s.Embedded, s.packed(), Name(arch))
		if !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	for _, dir := range s.Dirs {
		if file := filepath.Join(dir, Name(arch)); runsOn(file, machine) {
			return open(file)
		}
	}
	if s.Toolchain != nil {
		return s.build(ctx, arch)
	}
	return Binary{}, s.missing(arch)
}

func (s Sources) missing(arch string) error {
	return problem.New(problem.NotFound, "this nhctl has no sidecar for linux/%s to copy into the pod", arch).
		WithHint("put a %s of the same version into %s; or install Go; or use an nhctl of a release or of "+
			"`make build`; or let the cluster pull an image of it: --sidecar-image",
			Name(arch), strings.Join(s.Dirs, " or "))
}

// carried opens a binary that nhctl carries.
func carried(files fs.FS, packed, name string) (Binary, error) {
	file, err := files.Open(packed)
	if err != nil {
		return Binary{}, err
	}
	content, size, err := archive.Open(file, name)
	if err != nil {
		return Binary{}, errors.Join(err, file.Close())
	}
	return Binary{ReadCloser: closing{content, file}, Size: size}, nil
}

// closing closes what it reads from, too.
type closing struct {
	io.ReadCloser
	source io.Closer
}

func (c closing) Close() error { return errors.Join(c.ReadCloser.Close(), c.source.Close()) }

// runsOn says whether a file is a program for a machine.
func runsOn(file string, machine elf.Machine) bool {
	program, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer program.Close()
	return program.Machine == machine
}

func open(file string) (Binary, error) {
	f, err := os.Open(file)
	if err != nil {
		return Binary{}, fmt.Errorf("read the sidecar's binary: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return Binary{}, errors.Join(fmt.Errorf("read the sidecar's binary: %w", err), f.Close())
	}
	return Binary{ReadCloser: f, Size: info.Size()}, nil
}

// build has the toolchain make a binary, whose file is removed when it is closed.
func (s Sources) build(ctx context.Context, arch string) (Binary, error) {
	dir, err := os.MkdirTemp("", "nhctl-sidecar-")
	if err != nil {
		return Binary{}, err
	}
	file, err := s.Toolchain.Build(ctx, arch, dir)
	if err != nil {
		return Binary{}, errors.Join(err, os.RemoveAll(dir))
	}
	b, err := open(file)
	if err != nil {
		return b, errors.Join(err, os.RemoveAll(dir))
	}
	b.ReadCloser = closing{b.ReadCloser, removing(dir)}
	return b, nil
}

// removing is a folder that goes when it is closed.
type removing string

func (r removing) Close() error { return os.RemoveAll(string(r)) }
