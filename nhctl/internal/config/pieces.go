package config

import (
	"runtime"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// smallest is the size of text, in bytes, from which on parsing it in pieces is worth the while.
const smallest = 64 << 10

// parseYAML parses a document, and returns its root; nil when it is empty. A long list is parsed in pieces, side by side. Where a piece is
// no document of its own, such as one that names an anchor of another, the whole is parsed as it is, so errors are always those of the whole.
func parseYAML(text string) (*yaml.Node, error) {
	if pieces := split(text, runtime.GOMAXPROCS(0)); len(pieces) > 1 {
		if root := parsePieces(pieces); root != nil {
			return root, nil
		}
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
		return nil, err
	}
	return document.Content[0], nil
}

// piece is a part of a list's text.
type piece struct {
	text   string
	before int // lines
}

// split cuts the text of a list between items, into about n pieces of the same size. It returns nil for any other text.
func split(text string, n int) []piece {
	if len(text) < smallest || !strings.HasPrefix(strings.TrimLeft(text, "\n"), "- ") || strings.Contains(text, "\n---") || strings.Contains(text, "\n...") {
		return nil
	}
	var pieces []piece
	lines := 0
	for size := len(text)/n + 1; len(text) > size; {
		cut := strings.Index(text[size:], "\n- ")
		if cut < 0 {
			break
		}
		cut += size + 1
		pieces = append(pieces, piece{text[:cut], lines})
		lines += strings.Count(text[:cut], "\n")
		text = text[cut:]
	}
	return append(pieces, piece{text, lines})
}

// parsePieces parses pieces of a list, and returns the list; nil where one is not a list.
func parsePieces(pieces []piece) *yaml.Node {
	parsed := make([]yaml.Node, len(pieces))
	var parsing sync.WaitGroup
	for i, p := range pieces {
		parsing.Go(func() {
			if yaml.Unmarshal([]byte(p.text), &parsed[i]) == nil && len(parsed[i].Content) == 1 {
				move(parsed[i].Content[0], p.before)
			}
		})
	}
	parsing.Wait()
	var list *yaml.Node
	for _, p := range parsed {
		switch {
		case len(p.Content) != 1 || p.Content[0].Kind != yaml.SequenceNode:
			return nil
		case list == nil:
			list = p.Content[0]
		default:
			list.Content = append(list.Content, p.Content[0].Content...)
		}
	}
	return list
}

// move adds lines to the places of a node and those below it.
func move(n *yaml.Node, lines int) {
	n.Line += lines
	for _, child := range n.Content {
		move(child, lines)
	}
}
