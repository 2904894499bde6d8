package carried

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DelvePackage is delve's program, and DelveVersion the one that nhctl is a client of.
const (
	DelvePackage = delveModule + "/cmd/dlv"
	DelveVersion = "v1.27.2"

	delveModule = "github.com/go-delve/delve"
)

// machines are the architectures that delve is built for, as Go calls them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Delve is Go's debugger for the containers of an architecture, which the Go toolchain builds.
type Delve struct {
	Store
	// Go is the go command; empty where this computer has none.
	Go string
	// Arch is the architecture, as a pod says.
	Arch string
}

// ErrNoGo says that this computer has no Go toolchain.
var ErrNoGo = errors.New("there is no go command in your PATH")

func (d Delve) file() string { return filepath.Join(d.Dir, "dlv-"+DelveVersion+"-linux-"+d.Arch) }

// Find returns the file of the program that was built before; "" without one.
func (d Delve) Find() string {
	machine, known := machines[d.Arch]
	if !known {
		return ""
	}
	program, err := elf.Open(d.file())
	if err != nil {
		return ""
	}
	defer program.Close()
	if program.Machine != machine {
		return ""
	}
	return d.file()
}

// Make builds the program where there is none yet, and returns its file. Those of other versions are removed.
func (d Delve) Make(ctx context.Context) (string, error) {
	if _, known := machines[d.Arch]; !known {
		return "", fmt.Errorf("delve is built for amd64 and arm64, not for %q", d.Arch)
	}
	if d.Go == "" {
		return "", ErrNoGo
	}
	err := d.made(ctx, d.file(), d.Find, func(work string) error {
		// A module of its own, which requires nothing else. Go checks what it downloads for that against its checksum
		// database.
		text := fmt.Sprintf("module dlv\n\ngo 1.25.0\n\nrequire %s %s\n", delveModule, DelveVersion)
		if err := os.WriteFile(filepath.Join(work, "go.mod"), []byte(text), 0o600); err != nil {
			return err
		}
		old, _ := filepath.Glob(filepath.Join(d.Dir, "dlv-*-linux-"+d.Arch)) // the pattern is valid
		for _, file := range old {
			_ = os.Remove(file)
		}
		env := []string{"GOOS=linux", "GOARCH=" + d.Arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}
		return d.run(ctx, work, env, d.Go, "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
			"-o", filepath.Base(d.file()), DelvePackage)
	})
	if err != nil {
		return "", fmt.Errorf("build %s@%s: %w", DelvePackage, DelveVersion, err)
	}
	return d.file(), nil
}
