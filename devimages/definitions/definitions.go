// Package definitions holds the images' definitions, as data: one YAML file an image.
package definitions

import "embed"

// Files holds NAME.yaml for every image.
//
//go:embed *.yaml
var Files embed.FS
