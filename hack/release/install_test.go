package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/hack/release/internal/archive"
)

// program is what the archive has in place of nhctl.
const program = "#!/bin/sh\necho \"nhctl v0.1.0 ($1)\"\n"

// release has the files that the installer downloads, for linux/arm64.
func release(t *testing.T) map[string][]byte {
	t.Helper()
	var b bytes.Buffer
	files := []archive.File{{Name: "nhctl", Mode: 0o755, Data: []byte(program)}, {Name: "LICENSE", Mode: 0o644}}
	if err := archive.TarGz(&b, files, time.Unix(1_777_777_776, 0)); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	other := strings.Repeat("0", 64)
	return map[string][]byte{
		"nhctl_0.1.0_linux_arm64.tar.gz": b.Bytes(),
		"checksums.txt": []byte(other + "  install.sh\n" + other + "  nhctl_0.1.0_linux_arm64.cdx.json\n" +
			hex.EncodeToString(sum[:]) + "  nhctl_0.1.0_linux_arm64.tar.gz\n"),
	}
}

// install runs the installer for a release on a machine, and returns its home directory and what it prints.
func install(
	t *testing.T, files map[string][]byte, system, machine string, env ...string,
) (home, out string, err error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[strings.TrimPrefix(r.URL.Path, "/v0.1.0/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	home = t.TempDir()
	tools, temporary := t.TempDir(), t.TempDir()
	uname := "#!/bin/sh\ncase $1 in -s) echo " + system + " ;; -m) echo " + machine + " ;; esac\n"
	if err := os.WriteFile(filepath.Join(tools, "uname"), []byte(uname), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "install.sh")
	cmd.Env = append([]string{
		"HOME=" + home,
		"PATH=" + tools + string(os.PathListSeparator) + os.Getenv("PATH"),
		"TMPDIR=" + temporary,
		"NHCTL_BASE_URL=" + server.URL + "/v0.1.0/",
		"NHCTL_INSTALL_DIR=" + filepath.Join(home, "bin"),
	}, env...)
	text, err := cmd.CombinedOutput()
	// Whatever happens, nothing is left behind.
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return home, string(text), err
}

func TestInstall(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, system, machine string }{
		{"aarch64", "Linux", "aarch64"},
		{"arm64", "Linux", "arm64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			home, out, err := install(t, release(t), test.system, test.machine)
			if err != nil {
				t.Fatalf("install: %v\n%s", err, out)
			}
			dir := filepath.Join(home, "bin")
			want := "installed nhctl v0.1.0 (version) as " + dir + "/nhctl\n" +
				dir + " is not on your PATH: add it there\n"
			if out != want {
				t.Errorf("it prints:\n%swant:\n%s", out, want)
			}
			for _, name := range []string{"nhctl", "kubectl-nhctl"} {
				if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != program {
					t.Errorf("%s: %q, %v", name, data, err)
				}
			}
		})
	}
}

// A second installation takes the place of the first, whose program may be running.
func TestInstallAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nhctl"), []byte("old"), 0o555); err != nil {
		t.Fatal(err)
	}
	if _, out, err := install(t, release(t), "Linux", "aarch64", "NHCTL_INSTALL_DIR="+dir); err != nil {
		t.Fatalf("install: %v\n%s", err, out)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "nhctl")); err != nil || string(data) != program {
		t.Errorf("nhctl is %q, %v", data, err)
	}
}

// What is not as it should be installs nothing, and says why.
func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	const name = "nhctl_0.1.0_linux_arm64.tar.gz"
	tests := []struct {
		name            string
		change          func(files map[string][]byte)
		system, machine string
		want            string
	}{
		{name: "another archive", change: func(files map[string][]byte) { files[name] = []byte("someone else's") },
			want: name + " is not the one that was released"},
		{name: "no archive", change: func(files map[string][]byte) { delete(files, name) }, want: "can't download "},
		{name: "no hashes", change: func(files map[string][]byte) { delete(files, "checksums.txt") },
			want: "can't download "},
		{name: "no hash of the archive", change: func(files map[string][]byte) { files["checksums.txt"] = nil },
			want: "has no nhctl for linux/arm64"},
		{name: "a page in place of hashes",
			change: func(files map[string][]byte) { files["checksums.txt"] = []byte("<html> nhctl_ is gone") },
			want:   "has no nhctl for linux/arm64"},
		{name: "platform that was not released", machine: "x86_64", want: "has no nhctl for linux/amd64"},
		{name: "system that was not released", system: "Darwin", want: "has no nhctl for darwin/arm64"},
		{name: "unknown machine", machine: "riscv64", want: "there is no nhctl for riscv64"},
		{name: "unknown system", system: "MINGW64_NT", want: "there is no nhctl for MINGW64_NT here; on Windows use"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := release(t)
			if test.change != nil {
				test.change(files)
			}
			system, machine := test.system, test.machine
			if system == "" {
				system = "Linux"
			}
			if machine == "" {
				machine = "aarch64"
			}
			home, out, err := install(t, files, system, machine)
			if err == nil || !strings.Contains(out, "install: ") || !strings.Contains(out, test.want) {
				t.Errorf("%v; it prints:\n%swant %q", err, out, test.want)
			}
			if entries, err := os.ReadDir(home); err != nil || len(entries) != 0 {
				t.Errorf("installed: %v, %v", entries, err)
			}
		})
	}
}
