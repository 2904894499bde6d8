// Package set is `nhctl config set`.
package set

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/config/edit"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold"
)

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use:   "set PATH VALUE",
		Short: "Set one field of a config",
		Long: `Set one field of a config, and leave the rest of the file as it is written: comments, order, anchors. The
command is for scripts and IDEs. Name the items of lists by their index or their name. nhctl refuses a change that would
make the config invalid.`,
		Example: `  nhctl config set containers[0].dev.image registry.example.com/dev/web:2
  nhctl config set containers[app].dev.hotReload true`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return run(f, file, args[0], args[1]) },
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "config file (default: that of this folder or of one above it)")
	return cmd
}

func run(f *factory.Factory, name, path, value string) error {
	file, err := f.Config(name, "")
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file.Path)
	if err != nil {
		return fmt.Errorf("read the config: %w", err)
	}
	text, err := edit.Set(string(old), path, value)
	if err != nil {
		return problem.New(problem.Usage, "%w", err)
	}
	checked := config.Check(file.Path, []byte(text), config.Options{Env: f.Env()})
	if err := checked.Problem(); err != nil && file.Problem() == nil {
		return err
	}
	if _, err := scaffold.Place(file.Path, text, func(string) (bool, error) { return true, nil }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f.Out(), "%s: %s is %s\n", f.Relative(file.Path), path, value)
	return err
}
