package plant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
)

// binary is the only one there is, for one architecture.
type binary struct{ arch, content string }

func (binary) Check() error { return nil }

func (b binary) Open(_ context.Context, arch string) (sidecarbinary.Binary, error) {
	if arch != b.arch {
		return sidecarbinary.Binary{}, errors.New("there is no sidecar for " + arch)
	}
	return sidecarbinary.Binary{
		ReadCloser: io.NopCloser(strings.NewReader(b.content)),
		Size:       int64(len(b.content)),
	}, nil
}

// here runs the pod's side with this computer's shell, and puts the binary elsewhere.
func here(machine string, cut bool, to string) Exec {
	return func(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
		if argv[0] == "uname" {
			_, err := io.WriteString(stdout, machine+"\n")
			return err
		}
		argv[3] = to
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Stdin = stdin
		if cut {
			cmd.Stdin = io.LimitReader(stdin, 10)
		}
		return cmd.Run()
	}
}

// status is the end of a command in a pod, as client-go tells it.
type status int

func (s status) Error() string   { return fmt.Sprintf("command terminated with exit code %d", int(s)) }
func (s status) ExitStatus() int { return int(s) }

// The container ends with the binary's arrival, and may take the command along: that is no failure, but only once the
// binary was whole.
func TestKilledOnArrival(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		said  string
		end   error
		fails bool
	}{
		"killed when it was there":     {"whole\n", status(137), false},
		"killed before":                {"", status(137), true},
		"it could not be put in place": {"whole\n", status(1), true},
		"the connection was lost":      {"whole\n", io.ErrUnexpectedEOF, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := func(_ context.Context, _ io.Reader, stdout io.Writer, argv ...string) error {
				if argv[0] == "uname" {
					_, err := io.WriteString(stdout, "x86_64\n")
					return err
				}
				_, err := io.WriteString(stdout, tt.said)
				return errors.Join(err, tt.end)
			}
			if err := Into(t.Context(), pod, binary{"amd64", "content"}); (err != nil) != tt.fails {
				t.Errorf("%v", err)
			}
		})
	}
}

// The binary of the pod's architecture arrives whole, or not at all.
func TestInto(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		machine, arch string
		cut           bool
		failed        string
	}{
		"amd64":            {machine: "x86_64", arch: "amd64"},
		"arm64":            {machine: "aarch64", arch: "arm64"},
		"cut short":        {machine: "x86_64", arch: "amd64", cut: true, failed: "copy the sidecar's binary"},
		"of another":       {machine: "aarch64", arch: "amd64", failed: "no sidecar for arm64"},
		"of an unknown":    {machine: "s390x", arch: "amd64", failed: "no sidecar for s390x"},
		"of Go's own name": {machine: "riscv64", arch: "riscv64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := filepath.Join(t.TempDir(), "sidecar")
			content := strings.Repeat("\x7fELF and more\n", 100)
			err := Into(t.Context(), here(tt.machine, tt.cut, to), binary{tt.arch, content})
			if tt.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tt.failed) {
					t.Errorf("%v, want %q in it", err, tt.failed)
				}
				if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("something of it is there: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(to)
			if err != nil || string(got) != content {
				t.Errorf("%d bytes arrived, want %d: %v", len(got), len(content), err)
			}
			if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("%v %v", info, err)
			}
		})
	}
}
