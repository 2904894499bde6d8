// Command gen writes the schemas of the protocol and of the events, and the protocol's types for TypeScript, below the
// root of the module.
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
	protocol, err := os.ReadFile(filepath.Join(root, "schema", "rpc.v1.json"))
	if err != nil {
		return err
	}
	types, err := rpcschema.TypeScript(protocol)
	if err != nil {
		return err
	}
	file := filepath.Join(root, filepath.FromSlash(rpcschema.TypeScriptFile))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, types, 0o644)
}
