// Command installed writes what is installed next to nhctl: OUT/completions and OUT/man. The pages have the version of
// a release, and its time in seconds since 1970. Usage: installed OUT VERSION EPOCH
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nhctl/nhctl/nhctl/docs"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: installed OUT VERSION EPOCH, got %q", args)
	}
	seconds, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return fmt.Errorf("read the time of the release: %w", err)
	}
	completions, err := docs.Completions(root.New(&factory.Factory{}))
	if err != nil {
		return err
	}
	pages, err := docs.ManPages(root.New(&factory.Factory{}), args[1], time.Unix(seconds, 0).UTC())
	if err != nil {
		return err
	}
	for folder, files := range map[string]map[string][]byte{"completions": completions, "man": pages} {
		dir := filepath.Join(args[0], folder)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
