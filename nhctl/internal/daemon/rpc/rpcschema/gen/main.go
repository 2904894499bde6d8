// Command gen writes the schemas of the protocol and of the events, below the root of the module.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	source := &rpcschema.Source{Root: root}
	for name, schema := range map[string]func(*rpcschema.Source) ([]byte, error){
		"rpc.v1.json":    rpcschema.Protocol,
		"events.v1.json": rpcschema.Events,
	} {
		data, err := schema(source)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, "schema", name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
