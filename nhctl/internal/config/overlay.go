package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
)

// overlay lays a mapping over another, without changing either: mappings are joined, lists of named things by name, and
// anything else is replaced.
func (l *loading) overlay(base, over *yaml.Node) *yaml.Node {
	base, over = node.Deref(base), node.Deref(over)
	switch {
	case over == nil:
		return base
		// aliases that unfold without end; the decoder says so
	case base == nil || base.Kind != over.Kind || l.laid.Add(1) > maxNodes:
		return over
	case over.Kind == yaml.MappingNode:
		result := *over
		l.files.Copied(&result, over)
		result.Content = nil
		below := map[string]*yaml.Node{}
		for _, p := range node.Pairs(base) {
			below[p.Key.Value] = p.Value
		}
		above := map[string]bool{}
		for _, p := range node.Pairs(over) {
			above[p.Key.Value] = true
			result.Content = append(result.Content, p.Key, l.overlay(below[p.Key.Value], p.Value))
		}
		for _, p := range node.Pairs(base) {
			if !above[p.Key.Value] {
				result.Content = append(result.Content, p.Key, p.Value)
			}
		}
		return &result
	case over.Kind == yaml.SequenceNode && named(base) && named(over):
		result := *over
		l.files.Copied(&result, over)
		result.Content = l.join(node.Items(base), node.Items(over))
		return &result
	default:
		return over
	}
}

// join lays a list over another by the items' names. An item without a name is for all items of the other list.
func (l *loading) join(base, over []*yaml.Node) []*yaml.Node {
	var below, above *yaml.Node
	var result []*yaml.Node
	places := map[string]int{}
	for _, n := range base {
		name := node.Text(node.Lookup(n, "name"))
		if name == "" {
			below = l.overlay(below, n)
			continue
		}
		places[name] = len(result)
		result = append(result, n)
	}
	for _, n := range over {
		name := node.Text(node.Lookup(n, "name"))
		if name == "" {
			above = l.overlay(above, n)
			continue
		}
		if i, there := places[name]; there {
			result[i] = l.overlay(result[i], n)
			continue
		}
		places[name] = len(result)
		result = append(result, l.overlay(below, n))
	}
	if len(result) == 0 {
		return []*yaml.Node{l.overlay(below, above)}
	}
	for i := range result {
		result[i] = l.overlay(result[i], above)
	}
	return result
}

// named says whether a list is of mappings that may have names, such as containers and variables, but not commands or
// patterns.
func named(list *yaml.Node) bool {
	all := node.Items(list)
	for _, item := range all {
		if item = node.Deref(item); item.Kind != yaml.MappingNode || node.Lookup(item, "name") == nil &&
			node.Lookup(item, "dev") == nil {
			return false
		}
	}
	return len(all) > 0
}
