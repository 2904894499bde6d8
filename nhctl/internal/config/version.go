package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// formatVersion is the version of the format that this build reads; a config that names none is of it.
const formatVersion = 2

// newer tells of a config of a version that this build does not know, once instead of for each field that it has not.
func (d *decoder) newer(roots []*yaml.Node) bool {
	for _, root := range roots {
		n := node.Deref(node.Lookup(node.Lookup(root, "configProperties"), "version"))
		version, ok := versionOf(n)
		switch {
		case node.Blank(n):
		case !ok:
			d.fail(n, "version: want v%d, got %s", formatVersion, node.Describe(n))
			return true
		case version > formatVersion:
			x := source.Finding{Severity: source.Error, Code: source.NewerFormat}
			d.tell(x, n, "a newer nhctl wrote this config: it is of version v%d, and this nhctl reads up to v%d; "+
				"install the version of nhctl that your team uses", version, formatVersion)
			return true
		}
	}
	return false
}

// versionOf reads a version such as v2.
func versionOf(n *yaml.Node) (version int, ok bool) {
	const digits = 6 // no format has more versions
	number := strings.TrimPrefix(strings.ToLower(node.Text(n)), "v")
	version, err := strconv.Atoi(number)
	return version, err == nil && version > 0 && len(number) <= digits
}
