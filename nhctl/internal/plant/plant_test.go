package plant

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// program writes as much of an executable as the architecture is read from.
func program(t *testing.T, file string, machine byte) {
	t.Helper()
	header := append([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0}, make([]byte, 56)...)
	header[16], header[18], header[20], header[52] = 2, machine, 1, 64
	if err := os.WriteFile(file, header, 0o755); err != nil {
		t.Fatal(err)
	}
}

const amd64, arm64 = 62, 183

func TestFind(t *testing.T) {
	t.Parallel()
	empty, built, released := t.TempDir(), t.TempDir(), t.TempDir()
	program(t, filepath.Join(built, "sidecar"), amd64)
	program(t, filepath.Join(released, "sidecar-linux-amd64"), amd64)
	program(t, filepath.Join(released, "sidecar-linux-arm64"), arm64)
	for name, tt := range map[string]struct {
		dirs    []string
		machine string
		want    string
		code    problem.Code
	}{
		"of this build": {[]string{empty, built}, "x86_64", filepath.Join(built, "sidecar"), ""},
		"of a release": {[]string{released, built}, "aarch64",
			filepath.Join(released, "sidecar-linux-arm64"), ""},
		"for another architecture": {[]string{built}, "aarch64", "", problem.NotFound},
		"nowhere":                  {[]string{empty}, "x86_64", "", problem.NotFound},
		"for none that there is":   {[]string{released}, "s390x", "", problem.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := find(tt.dirs, tt.machine)
			if p := problem.From(err); got != tt.want || err != nil && p.Code != tt.code ||
				(err == nil) != (tt.code == "") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if err := errors.Join(Check([]string{built}), Check([]string{released})); err != nil {
		t.Error(err)
	}
	if err := Check([]string{empty}); err == nil {
		t.Error("nothing is found everywhere")
	}
}

// here runs the pod's side with this computer's shell, and puts the binary elsewhere.
func here(cut bool, to string) Exec {
	return func(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
		if argv[0] == "uname" {
			_, err := io.WriteString(stdout, "x86_64\n")
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

// The binary arrives whole, or not at all.
func TestInto(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "sidecar")
	program(t, filepath.Join(from, "sidecar"), amd64)
	if err := Into(t.Context(), here(true, to), []string{from}); err == nil ||
		!strings.Contains(err.Error(), "copy the sidecar's binary") {
		t.Errorf("cut short: %v", err)
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half of it is there: %v", err)
	}
	if err := Into(t.Context(), here(false, to), []string{from}); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(filepath.Join(from, "sidecar"))
	got, err := os.ReadFile(to)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", info, err)
	}
}
