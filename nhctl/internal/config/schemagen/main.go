// Command schemagen writes the config's JSON Schema to a file.
package main

import (
	"fmt"
	"os"

	"github.com/nhctl/nhctl/nhctl/internal/config"
)

func main() {
	data, err := config.Schema()
	if err == nil {
		err = os.WriteFile(os.Args[1], data, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
