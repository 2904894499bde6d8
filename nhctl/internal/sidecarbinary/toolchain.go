package sidecarbinary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// tags are the build tags of the sidecar: the sync engine without what it never uses.
const tags = "noassets,noquic,noupgrade"

// toolchain builds the sidecar with the Go toolchain of this computer, of the sources that nhctl was built of, for an
// nhctl that `go build` or `go install` has made. Go's own cache keeps what was compiled.
type toolchain struct {
	goCommand string
	// sources is the root of the module where nhctl was built; empty means that module has to be downloaded.
	sources string
	// module and release name the module that nhctl is of.
	module, release string
	tell            func(string)
}

var errNoSources = errors.New("the sources of this nhctl are not known")

// findToolchain finds Go, and the sources of this very nhctl.
func findToolchain(tell func(string)) (*toolchain, error) {
	found, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return nil, errNoSources
	}
	t := &toolchain{goCommand: found, module: info.Main.Path, release: info.Main.Version, tell: tell}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) { // no absolute path after go build -trimpath
		root := filepath.Join(filepath.Dir(file), "..", "..", "..")
		if _, err := os.Stat(filepath.Join(root, "sidecar", "main.go")); err == nil {
			t.sources = root
		}
	}
	if t.sources == "" && !released(t.release) {
		return nil, errNoSources
	}
	return t, nil
}

// released says whether a module's version is one that can be downloaded.
func released(version string) bool {
	return strings.HasPrefix(version, "v") && !strings.Contains(version, "+")
}

// Build builds the sidecar for an architecture.
func (t *toolchain) Build(ctx context.Context, arch, dir string) (string, error) {
	t.tell("this nhctl carries no sidecar for linux/" + arch +
		": Go builds it of the same sources, which takes a few minutes the first time")
	sources := t.sources
	if sources == "" {
		var err error
		if sources, err = t.download(ctx); err != nil {
			return "", err
		}
	}
	file := filepath.Join(dir, Name(arch))
	stamp := "-X " + t.module + "/sidecar/buildinfo.version=" + buildinfo.Version
	build := exec.CommandContext(ctx, t.goCommand, "build", "-trimpath", "-buildvcs=false", "-tags", tags,
		"-gcflags=all=-dwarf=false", "-ldflags", "-s -w "+stamp, "-o", file, "./sidecar")
	build.Dir = sources
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", failed(err, out)
	}
	return file, nil
}

// download has the module's sources in Go's module cache, and returns where.
func (t *toolchain) download(ctx context.Context) (string, error) {
	list := exec.CommandContext(ctx, t.goCommand, "mod", "download", "-json", t.module+"@"+t.release)
	list.Dir = os.TempDir() // of no module
	out, err := list.Output()
	if err != nil {
		return "", failed(err, out)
	}
	return moduleDir(out)
}

func failed(err error, output []byte) error {
	said := strings.TrimSpace(string(output))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && len(exit.Stderr) > 0 {
		said = strings.TrimSpace(string(exit.Stderr))
	}
	return problem.New(problem.NotReady, "Go can't build the sidecar: %w: %s", err, said).
		WithHint("correct what Go says; or use an nhctl of a release or of `make build`, which carries its sidecar; " +
			"or let the cluster pull an image of it: --sidecar-image")
}

// moduleDir reads where `go mod download -json` has put a module.
func moduleDir(answer []byte) (string, error) {
	var downloaded struct{ Dir, Error string }
	if err := json.Unmarshal(answer, &downloaded); err != nil {
		return "", fmt.Errorf("read where Go has the sources: %w", err)
	}
	if downloaded.Dir == "" {
		return "", fmt.Errorf("download the sources of this nhctl: %s", downloaded.Error)
	}
	return downloaded.Dir, nil
}
