// Command gen writes the generated pages of a folder, and what its other pages show of the repository's files.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/docs"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	scenarios := os.DirFS(filepath.Join(dir, "..", "test", "e2e"))
	fields, err := docs.Config(scenarios)
	if err != nil {
		return err
	}
	kinds, err := docs.Kinds(scenarios)
	if err != nil {
		return err
	}
	pods, err := docs.Pods(scenarios)
	if err != nil {
		return err
	}
	pages := map[string]string{
		"reference.md": docs.Reference(root.New(&factory.Factory{})),
		"config.md":    fields,
		"kinds.md":     kinds,
		"pods.md":      pods,
		"role.md":      docs.Role(kube.Role),
		"names.md":     docs.ProtectedNames(),
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return refresh(dir)
}

func refresh(dir string) error {
	repository := os.DirFS(filepath.Join(dir, "..", ".."))
	languages, err := filepath.Glob(filepath.Join(dir, "languages", "*.md"))
	if err != nil {
		return err
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, page := range append(pages, languages...) {
		old, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		text, err := docs.Refresh(string(old), repository)
		if err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
