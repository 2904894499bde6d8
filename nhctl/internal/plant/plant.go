// Package plant puts the sidecar's binary into a pod through exec, for clusters that can't pull the sidecar's image. It
// knows of the pod only how to run a command in it.
package plant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Exec runs a command in the pod's container that waits for the binary.
type Exec func(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error

// Binaries are the sidecar's, for each architecture.
type Binaries interface {
	// Check says whether there is any, before one is needed.
	Check() error
	Open(ctx context.Context, arch string) (sidecarbinary.Binary, error)
}

// receive takes the binary whole or not at all: an exec that breaks off ends its input as if that were complete.
const receive = `f="$0.$$"; cat > "$f" && [ "$(wc -c < "$f")" -eq "$1" ] && chmod 755 "$f" && echo whole && ` +
	`exec mv "$f" "$0"`

// maxSaid limits what the commands print, in bytes.
const maxSaid = 64 << 10

// architectures are Go's names of those that uname has others for.
var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// Into plants the binary for the architecture of the pod's node.
func Into(ctx context.Context, exec Exec, binaries Binaries) (err error) {
	machine, said := bound.Buffer{Limit: maxSaid}, bound.Buffer{Limit: maxSaid}
	if err := exec(ctx, nil, &machine, "uname", "-m"); err != nil {
		return fmt.Errorf("ask the pod for its architecture: %w", err)
	}
	arch := strings.TrimSpace(machine.String())
	if name, known := architectures[arch]; known {
		arch = name
	}
	binary, err := binaries.Open(ctx, arch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, binary.Close()) }()
	err = exec(ctx, binary, &said, "sh", "-c", receive, contract.Binary, strconv.FormatInt(binary.Size, 10))
	if err != nil && !(strings.TrimSpace(said.String()) == "whole" && killed(err)) {
		return fmt.Errorf("copy the sidecar's binary into the pod: %w", err)
	}
	return nil
}

// killed says whether a command was ended from outside: the container ends once it has the binary, and may take the
// command that brought it along.
func killed(err error) bool {
	const bySignal = 128 // and above, as shells count
	var exit interface {
		error
		ExitStatus() int
	}
	return errors.As(err, &exit) && exit.ExitStatus() > bySignal
}
