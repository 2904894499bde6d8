// Command pack makes the archive of the sidecar's binaries that nhctl embeds.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary/archive"
)

// most is how many bytes nhctl may grow by what it carries. Every build of nhctl with sidecars comes by here, so that
// none is larger.
const most = 12_000_000

func main() {
	if err := run(os.Args[1:], most); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// run packs binaries, under the names of their files, into an archive of at most so many bytes.
func run(args []string, most int) error {
	if len(args) < 2 {
		return errors.New("want an archive and the binaries for it")
	}
	files := map[string]string{}
	var names []string
	for _, file := range args[1:] {
		name := filepath.Base(file)
		files[name], names = file, append(names, name)
	}
	var packed bytes.Buffer
	err := archive.Write(&packed, names, func(name string) ([]byte, error) { return os.ReadFile(files[name]) })
	if err != nil {
		return err
	}
	if size := packed.Len(); size > most {
		return fmt.Errorf("nhctl would grow by %d bytes, and %d are allowed: `go list -deps ./sidecar` shows what is "+
			"in the sidecar", size, most)
	}
	return os.WriteFile(args[0], packed.Bytes(), 0o644)
}
