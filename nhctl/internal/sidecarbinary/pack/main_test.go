package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary/archive"
)

// What is packed has both binaries, and is refused where nhctl would grow too much.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binaries := map[string][]byte{"sidecar-linux-amd64": noise(1), "sidecar-linux-arm64": noise(2)}
	packed := filepath.Join(dir, "sidecars.tar.zst")
	args := []string{packed}
	for _, name := range []string{"sidecar-linux-amd64", "sidecar-linux-arm64"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, binaries[name], 0o755); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if err := run(args, size); err == nil || !strings.Contains(err.Error(), "would grow by") {
		t.Errorf("two binaries where there is space for one: %v", err)
	}
	if _, err := os.Stat(packed); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an archive that is too large: %v", err)
	}
	if err := run(args, 3*size); err != nil {
		t.Fatal(err)
	}
	for name, want := range binaries {
		file, err := os.Open(packed)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		content, _, err := archive.Open(file, name)
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

const size = 10_000 // bytes

// noise can't be compressed.
func noise(seed uint64) []byte {
	random, content := rand.New(rand.NewPCG(seed, seed)), make([]byte, size)
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	return content
}
