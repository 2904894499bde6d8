package node

import "go.yaml.in/yaml/v3"

// Pair is a key of a mapping, and its value.
type Pair struct{ Key, Value *yaml.Node }

// Pairs are a mapping's keys and values, with those of its merge keys (<<) behind its own; none for any other node.
func Pairs(n *yaml.Node) []Pair { return merge(n, 0) }

// merge is Pairs at some depth of merge keys, which may name themselves.
func merge(n *yaml.Node, depth int) []Pair {
	n = Deref(n)
	if n == nil || n.Kind != yaml.MappingNode || depth > maxDepth {
		return nil
	}
	own, merged := make([]Pair, 0, len(n.Content)/2), []Pair(nil)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag != "!!merge" {
			own = append(own, Pair{key, value})
			continue
		}
		sources := []*yaml.Node{value}
		if v := Deref(value); v.Kind == yaml.SequenceNode {
			sources = v.Content
		}
		for _, s := range sources {
			merged = append(merged, merge(s, depth+1)...)
		}
	}
	if merged == nil {
		return own
	}
	taken := map[string]bool{}
	for _, p := range own {
		taken[p.Key.Value] = true
	}
	for _, m := range merged {
		if !taken[m.Key.Value] {
			taken[m.Key.Value] = true
			own = append(own, m)
		}
	}
	return own
}

// Lookup is the value of a key of a mapping, merge keys included; nil where there is none.
func Lookup(n *yaml.Node, key string) *yaml.Node {
	n = Deref(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	merges := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
		merges = merges || n.Content[i].Tag == "!!merge"
	}
	if merges {
		for _, p := range Pairs(n) {
			if p.Key.Value == key {
				return p.Value
			}
		}
	}
	return nil
}

// At is the node at a path of keys, or as much of it as there is.
func At(n *yaml.Node, keys ...string) *yaml.Node {
	for _, k := range keys {
		next := Lookup(n, k)
		if next == nil {
			return n
		}
		n = Deref(next)
	}
	return n
}

// Without is a mapping less one key, whose value comes second.
func Without(n *yaml.Node, key string) (rest, value *yaml.Node) {
	copied := *n
	copied.Content = nil
	for _, p := range Pairs(n) {
		if p.Key.Value == key {
			value = p.Value
			continue
		}
		copied.Content = append(copied.Content, p.Key, p.Value)
	}
	return &copied, value
}
