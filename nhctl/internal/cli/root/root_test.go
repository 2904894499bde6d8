package root

import (
	"testing"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
)

// The reference is generated from these, so none may be missing.
func TestEveryCommandIsDescribed(t *testing.T) {
	t.Parallel()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short description", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	cmd := New(&factory.Factory{})
	if !cmd.HasSubCommands() {
		t.Fatal("there are no commands")
	}
	visit(cmd)
}
