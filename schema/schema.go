// Package schema embeds the JSON Schemas of the project's files and protocols, for editors and programs. They are
// generated from Go types.
package schema

import _ "embed"

// Config is the JSON Schema (2020-12) of .dev/config.yaml.
//
//go:embed config.v1.json
var Config []byte

// RPC is the JSON Schema (2020-12) of the daemon's protocol.
//
//go:embed rpc.v1.json
var RPC []byte

// DAP is the JSON Schema (2020-12) of the arguments of `nhctl dap`.
//
//go:embed dap.v1.json
var DAP []byte

// Events is the JSON Schema (2020-12) of the events, which `-o json` prints a line each.
//
//go:embed events.v1.json
var Events []byte
