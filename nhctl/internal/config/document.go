package config

import (
	"strings"
	"sync"
	"sync/atomic"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
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
