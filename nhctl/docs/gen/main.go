// Command gen writes the reference of all commands to a file.
package main

import (
	"fmt"
	"os"

	"github.com/nhctl/nhctl/nhctl/docs"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
)

func main() {
	if err := os.WriteFile(os.Args[1], []byte(docs.Reference(root.New(&factory.Factory{}))), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
