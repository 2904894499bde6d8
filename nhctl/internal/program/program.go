// Package program knows how the user calls nhctl: by its name, or as kubectl's plugin. Everything else writes commands
// as `nhctl ...`; text for people goes through here on its way out. Documents for other programs (-o json), files and
// logs do not: they say nhctl whoever reads them.
package program

import (
	"io"
	"path/filepath"
	"regexp"
	"strings"
)

// Call is how the user calls nhctl.
type Call string

// The calls.
const (
	Itself Call = "nhctl"
	Plugin Call = "kubectl nhctl"
)

// pluginFile is the name by which kubectl finds nhctl, as its command `nhctl`.
const pluginFile = "kubectl-nhctl"

// CallOf is how the user called the file that they ran.
func CallOf(file string) Call {
	if strings.TrimSuffix(filepath.Base(file), ".exe") == pluginFile {
		return Plugin
	}
	return Itself
}

// command is the beginning of a command in a text: the name with one of its commands or a flag. In a sentence about
// nhctl, other words follow.
var command = regexp.MustCompile(`(^|[^\w./-])(?:kubectl )?nhctl( ` +
	`(?:--[a-z]|(?:clean|completion|config|connect|daemon|dap|dev|disconnect|doctor|exchange|help|ide|leave|lsp|mesh|` +
	`mirror|preview|run|status|support|uninstall|version)\b))`)

// Text is a text with its commands as the user would type them. Doing that twice changes nothing.
func (c Call) Text(text string) string {
	if c != Plugin {
		return text
	}
	return command.ReplaceAllString(text, "${1}"+string(c)+"${2}")
}

// Writer is a writer whose texts have their commands as the user would type them. No write ends within a command.
func (c Call) Writer(to io.Writer) io.Writer {
	if c != Plugin {
		return to
	}
	return writer{c, to}
}

type writer struct {
	call Call
	to   io.Writer
}

func (w writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.call.Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
