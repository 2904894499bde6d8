// Package schema is `nhctl config schema`.
package schema

import (
	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/schema"
)

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of the config",
		Example: "  nhctl config schema > config.v1.json",
		Args:    cobra.NoArgs,
		Long: "Print the JSON Schema (2020-12) of .dev/config.yaml, for editors. The first line of a config that " +
			"nhctl writes points them to the published one.",
		RunE: func(*cobra.Command, []string) error {
			_, err := f.FileOut().Write(schema.Config)
			return err
		},
	}
}
