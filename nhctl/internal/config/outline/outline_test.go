package outline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown is an outline as text: a line for each entry, with its style and its value.
func shown(t *Tree) string {
	var b strings.Builder
	for _, e := range t.Entries {
		depth := len(e.Path()) - 1
		name := e.Name
		if e.Bare {
			name += "?"
		}
		if e.Anchor != "" {
			name += " &" + e.Anchor
		}
		fmt.Fprintf(&b, "%s%s", strings.Repeat("  ", depth), name)
		if e.Style != None {
			fmt.Fprintf(&b, " = %q", t.Text[e.Value.Start:e.Value.End])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"nothing": {"", ""},
		"keys and items": {
			"name: web # ours\ncontainers:\n- name: app\n  dev:\n    image: golang\n- name: side\n",
			"name = \"web\"\ncontainers\n  []\n    name = \"app\"\n    dev\n      image = \"golang\"\n  []\n" +
				"    name = \"side\"\n",
		},
		"items below their key":   {"a:\n  - 1\n  - b: 2\nc: 3\n", "a\n  [] = \"1\"\n  []\n    b = \"2\"\nc = \"3\"\n"},
		"items inside each other": {"- - a\n  - b: c\n", "[]\n  [] = \"a\"\n  []\n    b = \"c\"\n"},
		"half a key":              {"name: web\ncont\n", "name = \"web\"\ncont?\n"},
		"half a key further in":   {"a:\n  b: 1\n  c\n  d: 2\n", "a\n  b = \"1\"\n  c?\n  d = \"2\"\n"},
		"text of several lines":   {"a: b\n  c\n  d\ne: f\n", "a = \"b\\n  c\\n  d\"\ne = \"f\"\n"},
		"a value on its own line": {"a:\n  \"b\"\nc:\n  {d: e}\n", "a = \"\\\"b\\\"\"\nc = \"{d: e}\"\n  d = \"e\"\n"},
		"quoted keys":             {"\"a b\": 'c: d'\n", "a b = \"'c: d'\"\n"},
		"a quote that stays open": {"a: \"b\nc: d\n", "a = \"\\\"b\"\nc = \"d\"\n"},
		"quotes of several lines": {"a: \"b\n  c: d\"\ne: f\n", "a = \"\\\"b\\n  c: d\\\"\"\ne = \"f\"\n"},
		"block text":              {"a: |\n  b: c\n\n  d\ne: f\n", "a = \"|\\n  b: c\\n\\n  d\"\ne = \"f\"\n"},
		"block text of an item":   {"- |\n  a: b\n- c\n", "[] = \"|\\n  a: b\"\n[] = \"c\"\n"},
		"in brackets": {
			"a: {b: [c, {d: e}], f: }\n",
			"a = \"{b: [c, {d: e}], f: }\"\n  b = \"[c, {d: e}]\"\n" +
				"    [] = \"c\"\n    [] = \"{d: e}\"\n      d = \"e\"\n  f\n",
		},
		"an open bracket":     {"a: {b: c, d\ne: f\n", "a = \"{b: c, d\"\n  b = \"c\"\n  d?\ne = \"f\"\n"},
		"brackets over lines": {"a: [\n  b,\n]\nc: d\n", "a = \"[\\n  b,\\n]\"\n  [] = \"b\"\nc = \"d\"\n"},
		"variables in brackets": {
			"a: {b: ${C:-{}, d: e}\n",
			"a = \"{b: ${C:-{}, d: e}\"\n  b = \"${C:-{}\"\n  d = \"e\"\n",
		},
		"anchors and aliases": {
			"a: &x\n  b: 1\nc: *x\nd: {<<: *x}\n- &y e: f\n",
			"a &x\n  b = \"1\"\nc = \"*x\"\nd = \"{<<: *x}\"\n  << = \"*x\"\n[] &y\n  e = \"f\"\n",
		},
		"documents":         {"---\na: b\n---\na: c\n", "a = \"b\"\na = \"c\"\n"},
		"carriage returns":  {"a:\r\n- b: c\r\n", "a\n  []\n    b = \"c\"\n"},
		"a byte order mark": {"\ufeffa:\n- b\n", "a\n  [] = \"b\"\n"},
		"tabs":              {"a:\n\tb: c\n", "a\n  b = \"c\"\n"},
		"an included file": {
			"a:\n  ${_INCLUDE_:- ./b.yaml | nindent 2}\n",
			"a\n  ${_INCLUDE_:- ./b.yaml | nindent 2}?\n",
		},
		"a mapping alone": {"{a: b}\n", "a = \"b\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, shown(Parse(tt.text))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Each text has a cursor, which is the mark.
func TestCursor(t *testing.T) {
	t.Parallel()
	const mark = "‸"
	for name, tt := range map[string]struct {
		text, path string
		part       Part
		word, keys string
	}{
		"an empty text":             {"‸", "", Key, "", ""},
		"half a key":                {"name: web\ncont‸\n", "", Key, "cont", "name"},
		"within a key":              {"na‸me: web\nx: 1\n", "", Key, "name", "x"},
		"a new line":                {"a:\n  b: 1\n  ‸\n", "a", Key, "", "b"},
		"a line below a key":        {"a:\n  b:\n    ‸\n  c: 1\n", "a b", Key, "", ""},
		"a line at the margin":      {"a:\n- b: 1\n‸\n", "", Key, "", "a"},
		"an item's next key":        {"a:\n- b: 1\n  ‸\n", "a []", Key, "", "b"},
		"behind a dash":             {"a:\n- ‸\n", "a []", Value, "", ""},
		"behind a dash with more":   {"a:\n- ‸\n  b: 1\n", "a []", Value, "", "b"},
		"half a key behind a dash":  {"a:\n- na‸\n", "a []", Value, "na", ""},
		"at a dash":                 {"a:\n-‸\n", "", Elsewhere, "", ""},
		"a value":                   {"a:\n  b: x‸y\n", "a b", Value, "xy", ""},
		"no value yet":              {"a:\n  b: ‸\n  c: 1\n", "a b", Value, "", "c"},
		"at a colon":                {"a:‸\n", "a", Value, "", ""},
		"behind a value":            {"a: b ‸\n", "", Elsewhere, "", ""},
		"in a comment":              {"a: b # c‸\n", "", Elsewhere, "", ""},
		"in a comment's line":       {"# c‸\na: b\n", "", Elsewhere, "", ""},
		"in block text":             {"a: |\n  b‸\n", "", Elsewhere, "", ""},
		"below text":                {"a: b\n  ‸\n", "", Elsewhere, "", ""},
		"a key in brackets":         {"a: {b: 1, c‸}\n", "a", Key, "c", "b"},
		"a new key in brackets":     {"a: {b: 1, ‸}\n", "a", Key, "", "b"},
		"a value in brackets":       {"a: {b: ‸}\n", "a b", Value, "", ""},
		"an item in brackets":       {"a: [b, ‸]\n", "a []", Value, "", ""},
		"open brackets":             {"a: {b: 1, ‸\nc: d\n", "a", Key, "", "b"},
		"behind brackets":           {"a: {b: 1} ‸\n", "", Elsewhere, "", ""},
		"empty brackets":            {"a: {‸}\n", "a", Key, "", ""},
		"in quotes":                 {"a: \"b‸c\"\n", "a", Value, "\"bc\"", ""},
		"a second document":         {"a: b\n---\n‸\n", "", Key, "", ""},
		"a second document's key":   {"a: b\n---\nc: d\n‸\n", "", Key, "", "c"},
		"with tabs":                 {"a:\n\tb: 1\n\t‸\n", "a", Key, "", "b"},
		"with carriage returns":     {"a:\r\n  b: 1\r\n  ‸\r\n", "a", Key, "", "b"},
		"before the first key":      {"‸\nname: web\n", "", Key, "", "name"},
		"between keys":              {"a:\n  b: 1\n\n  ‸\n\n  c: 2\n", "a", Key, "", "b c"},
		"a merge key does not hide": {"a: &x {b: 1}\nc:\n  <<: *x\n  ‸\n", "c", Key, "", "<<"},
		"text of several lines":     {"a: b\n  c‸d\n", "a", Value, "b\n  cd", ""},
		"after brackets over lines": {"a: [\n  b\n]\n‸\n", "", Key, "", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offset := strings.Index(tt.text, mark)
			tree := Parse(strings.Replace(tt.text, mark, "", 1))
			c := tree.Cursor(offset)
			if c.Part != tt.part {
				t.Fatalf("part %d, want %d", c.Part, tt.part)
			}
			if c.Part == Elsewhere {
				return
			}
			var keys []string
			have := c.Keys()
			for _, e := range tree.Entries {
				if have[e.Name] {
					keys = append(keys, e.Name)
					delete(have, e.Name)
				}
			}
			got := [...]string{strings.Join(c.Path(), " "), tree.Text[c.Word.Start:c.Word.End], strings.Join(keys, " ")}
			if diff := cmp.Diff([...]string{tt.path, tt.word, tt.keys}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzCursor(f *testing.F) {
	for _, text := range []string{
		"name: web\ncontainers:\n- name: app\n  dev: {env: [{name: A}], image: \"x\"}\n",
		"a: |\n b\n- - c: 'd\n---\n{[", "\ufeff# x\r\n\ta: &b !c *d\n", "[[[{{{a: [,:}", "- ? \"\\\n\"",
	} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, offset int) {
		tree := Parse(text)
		for _, e := range tree.Entries {
			for _, s := range []Span{e.Key, e.Value} {
				if s.Start < 0 || s.End < s.Start || s.End > len(text) {
					t.Fatalf("%q has %v of %d", e.Name, s, len(text))
				}
			}
			if e.End < e.Start() || e.Parent == nil {
				t.Fatalf("%q ends at %d", e.Name, e.End)
			}
		}
		c := tree.Cursor(offset)
		if c.Word.Start < 0 || c.Word.End < c.Word.Start || c.Word.End > len(text) {
			t.Fatalf("word %v of %d", c.Word, len(text))
		}
		if c.Part != Elsewhere && c.Parent == nil {
			t.Fatal("a cursor without a parent")
		}
	})
}
