package source

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// TestPieces compares what is parsed in pieces with the same text parsed as a whole.
func TestPieces(t *testing.T) {
	t.Parallel()
	item := "- name: web-%d\n  text: |\n    - no item\n  list:\n  - \"a\n     - b\"\n"
	var list strings.Builder
	for i := 0; list.Len() < 2*smallest; i++ {
		fmt.Fprintf(&list, item, i)
	}
	for name, c := range map[string]struct {
		text     string
		inPieces bool
	}{
		"items":                      {list.String(), true},
		"an anchor in its own piece": {"- &a {name: first}\n- *a\n" + list.String(), true},
		"an anchor in another piece": {"- &a {name: first}\n" + list.String() + "- *a\n", false},
		"text that looks like items": {"- \"x\n" + list.String() + "\"\n", false},
		"a second document":          {list.String() + "---\n" + list.String(), false},
		"a mapping":                  {"services:\n" + list.String(), false},
		"an error in the last piece": {list.String() + "- [\n", false},
		"comments and empty lines":   {"\n\n" + list.String() + "# the end\n\n" + list.String(), true},
		"short":                      {"- a\n- b\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pieces := split(c.text, 4)
			if got := len(pieces) > 1 && parsePieces(pieces, move) != nil; got != c.inPieces {
				t.Errorf("parsed in pieces: %v, want %v", got, c.inPieces)
			}
			var want []*yaml.Node
			var wantErr error
			for whole := yaml.NewDecoder(strings.NewReader(c.text)); wantErr == nil; {
				var document yaml.Node
				if wantErr = whole.Decode(&document); wantErr == nil {
					want = append(want, document.Content[0])
				}
			}
			if errors.Is(wantErr, io.EOF) {
				wantErr = nil
			}
			got, err := parseYAML(c.text, move)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%v, want %v", err, wantErr)
			}
			if err == nil && !reflect.DeepEqual(plain(want), plain(got)) { // cmp takes seconds for so many nodes
				t.Error(cmp.Diff(want, got))
			}
		})
	}
}

// plain takes comments between items off nodes: they belong to one or the other, and nothing reads them here.
func plain(nodes []*yaml.Node) []*yaml.Node {
	for _, n := range nodes {
		n.HeadComment, n.FootComment = "", ""
		plain(n.Content)
	}
	return nodes
}

// move adds the lines before a piece to the places of a node and those below it.
func move(n *yaml.Node, before int) {
	n.Line += before
	for _, child := range n.Content {
		move(child, before)
	}
}
