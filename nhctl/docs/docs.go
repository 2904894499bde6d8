// Package docs generates the reference: of the commands from the commands themselves, of the config from its types and
// its scenarios.
package docs

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

//go:generate go run -tags noassets,noquic,noupgrade ./gen .

// Reference describes every command below root, as Markdown.
func Reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands of nhctl\n\nGenerated from the commands themselves; `make generate` writes it again.\n")
	describe(&b, root)
	return b.String()
}

func describe(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	if cmd.HasParent() && !cmd.HasSubCommands() {
		text := cmd.Long
		if text == "" {
			text = cmd.Short + "."
		}
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n```\n", cmd.CommandPath(), text, cmd.UseLine())
		if cmd.Example != "" {
			fmt.Fprintf(b, "\nExamples:\n\n```\n%s\n```\n", cmd.Example)
		}
		if usage := cmd.LocalNonPersistentFlags().FlagUsages(); usage != "" {
			fmt.Fprintf(b, "\nFlags:\n\n```\n%s```\n", usage)
		}
	}
	if !cmd.HasParent() {
		fmt.Fprintf(b, "\nFlags of every command:\n\n```\n%s```\n", cmd.PersistentFlags().FlagUsages())
	}
	for _, sub := range cmd.Commands() {
		describe(b, sub)
	}
}
