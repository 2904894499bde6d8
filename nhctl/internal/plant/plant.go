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
const receive = `f="$0.$$"; cat > "$f" && [ "$(wc -c < "$f")" -eq "$1" ] && chmod 755 "$f" && mv "$f" "$0"`

// architectures are Go's names of those that uname has others for.
var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// Into plants the binary for the architecture of the pod's node.
func Into(ctx context.Context, exec Exec, binaries Binaries) (err error) {
	said := bound.Buffer{Limit: 64 << 10}
	if err := exec(ctx, nil, &said, "uname", "-m"); err != nil {
		return fmt.Errorf("ask the pod for its architecture: %w", err)
	}
	arch := strings.TrimSpace(said.String())
	if name, known := architectures[arch]; known {
		arch = name
	}
	binary, err := binaries.Open(ctx, arch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, binary.Close()) }()
	if err := exec(ctx, binary, io.Discard, "sh", "-c", receive, contract.Binary,
		strconv.FormatInt(binary.Size, 10)); err != nil {
		return fmt.Errorf("copy the sidecar's binary into the pod: %w", err)
	}
	return nil
}
