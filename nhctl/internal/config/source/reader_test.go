package source

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// files are a config and what it includes, by name.
type files map[string]string

const mainFile = "/w/.dev/config.yaml"

// read reads the main file.
func (f files) read(env map[string]string) (*Reader, []*yaml.Node, Findings) {
	found := NewCollector()
	r := NewReader(mainFile, func(path string) ([]byte, error) {
		text, ok := f[filepath.ToSlash(path)]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}, found)
	r.Env = func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
	roots := r.Documents(mainFile, Text([]byte(f[mainFile])))
	return r, roots, found.Findings()
}

// written are the texts of all scalars below some nodes, with their places.
func written(r *Reader, nodes []*yaml.Node) (all []string) {
	for _, n := range nodes {
		if n.Kind == yaml.ScalarNode {
			at := r.At(n)
			all = append(all, fmt.Sprintf("%s:%d:%d: %s", filepath.Base(at.File), at.Line, at.Column, n.Value))
		}
		all = append(all, written(r, n.Content)...)
	}
	return all
}

// Every node knows the place where it was written, behind what was put in and in other files too.
func TestPlaces(t *testing.T) {
	t.Parallel()
	r, roots, findings := files{
		mainFile: "\ufeff# $HOME in a comment\na: ${LONG} # x\nb: [${LONG}, c]\n${_INCLUDE_:- ./more.yaml}\n" +
			"d:\n  ${_INCLUDE_:- ./deep/inner.yaml | nindent 2}\n---\nsecond: document\n",
		"/w/.dev/more.yaml":       "more: $NONE\n",
		"/w/.dev/deep/inner.yaml": "inner:\n  text: $$x\n",
		"/w/.dev/unused.yaml":     "",
	}.read(map[string]string{"LONG": "xxxxxxxxxx"})
	want := []string{
		"config.yaml:2:1: a", "config.yaml:2:4: xxxxxxxxxx",
		"config.yaml:3:1: b", "config.yaml:3:5: xxxxxxxxxx", "config.yaml:3:14: c",
		"more.yaml:1:1: more", "more.yaml:1:6: ",
		"config.yaml:5:1: d", "inner.yaml:1:1: inner", "inner.yaml:2:3: text", "inner.yaml:2:9: $x",
		"config.yaml:8:1: second", "config.yaml:8:9: document",
	}
	if diff := cmp.Diff(want, written(r, roots)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"LONG", "NONE"}, r.Variables()); diff != "" {
		t.Error(diff)
	}
	read := []string{mainFile, "/w/.dev/deep/inner.yaml", "/w/.dev/more.yaml"}
	got := r.Files()
	for i := range got {
		got[i] = filepath.ToSlash(got[i])
	}
	if diff := cmp.Diff(read, got); diff != "" {
		t.Error(diff)
	}
	const unset = "/w/.dev/more.yaml:1:7: warning: $NONE is not set"
	if len(findings) != 1 || !strings.HasPrefix(findings.String(), unset) {
		t.Errorf("%s", findings)
	}
}

func TestSubstitution(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PORT": "80", "EMPTY": ""}
	for text, want := range map[string]string{
		"${PORT}":           "80",
		"$PORT":             "80",
		"$PORT/x":           "80/x",
		"a${PORT}b":         "a80b",
		"${NONE:-def}":      "def",
		"${NONE-def}":       "def",
		"${EMPTY:-def}":     "def",
		"x${EMPTY-def}":     "x",
		"${NONE:-}x":        "x",
		"${PORT:+set}":      "set",
		"x${NONE:+set}":     "x",
		"${PORT:?must}":     "80",
		"$$PORT":            "$PORT",
		"$${PORT}":          "${PORT}",
		"cost 5$":           "cost 5$",
		"a $(cmd)":          "a $(cmd)",
		"${NONE:-a b c/$x}": "a b c/$x",
	} {
		_, roots, findings := files{mainFile: "'" + text + "'\n"}.read(env)
		if len(findings) > 0 || len(roots) != 1 || roots[0].Value != want {
			t.Errorf("%s became %+v, want %q; %s", text, roots, want, findings)
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files files
		want  string
	}{
		"not set, needed": {files{mainFile: "name: ${NAME:?say who}\n"},
			":1:7: NAME: say who\n    name: ${NAME:?say who}\n          ^^^^^^^^^^^^^^^^"},
		"not set":     {files{mainFile: "name: a${NAME}\n"}, ":1:8: warning: NAME is not set"},
		"for a shell": {files{mainFile: "run: $HOME/x\n"}, "write $$HOME for the container's shell"},
		"no name":     {files{mainFile: "name: ${a b}\n"}, ":1:7: want ${NAME}"},
		"no YAML":     {files{mainFile: "name: a\nx: [\n"}, ":2:1: this is not valid YAML: did not find expected node"},
		"a tab": {files{mainFile: "name: a\nlist:\n\t- b\n"},
			":3:1: a tab in the indentation: YAML wants spaces\n    \t- b\n    ^"},
		"no text": {files{mainFile: "\x00\x01"}, ":1:1: this is no text"},
		"missing": {files{mainFile: "name: a\n${_INCLUDE_:- ./x.yaml}\n"},
			":2:1: include /w/.dev/config.yaml -> /w/.dev/x.yaml: there is no such file"},
		"circular": {files{mainFile: "${_INCLUDE_:- ./x.yaml}\n",
			"/w/.dev/x.yaml": "name: a\n${_INCLUDE_:- config.yaml}"}, "/w/.dev/x.yaml:2:1: the files include each " +
			"other: /w/.dev/config.yaml -> /w/.dev/x.yaml -> /w/.dev/config.yaml"},
		"a pasted quote": {files{mainFile: "image: “x” # “fine”\n"}, ":1:8: warning: a typographic quote"},
		"a pasted space": {files{mainFile: "image: a\u00a0b\n"}, ":1:9: warning: a space that is not one (U+00A0)"},
	} {
		_, roots, findings := tt.files.read(nil)
		if got := findings.String(); len(findings) != 1 || !strings.Contains(got, tt.want) {
			t.Errorf("%s:\ngot:  %s\nwant: %s", name, got, tt.want)
		}
		if findings.Failed() != (roots == nil) {
			t.Errorf("%s: %d documents", name, len(roots))
		}
	}
}

// Included files have a limit together.
func TestLargeConfig(t *testing.T) {
	t.Parallel()
	_, _, findings := files{
		mainFile:         strings.Repeat("${_INCLUDE_:- ./x.yaml}\n", 5),
		"/w/.dev/x.yaml": strings.Repeat("#"+strings.Repeat(" ", 999)+"\n", 500),
	}.read(nil)
	if !findings.Failed() || !strings.Contains(findings.String(), "larger than 2097152 bytes") {
		t.Errorf("%s", findings)
	}
}

// Findings are sorted by place, each is there once, and a fork's quote the same files.
func TestCollector(t *testing.T) {
	t.Parallel()
	c := NewCollector()
	c.SetText("b", "one\r\n\ttwo\n")
	for range 2 {
		fork := c.Fork()
		fork.Add(Finding{Severity: Error}, Position{"b", 2, 2}, 3, "what is %d", 2)
		fork.Add(Finding{Severity: Warning}, Start("b"), 0, "a first line")
		c.Join(fork)
	}
	c.Add(Finding{Severity: Warning}, Position{"a", 7, 1}, 1, "another file")
	want := "a:7:1: warning: another file\n" +
		"b:1:1: warning: a first line\n    one\n    ^\n" +
		"b:2:2: what is 2\n    \ttwo\n    \t^^^"
	if diff := cmp.Diff(want, c.Findings().String()); diff != "" {
		t.Error(diff)
	}
	if !c.Failed() || c.Fork().Failed() {
		t.Error("an error fails its own collector")
	}
}

func TestIncludes(t *testing.T) {
	t.Parallel()
	text := "a: ${_INCLUDE_:- ./b.yaml | nindent 2}\n# ${_INCLUDE_:-/c}\n${_INCLUDE_:-}\n"
	want := []Include{
		{Path: filepath.Join("/w", "b.yaml"), Start: 3, End: 38},
		{Path: filepath.FromSlash("/c"), Start: 41, End: 57},
	}
	if filepath.Separator != '/' { // a path without a drive is no absolute one there
		want[1].Path = filepath.Join("/w", "c")
	}
	if diff := cmp.Diff(want, Includes(filepath.FromSlash("/w/a.yaml"), text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
