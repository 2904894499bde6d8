// Command gen writes the schema of the debug adapter's arguments, below the root of the module.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/dap/dapschema"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	data, err := dapschema.Arguments(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "schema", dapschema.Name), data, 0o644)
}
