// Package lsp is `nhctl lsp`.
package lsp

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/lsp"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "lsp",
		Short: "Be a language server for the config, for editors",
		Long: `Be a language server for .dev/config.yaml, its layers and .nocalhost/config.yaml, on standard input and
output: completion, documentation, the findings of "nhctl config validate" as you type, definitions and quick fixes.
Editors start it. It needs no cluster and no daemon, runs nothing, and reads no file outside of the folders that the
editor has open.`,
		Example: "  nhctl lsp",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			debug.SetGCPercent(100) // it stays for as long as the editor
			return lsp.Serve(cmd.Context(), f.Streams.In, f.Streams.Out, lsp.Options{
				Version: buildinfo.Version,
				Env:     f.Env(),
			})
		},
	}
}
