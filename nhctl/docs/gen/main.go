// Command gen writes the generated pages into a folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/docs"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	fields, err := docs.Config(os.DirFS(filepath.Join(dir, "..", "test", "e2e")))
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"reference.md": docs.Reference(root.New(&factory.Factory{})), "config.md": fields} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
