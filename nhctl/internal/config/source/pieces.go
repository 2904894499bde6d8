package source

import (
	"errors"
	"io"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
)

// smallest is the size of text, in bytes, from which on parsing it in pieces is worth the while; pieceSize is about
// that of one, so that its nodes are still at hand when they are looked at again.
const (
	smallest  = 64 << 10
	pieceSize = 32 << 10
)

// parseYAML parses a text, and returns the roots of its documents that are not empty. A long list is parsed in pieces,
// side by side. Where a piece is no document of its own, such as one that names an anchor of another, the whole is
// parsed as it is, so errors are always those of the whole. place is called with the root of what was parsed and the
// number of lines before it, on several goroutines.
func parseYAML(text string, place func(root *yaml.Node, before int)) ([]*yaml.Node, error) {
	if pieces := split(text, max(runtime.GOMAXPROCS(0), len(text)/pieceSize)); len(pieces) > 1 {
		if root := parsePieces(pieces, place); root != nil {
			return []*yaml.Node{root}, nil
		}
	}
	var roots []*yaml.Node
	for documents := yaml.NewDecoder(strings.NewReader(text)); ; {
		var document yaml.Node
		err := documents.Decode(&document)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, err
		}
		if len(document.Content) > 0 && !node.Blank(document.Content[0]) {
			place(document.Content[0], 0)
			roots = append(roots, document.Content[0])
		}
	}
}

// piece is a part of a list's text.
type piece struct {
	text   string
	before int // lines
}

// split cuts the text of a list between items, into about n pieces of the same size. It returns nil for any other text.
func split(text string, n int) []piece {
	if len(text) < smallest || !strings.HasPrefix(strings.TrimLeft(text, "\n"), "- ") ||
		strings.Contains(text, "\n---") || strings.Contains(text, "\n...") {
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
func parsePieces(pieces []piece, place func(root *yaml.Node, before int)) *yaml.Node {
	parsed := make([]yaml.Node, len(pieces))
	var parsing errgroup.Group
	parsing.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range pieces {
		parsing.Go(func() error {
			if err := yaml.Unmarshal([]byte(p.text), &parsed[i]); err != nil {
				return err
			}
			if len(parsed[i].Content) != 1 || parsed[i].Content[0].Kind != yaml.SequenceNode {
				return errNoList
			}
			place(parsed[i].Content[0], p.before)
			return nil
		})
	}
	if parsing.Wait() != nil {
		return nil
	}
	list := parsed[0].Content[0]
	for _, p := range parsed[1:] {
		list.Content = append(list.Content, p.Content[0].Content...)
	}
	return list
}

var errNoList = errors.New("not a list")
