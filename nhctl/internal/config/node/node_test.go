package node

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// parse is the root of a document.
func parse(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document.Content[0]
}

func TestScalars(t *testing.T) {
	t.Parallel()
	type said struct {
		Blank, Bool, IsBool bool
		Text, Describe      string
		Width               int
	}
	for text, want := range map[string]said{
		"web":     {Text: "web", Describe: `the text "web"`, Width: 3},
		`"é"`:     {Text: "é", Describe: `the text "é"`, Width: 3},
		`""`:      {Blank: true, Describe: `the text ""`, Width: 2},
		"null":    {Blank: true, Describe: `the text "null"`, Width: 4},
		"true":    {Bool: true, IsBool: true, Text: "true", Describe: "the truth value true", Width: 4},
		"'True'":  {Bool: true, IsBool: true, Text: "True", Describe: `the text "True"`, Width: 6},
		"off":     {IsBool: true, Text: "off", Describe: `the text "off"`, Width: 3},
		"1":       {Text: "1", Describe: "the number 1", Width: 1},
		"|\n a\n": {Text: "a\n", Describe: `the text "a\n"`, Width: 1},
		"[a]":     {Describe: "a list", Width: 1},
		"{a: b}":  {Describe: "a mapping", Width: 1},
	} {
		n := parse(t, text)
		got := said{Blank: Blank(n), Text: Text(n), Describe: Describe(n), Width: Width(n)}
		got.Bool, got.IsBool = Bool(n)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	if !Blank(nil) || Text(nil) != "" {
		t.Error("a node that is missing is not blank")
	}
}

// Blank items do not count, and the list stays as it is.
func TestItems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[a, b]":             "a b",
		"['', a, null, b, ]": "a b",
		"[null]":             "",
		"[]":                 "",
		"a":                  "",
		"{a: b}":             "",
	} {
		n := parse(t, text)
		before := len(n.Content)
		var got []string
		for i, item := range Items(n) {
			got = append(got, item.Value)
			if Item(n, i) != item {
				t.Errorf("%s: item %d is another", text, i)
			}
		}
		if strings.Join(got, " ") != want || len(n.Content) != before || Item(n, len(got)) != n {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestMappings(t *testing.T) {
	t.Parallel()
	n := parse(t, `
base: &base {image: go, shell: zsh}
other: &other {image: node, port: 1}
dev: {<<: [*base, *other], shell: bash, self: {<<: *base}}
alias: *base
list: [a]
`)
	dev := Lookup(n, "dev")
	var keys []string
	for _, p := range Pairs(dev) {
		keys = append(keys, p.Key.Value)
		if Lookup(dev, p.Key.Value) != p.Value {
			t.Errorf("%s: another value is looked up", p.Key.Value)
		}
	}
	if diff := cmp.Diff([]string{"shell", "self", "image", "port"}, keys); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]string{
		"dev shell": "bash", "dev image": "go", "dev port": "1", "dev self shell": "zsh", "alias image": "go",
	} {
		if got := Text(At(n, strings.Fields(path)...)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := At(n, "dev", "none", "image"); got != dev {
		t.Errorf("as much as there is of a path: %+v", got)
	}
	if Lookup(Lookup(n, "list"), "a") != nil || Lookup(nil, "a") != nil || Pairs(Lookup(n, "list")) != nil {
		t.Error("a list or nothing has keys")
	}
	rest, shell := Without(dev, "shell")
	if Text(shell) != "bash" || Lookup(rest, "shell") != nil || len(Pairs(rest)) != 3 || Lookup(dev, "shell") == nil {
		t.Errorf("without a key: %+v", rest)
	}
	if Anchored(dev) || !Anchored(n) || !Anchored(Lookup(n, "base")) {
		t.Error("anchors")
	}
}

// A node that holds itself has an end.
func TestLoops(t *testing.T) {
	t.Parallel()
	n := parse(t, "a: &a {<<: *a, b: 1}\n")
	if got := len(Pairs(Lookup(n, "a"))); got != 1 {
		t.Errorf("%d pairs", got)
	}
	if Lookup(Lookup(n, "a"), "c") != nil {
		t.Error("there is no such key")
	}
	loop := &yaml.Node{Kind: yaml.SequenceNode}
	loop.Content = []*yaml.Node{loop}
	if Anchored(loop) {
		t.Error("there is no anchor")
	}
}
