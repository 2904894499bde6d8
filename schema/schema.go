// Package schema embeds the JSON Schemas of the project's files, for editors and programs. They are generated from Go types.
package schema

import _ "embed"

// Config is the JSON Schema (2020-12) of .dev/config.yaml.
//
//go:embed config.v1.json
var Config []byte
