package root

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

const (
	// pluginName is the name by which kubectl finds nhctl, as its command `nhctl`.
	pluginName = "kubectl-nhctl"
	// pluginCall is how its users call it then.
	pluginCall = "kubectl nhctl"
)

// isPlugin says whether kubectl ran the program as its plugin.
func isPlugin(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == pluginName
}

// exampleCall is the beginning of a line that calls nhctl.
var exampleCall = regexp.MustCompile(`(?m)^  nhctl `)

// showAsPlugin has help and usage call the commands as kubectl's users do.
func showAsPlugin(root *cobra.Command) {
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: pluginCall}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Example = exampleCall.ReplaceAllString(cmd.Example, "  "+pluginCall+" ")
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
