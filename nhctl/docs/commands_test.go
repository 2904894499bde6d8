package docs

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kballard/go-shellquote"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
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
