package docs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kballard/go-shellquote"
)

// Walkthrough names the pages whose commands a scenario runs, in the order in which one reads them.
func Walkthrough() []string { return []string{"first-steps.md", "dev-mode.md"} }

// FirstDevMode is the heading in the README of the commands that `make recording` records.
const FirstDevMode = "Your first dev mode"

// NotRun are the commands of those pages that the scenario leaves out, and why.
func NotRun() map[string]string {
	return map[string]string{
		"dev terminal": "it waits for someone who types: TestTerminalAndExec does",
	}
}

// Shown is a command of nhctl that a page shows in a code block.
type Shown struct {
	// Args are the words behind nhctl.
	Args []string
	// Output are the lines below the command, up to the next empty one.
	Output []string
}

// String is the command without nhctl.
func (s Shown) String() string { return strings.Join(s.Args, " ") }

// Words are those of the output that are the same at each call, of each line the first: names of steps and fields.
func (s Shown) Words() (all []string) {
	for _, line := range s.Output {
		words := firstWords.FindString(strings.TrimSpace(line))
		if words != "" {
			all = append(all, words)
		}
	}
	return all
}

// firstWords are the words up to a value: a number, a name that was made up, what stands in brackets or in the next
// column.
var firstWords = regexp.MustCompile(`^[A-Za-z'-]+(?:/[a-z]+)?(?: [A-Za-z'-]+)*`)

// Section is the part of a page below a heading, up to the next one of its level.
func Section(page, heading string) (string, error) {
	_, text, found := strings.Cut(page, "\n## "+heading+"\n")
	if !found {
		return "", fmt.Errorf("the page has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text, nil
}

// Commands are the commands of a page, in their order: those behind a prompt in a fenced code block, and the lines of
// indented code blocks. Comments behind them are left out.
func Commands(page string) ([]Shown, error) {
	var all []Shown
	fenced, output := false, false
	for line := range strings.SplitSeq(page, "\n") {
		text, prompted := strings.CutPrefix(line, "$ nhctl ")
		indented := false
		if !fenced {
			text, indented = strings.CutPrefix(line, "    nhctl ")
		}
		switch {
		case strings.HasPrefix(line, "```"):
			fenced, output = !fenced, false
		case fenced && prompted || indented:
			text, _, _ = strings.Cut(text, " #")
			words, err := shellquote.Split(text)
			if err != nil {
				return nil, fmt.Errorf("nhctl %s: %w", text, err)
			}
			all = append(all, Shown{Args: words})
			output = prompted
		case line == "":
			output = false
		case output:
			last := &all[len(all)-1]
			last.Output = append(last.Output, line)
		}
	}
	return all, nil
}
