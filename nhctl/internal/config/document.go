package config

import (
	"strings"
	"sync"
	"sync/atomic"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// loading is the reading of one config with its layers.
type loading struct {
	*findings
	env  func(string) (string, bool)
	read func(string) ([]byte, error)
	// files names the file (a string) of each node that is not of the main one.
	files *sync.Map
	main  string
	// workload is set for a config that comes from the cluster: the workload that it is for.
	workload *workload.Ref
	// named are the variables that were asked for, opened the files that were read, both as keys.
	named, opened *sync.Map
	// laid counts what was laid over something.
	laid *atomic.Int64
	// tabs are the places where the text that is read is indented by a tab.
	tabs []position
}

// documents reads and parses a file: the roots of its documents, none when it is empty or can't be parsed.
func (l *loading) documents(file, text string) []*yaml.Node {
	text = strings.TrimPrefix(text, byteOrderMark)
	if strings.IndexByte(text, 0) >= 0 {
		l.add(Error, position{file, 1, 1}, 1, "this is no text")
		return nil
	}
	l.source(file, text)
	r := newRenderer()
	r.env, r.report = l.env, l.add
	r.read = func(path string) ([]byte, error) {
		data, err := l.read(path)
		if err == nil {
			l.source(path, string(data))
			l.pasted(path, string(data))
		}
		return data, err
	}
	l.tabs = nil
	l.pasted(file, text)
	r.render(file, text, nil, 0, true)
	if l.list.Failed() {
		return nil // what follows would only confuse
	}
	roots, err := parseYAML(r.out.String(), func(n *yaml.Node, before int) { l.place(r, n, before) })
	if err != nil {
		l.syntax(r, file, err)
	}
	return roots
}

// place gives nodes the places where they were written; before is the number of rendered lines before their own.
func (l *loading) place(r *renderer, n *yaml.Node, before int) {
	at := r.origin(n.Line+before, n.Column)
	n.Line, n.Column = at.line, at.column
	if at.file != l.main {
		l.files.Store(n, at.file)
	}
	for _, child := range n.Content {
		l.place(r, child, before)
	}
}

// at is where a node was written.
func (l *loading) at(n *yaml.Node) position {
	file := l.main
	if other, ok := l.files.Load(n); ok {
		file = other.(string)
	}
	return position{file, n.Line, n.Column}
}

// pair is a key and its value.
type pair struct{ key, value *yaml.Node }

// deref follows an alias.
func deref(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// pairs are a mapping's keys and values, with those of its merge keys (<<) behind its own.
func pairs(n *yaml.Node) []pair { return merge(n, 0) }

// merge is pairs at some depth of merge keys, which may name themselves.
func merge(n *yaml.Node, depth int) []pair {
	n = deref(n)
	if n == nil || n.Kind != yaml.MappingNode || depth > maxDepth {
		return nil
	}
	own, merged := make([]pair, 0, len(n.Content)/2), []pair(nil)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag != "!!merge" {
			own = append(own, pair{key, value})
			continue
		}
		sources := []*yaml.Node{value}
		if v := deref(value); v.Kind == yaml.SequenceNode {
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
		taken[p.key.Value] = true
	}
	for _, m := range merged {
		if !taken[m.key.Value] {
			taken[m.key.Value] = true
			own = append(own, m)
		}
	}
	return own
}

// lookup is the value of a key, or nil.
func lookup(n *yaml.Node, key string) *yaml.Node {
	n = deref(n)
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
		for _, p := range pairs(n) {
			if p.key.Value == key {
				return p.value
			}
		}
	}
	return nil
}

// overlay lays a mapping over another, without changing either: mappings are joined, lists of named things by name, and
// anything else is replaced.
func (l *loading) overlay(base, over *yaml.Node) *yaml.Node {
	base, over = deref(base), deref(over)
	switch {
	case over == nil:
		return base
		// aliases that unfold without end; the decoder says so
	case base == nil || base.Kind != over.Kind || l.laid.Add(1) > maxNodes:
		return over
	case over.Kind == yaml.MappingNode:
		result := *over
		result.Content = nil
		below := map[string]*yaml.Node{}
		for _, p := range pairs(base) {
			below[p.key.Value] = p.value
		}
		above := map[string]bool{}
		for _, p := range pairs(over) {
			above[p.key.Value] = true
			result.Content = append(result.Content, p.key, l.overlay(below[p.key.Value], p.value))
		}
		for _, p := range pairs(base) {
			if !above[p.key.Value] {
				result.Content = append(result.Content, p.key, p.value)
			}
		}
		return &result
	case over.Kind == yaml.SequenceNode && named(base) && named(over):
		result := *over
		result.Content = l.join(items(base), items(over))
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
		name := text(lookup(n, "name"))
		if name == "" {
			below = l.overlay(below, n)
			continue
		}
		places[name] = len(result)
		result = append(result, n)
	}
	for _, n := range over {
		name := text(lookup(n, "name"))
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
	all := items(list)
	for _, item := range all {
		if item = deref(item); item.Kind != yaml.MappingNode || lookup(item, "name") == nil &&
			lookup(item, "dev") == nil {
			return false
		}
	}
	return len(all) > 0
}
