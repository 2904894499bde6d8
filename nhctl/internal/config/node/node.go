// Package node reads YAML nodes: values, items and pairs, with aliases and merge keys followed. Its functions change no
// node. It knows neither the config's fields nor the files that nodes were written in.
package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep a node is looked into where it may hold itself.
const maxDepth = 20

// Deref follows an alias.
func Deref(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// Blank says whether a node stands for nothing: it is missing, null, or an empty text. Nocalhost's own editor writes
// fields that are not set in these ways, so a field with such a value has its default, whatever its type.
func Blank(n *yaml.Node) bool {
	n = Deref(n)
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && (n.Value == "" || n.Tag == "!!null")
}

// Text is a scalar's text; "" for any other node.
func Text(n *yaml.Node) string {
	if n = Deref(n); Blank(n) || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// Bool reads true or false, also in the other words that YAML has for them, and between quotes.
func Bool(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!int" {
		return false, false
	}
	switch strings.ToLower(n.Value) {
	case "yes", "y", "on":
		return true, true
	case "no", "n", "off":
		return false, true
	}
	value, err := strconv.ParseBool(n.Value)
	return value, err == nil
}

// Items are those of a list that are not blank; none for any other node.
func Items(n *yaml.Node) []*yaml.Node {
	n = Deref(n)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	if !slices.ContainsFunc(n.Content, Blank) {
		return n.Content
	}
	return slices.DeleteFunc(slices.Clone(n.Content), Blank)
}

// Item is an item of a list, counted as Items does; the node itself where there is no such item.
func Item(n *yaml.Node, i int) *yaml.Node { return Indexed(n)(i) }

// Indexed returns Item for each index of a list, and looks through the list once only.
func Indexed(n *yaml.Node) func(i int) *yaml.Node {
	list := Items(n)
	return func(i int) *yaml.Node {
		if i < len(list) {
			return Deref(list[i])
		}
		return Deref(n)
	}
}

// Describe names a node in a message, such as "a list" or "the number 80".
func Describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "the number " + n.Value
	case n.Tag == "!!bool":
		return "the truth value " + n.Value
	default:
		return fmt.Sprintf("the text %q", n.Value)
	}
}

// Width is how many characters a node takes on its line, as far as that is plain.
func Width(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode || strings.Contains(n.Value, "\n") {
		return 1
	}
	length := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		length += 2
	}
	return length
}

// Anchored says whether an anchor is at a node or below it.
func Anchored(n *yaml.Node) bool { return anchored(n, 0) }

func anchored(n *yaml.Node, depth int) bool {
	return n.Anchor != "" || depth < maxDepth &&
		slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return anchored(child, depth+1) })
}
