package docs

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kballard/go-shellquote"
	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
	"github.com/nhctl/nhctl/nhctl/internal/program"
)

// inSentence is a command of nhctl in the text of a page.
var inSentence = regexp.MustCompile("`nhctl ([a-z][^`]*)`")

// calls are the words of the commands that a page shows: those of its code blocks, up to a pipe, and those in its
// sentences, unless they have a choice, a pipe or an ellipsis.
func calls(page string) ([][]string, error) {
	shown, err := Commands(page)
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, s := range shown {
		if pipe := slices.Index(s.Args, "|"); pipe >= 0 {
			s.Args = s.Args[:pipe]
		}
		all = append(all, s.Args)
	}
	for _, m := range inSentence.FindAllStringSubmatch(page, -1) {
		text := strings.Join(strings.Fields(m[1]), " ")
		if strings.ContainsAny(text, "|[…$") || strings.Contains(text, "...") {
			continue
		}
		words, err := shellquote.Split(text)
		if err != nil {
			return nil, fmt.Errorf("nhctl %s: %w", text, err)
		}
		all = append(all, words)
	}
	return all, nil
}

// Every command that a page shows is one of nhctl's, with flags and arguments that it takes.
func TestCommandsInPages(t *testing.T) {
	t.Parallel()
	seen := 0
	tree(t, func(path string, data []byte) {
		if filepath.Base(path) == "CHANGELOG.md" {
			return
		}
		all, err := calls(string(data))
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, words := range all {
			seen++
			text := strings.Join(words, " ")
			cmd, rest, err := root.New(&factory.Factory{}).Find(words)
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err == nil && cmd.HasSubCommands() && len(cmd.Flags().Args()) > 0 {
				t.Errorf("%s: nhctl %s: %s has no such command", path, text, cmd.CommandPath())
			}
			if err != nil {
				t.Errorf("%s: nhctl %s: %v", path, text, err)
			}
		}
	}, ".md")
	if seen < 60 {
		t.Errorf("only %d commands were seen in the pages", seen)
	}
}

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
	cmd := root.New(&factory.Factory{})
	if !cmd.HasSubCommands() {
		t.Fatal("there are no commands")
	}
	visit(cmd)
}

// Every command that there is is known where commands in texts are found.
func TestCommandsAreFound(t *testing.T) {
	t.Parallel()
	cmd := root.New(&factory.Factory{})
	cmd.InitDefaultHelpCmd()
	cmd.InitDefaultCompletionCmd()
	if len(cmd.Commands()) < 8 {
		t.Fatalf("only %d commands", len(cmd.Commands()))
	}
	for _, c := range cmd.Commands() {
		if got, want := program.Plugin.Text("nhctl "+c.Name()), "kubectl nhctl "+c.Name(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
