// Package dapschema describes the arguments of the debug adapter's launch and attach as a JSON Schema and as a table,
// made of the Go type and its comments. Editors' extensions take their attributes from the schema.
package dapschema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
	"github.com/nhctl/nhctl/nhctl/internal/dap"
)

// Name is the file of the schema.
const Name = "dap.v1.json"

// Arguments is the schema. root is the directory of the module, whose comments are read.
func Arguments(root string) ([]byte, error) {
	return rpcschema.Document(&rpcschema.Source{Root: root}, reflect.TypeFor[dap.Arguments](), Name,
		"nhctl debug adapter", "The arguments of the requests launch and attach of nhctl dap. Arguments are only ever "+
			"added.")
}

// Table is the schema as a table of Markdown.
func Table(schema []byte) (string, error) {
	var s struct {
		Defs map[string]struct {
			Properties map[string]struct {
				Type        string `json:"type"`
				Ref         string `json:"$ref"`
				Description string `json:"description"`
			} `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| argument | type | meaning |\n|---|---|---|\n")
	for _, name := range dap.Names() {
		p, there := s.Defs["Arguments"].Properties[name]
		if !there {
			return "", fmt.Errorf("the schema has no argument %q", name)
		}
		if p.Type == "" {
			p.Type = "object"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, p.Type, p.Description)
	}
	return b.String(), nil
}
