package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kballard/go-shellquote"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
)

// shownCommand is a command of nhctl in a page: on a line of its own, behind a prompt, or in the text.
var shownCommand = regexp.MustCompile("(?m)^(?: {4}|\\$ )nhctl ([a-z][^#\\n|<>]*)|`nhctl ([a-z][^`]*)`")

// Every command that a page shows is one of nhctl's, with flags and arguments that it takes.
func TestCommandsInPages(t *testing.T) {
	t.Parallel()
	seen := 0
	tree(t, func(path string, data []byte) {
		if filepath.Base(path) == "CHANGELOG.md" {
			return
		}
		for _, m := range shownCommand.FindAllStringSubmatch(string(data), -1) {
			text := strings.TrimSpace(m[1] + m[2])
			if strings.ContainsAny(text, "|[…$") || strings.Contains(text, "...") {
				continue // a choice, a pipe or an ellipsis
			}
			words, err := shellquote.Split(strings.Join(strings.Fields(text), " "))
			if err != nil {
				t.Errorf("%s: nhctl %s: %v", path, text, err)
				continue
			}
			seen++
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
