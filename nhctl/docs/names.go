package docs

import (
	"fmt"
	"strings"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// ProtectedNames describes the names that must not come from a pod, as Markdown.
func ProtectedNames() string {
	var b strings.Builder
	b.WriteString(`# Names that must not come from a pod

Generated from the table that sync goes by; ` + "`make generate`" + ` writes it again. Programs on the computer act on
these files without being asked: whoever can run code in the pod must not gain the computer by them. A name holds at any
depth, in any case and spelling that a file system takes for the same (` + "`GIT~1`, `.git.`" + `,
` + "`.git::$INDEX_ALLOCATION`" + `), for a file or for a folder and all below it.

| name | travels | because |
|---|---|---|
`)
	for _, n := range ignore.Names() {
		way := "not at all, but for files that a command of the config names"
		switch {
		case n.OfRepository():
			way = "not at all"
		case n.Class == ignore.OneWay:
			way = "to the pod, and never comes back changed"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", n.Name, way, n.Reason)
	}
	return b.String()
}
