// Package plant puts the sidecar's binary into a pod through exec, for clusters that can't pull the sidecar's image. It
// finds the binary next to nhctl, and knows of the pod only how to run a command in it.
package plant

import (
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Exec runs a command in the pod's container that waits for the binary.
type Exec func(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error

// receive takes the binary whole or not at all: an exec that breaks off ends its input as if that were complete.
const receive = `f="$0.$$"; cat > "$f" && [ "$(wc -c < "$f")" -eq "$1" ] && chmod 755 "$f" && mv "$f" "$0"`

// machines are the architectures that the sidecar is built for, by what uname calls them.
var machines = map[string]struct {
	name string
	elf  elf.Machine
}{"x86_64": {"amd64", elf.EM_X86_64}, "aarch64": {"arm64", elf.EM_AARCH64}}

// Into plants the binary for the pod's architecture.
func Into(ctx context.Context, exec Exec, dirs []string) error {
	said := bound.Buffer{Limit: 64 << 10}
	if err := exec(ctx, nil, &said, "uname", "-m"); err != nil {
		return fmt.Errorf("ask the pod for its architecture: %w", err)
	}
	file, err := find(dirs, strings.TrimSpace(said.String()))
	if err != nil {
		return err
	}
	binary, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read the sidecar's binary: %w", err)
	}
	defer binary.Close()
	info, err := binary.Stat()
	if err != nil {
		return fmt.Errorf("read the sidecar's binary: %w", err)
	}
	if err := exec(ctx, binary, io.Discard, "sh", "-c", receive, contract.Binary,
		strconv.FormatInt(info.Size(), 10)); err != nil {
		return fmt.Errorf("copy the sidecar's binary into the pod: %w", err)
	}
	return nil
}

// Dirs are where the binaries are sought: where this program is.
func Dirs() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dirs := []string{filepath.Dir(self)}
	if real, err := filepath.EvalSymlinks(self); err == nil && real != self {
		dirs = append(dirs, filepath.Dir(real))
	}
	return dirs, nil
}

// Check says whether there is a binary for any architecture, before anything is made in the cluster.
func Check(dirs []string) error {
	for machine := range machines {
		if _, err := find(dirs, machine); err == nil {
			return nil
		}
	}
	return missing(dirs, "sidecar-linux-amd64")
}

// find returns the sidecar's binary for a machine: one that is named after the architecture, or the one of this build.
func find(dirs []string, machine string) (string, error) {
	m, known := machines[machine]
	if !known {
		return "", problem.New(problem.Refused, "there is no sidecar for the node's architecture, %s", machine).
			WithHint("nhctl's sidecar is built for amd64 and arm64")
	}
	for _, dir := range dirs {
		for _, name := range []string{"sidecar-linux-" + m.name, "sidecar"} {
			file := filepath.Join(dir, name)
			binary, err := elf.Open(file)
			if err != nil {
				continue
			}
			_ = binary.Close()
			if binary.Machine == m.elf {
				return file, nil
			}
		}
	}
	return "", missing(dirs, "sidecar-linux-"+m.name)
}

func missing(dirs []string, name string) error {
	return problem.New(problem.NotFound, "the sidecar's binary is not next to nhctl: no %s in %s", name,
		strings.Join(dirs, ", ")).
		WithHint("put the one of this nhctl's release there, or let the cluster pull an image of it: --sidecar-image")
}
