package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unwanted are words and turns that readers stumble over, each with better ones.
var unwanted = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{turn(`anew`), "again"},
	{turn(`nobody`), "no one"},
	{turn(`(some|any|every)body`), "someone, anyone, everyone"},
	{turn(`besides?`), "next to, in addition to"},
	{turn(`meanwhile`), "in the meantime, during"},
	{turn(`mend(s|ed|ing)?`), "fix"},
	{turn(`(give[sn]?|gave|giving) back`), "restore"},
	{turn(`(bring(s|ing)?|brought|com(es?|ing)|came)( \w+){0,2} home`), "copy back"},
	{turn(`(is|are|was|were|be) (said|told)`), "name who says it"},
	{turn(`(is|are|was|were|be) asked`), "name who asks"},
	{regexp.MustCompile(`(^|[.!:] )What\b[^.?!|]*[.!]( |$)`), "a noun as the subject"},
}

func turn(words string) *regexp.Regexp { return regexp.MustCompile(`(?i)\b` + words + `\b`) }

// complain says what is unwanted in a text.
func complain(t *testing.T, where, text string) {
	t.Helper()
	text = strings.Join(strings.Fields(text), " ")
	for _, u := range unwanted {
		if at := u.pattern.FindStringIndex(text); at != nil {
			t.Errorf("%s: %q; write: %s", where, text[max(0, at[0]-30):min(len(text), at[1]+30)], u.instead)
		}
	}
}

// tree calls do with each file of the repository that has one of the endings.
func tree(t *testing.T, do func(path string, data []byte), endings ...string) {
	t.Helper()
	root, seen := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && (strings.HasPrefix(name, ".") && path != root || name == "node_modules" || name == "bin"):
			return filepath.SkipDir
		case d.IsDir() || name == "testdata" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		for _, ending := range endings {
			if strings.HasSuffix(path, ending) {
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				seen++
				do(path, data)
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Fatalf("%d files, %v", seen, err)
	}
}

var (
	block  = regexp.MustCompile("(?s)```.*?```|<!--.*?-->")
	code   = regexp.MustCompile("`[^`]*`")
	breaks = regexp.MustCompile(`\n[ \t]*\n|\n[ \t]*([-*]|\d+\.) `)
	stop   = regexp.MustCompile(`[.!?](\*\*|\))?( |$)`)
)

// paragraphs are those of a page, its list items included, without code, tables and headings.
func paragraphs(page string) (list []string) {
	page = code.ReplaceAllString(block.ReplaceAllString(page, ""), "X")
	for _, p := range breaks.Split("\n\n"+page, -1) {
		indented := strings.HasPrefix(p, "    ") // code
		if p = strings.TrimSpace(p); !indented && p != "" && p[0] != '|' && p[0] != '#' {
			list = append(list, strings.Join(strings.Fields(p), " "))
		}
	}
	return list
}

// Pages use plain words, in paragraphs that can be taken in at one go.
func TestLanguageOfPages(t *testing.T) {
	t.Parallel()
	tree(t, func(path string, data []byte) {
		for _, p := range paragraphs(string(data)) {
			complain(t, path, p)
			if n := len(stop.FindAllString(p, -1)); n > 5 {
				t.Errorf("%s: %d sentences in a paragraph: %.60s...", path, n, p)
			}
		}
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "|") {
				complain(t, path, code.ReplaceAllString(line, "X"))
			}
		}
	}, ".md")
}

// Messages, hints, help and field descriptions are string literals of several words.
func TestLanguageOfMessages(t *testing.T) {
	t.Parallel()
	tree(t, func(path string, data []byte) {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, data, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(literal.Value); err == nil && strings.Contains(text, " ") {
				complain(t, set.Position(literal.Pos()).String(), text)
			}
			return true
		})
	}, ".go")
}
