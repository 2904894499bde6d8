package podenv

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Formats are those that Print knows.
func Formats() []string { return []string{"sh", "docker", "json"} }

// CheckFormat says why a word is none of them.
func CheckFormat(format string) error {
	if !slices.Contains(Formats(), format) {
		return problem.New(problem.Usage, "--print-env %s: want %s", format, strings.Join(Formats(), ", "))
	}
	return nil
}

// Print writes the changes: as lines for a shell, as a file for --env-file of docker, or as a JSON object of the
// variables that are set. It writes all or nothing.
func (c Changes) Print(w io.Writer, format string) error {
	print := map[string]func(io.Writer) error{"sh": c.shell, "docker": c.docker, "json": c.json}[format]
	if print == nil {
		return CheckFormat(format)
	}
	var text bytes.Buffer
	if err := print(&text); err != nil {
		return err
	}
	_, err := w.Write(text.Bytes())
	return err
}

// shellName is a variable that a shell can have.
var shellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (c Changes) shell(w io.Writer) error {
	for _, name := range slices.Sorted(slices.Values(c.Unset)) {
		if shellName.MatchString(name) {
			fmt.Fprintf(w, "unset %s\n", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		if !shellName.MatchString(name) { // a program may have it, but no shell
			fmt.Fprintf(w, "# left out, since no shell can have it: %s\n", escape.Line(name))
			continue
		}
		fmt.Fprintf(w, "export %s='%s'\n", name, strings.ReplaceAll(c.Set[name], "'", `'\''`))
	}
	return nil
}

// docker reads a line as it is: it knows neither quotes nor escapes.
func (c Changes) docker(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		value := c.Set[name]
		if strings.ContainsAny(value, "\n\r") {
			return problem.New(problem.Refused, "variable %s has several lines, which docker's files can't have",
				escape.Line(name)).
				WithHint("leave it out with --unset %s, or use --print-env json", escape.Line(name))
		}
		if strings.HasPrefix(name, "#") || strings.ContainsAny(name, " \t\n\r") {
			return problem.New(problem.Refused, "docker's files can't have a variable %q", escape.Line(name)).
				WithHint("leave it out with --unset, or use --print-env json")
		}
		fmt.Fprintf(w, "%s=%s\n", name, value)
	}
	return nil
}

func (c Changes) json(w io.Writer) error {
	data, err := escape.JSON(c.Set, "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
