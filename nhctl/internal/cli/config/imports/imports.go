// Package imports is `nhctl config import`.
package imports

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold"
)

// Options are the command's flags and arguments.
type Options struct {
	File, Name string
	Yes        bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Make a config of Nocalhost's or of a devcontainer.json",
		Long: `Make a config from another tool's. nhctl copies a .nocalhost folder to .dev as it is, with the files that
its config names: that config is valid here without an edit. It translates a config in Nocalhost's first format and a
devcontainer.json, and lists the fields that have no counterpart. Without FILE it takes .nocalhost/config.yaml,
.devcontainer/devcontainer.json or .devcontainer.json of this folder.

It shows the changes to an existing config, and replaces it only with --yes.`,
		Example: `  nhctl config import
  nhctl config import .devcontainer/devcontainer.json --name web`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.File = args[0]
			}
			return run(f, o)
		},
	}
	cmd.Flags().StringVar(&o.Name, "name", "", "name of the workload, for a devcontainer.json (default: the folder's)")
	cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "replace a config that is there")
	return cmd
}

// sources are the files to look for.
var sources = [...]string{".nocalhost/config.yaml", ".devcontainer/devcontainer.json", ".devcontainer.json"}

func run(f *factory.Factory, o *Options) error {
	source := o.File
	for _, s := range sources {
		if _, err := os.Stat(filepath.Join(f.Dir, filepath.FromSlash(s))); source == "" && err == nil {
			source = s
		}
	}
	if source == "" {
		return problem.New(problem.NotFound, "there is nothing to import in %s", f.Dir).
			WithHint("name a file; without one these are looked for: %s", strings.Join(sources[:], ", "))
	}
	source = f.Absolute(source)
	data, err := os.ReadFile(source)
	if err != nil {
		return problem.New(problem.Usage, "read %s: %w", f.Relative(source), err)
	}
	root, made, err := translated(o, source, data)
	if err != nil {
		return problem.New(problem.Usage, "%w", err)
	}
	target := filepath.Join(root, ".dev", "config.yaml")
	if err := place(f, o, target, made.Text); err != nil {
		return err
	}
	if from := filepath.Dir(source); from != root && from != filepath.Dir(target) &&
		!strings.HasSuffix(source, ".json") {
		if err := companions(from, filepath.Dir(target)); err != nil {
			return err
		}
	}
	return report(f, source, target, made.Unmapped)
}

// translated is a source as a config, for a folder.
func translated(o *Options, source string, data []byte) (root string, made scaffold.Imported, err error) {
	root = filepath.Dir(source)
	if base := filepath.Base(root); base == ".nocalhost" || base == ".dev" {
		root = filepath.Dir(root)
	}
	text := string(data)
	switch {
	case strings.HasSuffix(source, ".json"):
		return devcontainer(o, source, data)
	case config.FirstFormat(data):
		made, err = scaffold.FirstFormat(data, config.SchemaURL)
		return root, made, err
	case !strings.HasPrefix(text, "# yaml-language-server:"):
		text = "# yaml-language-server: $schema=" + config.SchemaURL + "\n" + strings.TrimPrefix(text, "\ufeff")
	}
	return root, scaffold.Imported{Text: text}, nil
}

func devcontainer(o *Options, source string, data []byte) (root string, made scaffold.Imported, err error) {
	root = filepath.Dir(source)
	if filepath.Base(root) == ".devcontainer" {
		root = filepath.Dir(root)
	}
	name := o.Name
	if name == "" {
		guess, err := scaffold.LookAt(root)
		if err != nil {
			return root, made, fmt.Errorf("look at the sources: %w", err)
		}
		name = guess.Name
	}
	made, err = scaffold.Devcontainer(data, name, config.SchemaURL)
	return root, made, err
}

func place(f *factory.Factory, o *Options, target, text string) error {
	_, err := scaffold.Place(target, text, func(diff string) (bool, error) {
		fmt.Fprint(f.FileOut(), diff)
		if !o.Yes {
			return false, problem.New(problem.Refused, "%s is there already", f.Relative(target)).
				WithHint("look at the changes above, and agree with --yes")
		}
		return true, nil
	})
	return err
}

// companions copies what lies next to a config: the files that it includes or reads variables from. What is there
// already stays.
func companions(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || rel == "config.yaml" || !d.Type().IsRegular() {
			return err
		}
		target := filepath.Join(to, rel)
		if _, err := os.Lstat(target); err == nil {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, data, info.Mode().Perm()) // an env file may be for its owner alone
	})
}

// report says what came of it.
func report(f *factory.Factory, source, target string, unmapped []string) error {
	file, err := f.Config(target, "")
	if err != nil {
		return err
	}
	slices.Sort(unmapped)
	for _, u := range unmapped {
		fmt.Fprintln(f.Out(), "not carried over:", u)
	}
	for _, text := range file.Notices() {
		fmt.Fprintln(f.Out(), text)
	}
	if err := file.Problem(); err != nil {
		return problem.New(problem.Usage, "%s was written, but is not valid", f.Relative(target)).
			WithHint("correct it; the mistakes are above")
	}
	_, err = fmt.Fprintf(f.Out(), "%s is made of %s\n", f.Relative(target), f.Relative(source))
	return err
}
