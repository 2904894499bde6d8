package config

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

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
	// laid counts what was laid over something.
	laid *atomic.Int64
}

// document reads and parses a file; nil when it is empty or can't be parsed.
func (l *loading) document(file, text string) *yaml.Node {
	text = strings.TrimPrefix(text, "\ufeff")
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
	l.pasted(file, text)
	r.render(file, text, nil, 0, true)
	if l.list.Failed() {
		return nil // what follows would only confuse
	}
	root, err := parseYAML(r.out.String(), func(n *yaml.Node, before int) { l.place(r, n, before) })
	if err != nil {
		l.syntax(r, file, err)
	}
	return root
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

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// syntax tells of a text that is no YAML.
func (l *loading) syntax(r *renderer, file string, err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	lines := strings.Split(r.out.String(), "\n")
	column := 1
	if line >= 1 && line <= len(lines) {
		column += len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " "))
	}
	at := r.origin(line, column)
	if at.file == "" {
		at = position{file, 1, 1}
	}
	l.add(Error, at, 1, "this is not valid YAML: %s", text)
}

var (
	comment    = regexp.MustCompile(`(^|\s)#.*$`)
	strange    = regexp.MustCompile("[\u00a0\u2007\u202f\u200b\ufeff]")
	typography = regexp.MustCompile("[\u2018\u2019\u201c\u201d\u00ab\u00bb]")
)

// pasted names what text from web pages brings along.
func (l *loading) pasted(file, text string) {
	if strings.IndexByte(text, '\t') < 0 && ascii(text) {
		return
	}
	for i, line := range strings.Split(text, "\n") {
		line = comment.ReplaceAllString(line, "")
		column := func(at []int) position { return position{file, i + 1, len([]rune(line[:at[0]])) + 1} }
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") && strings.TrimSpace(line) != "" {
			l.add(Error, position{file, i + 1, strings.IndexByte(indent, '\t') + 1}, 1, "a tab in the indentation: YAML wants spaces")
		}
		if at := strange.FindStringIndex(line); at != nil {
			l.add(Warning, column(at), 1, "a space that is not one (%U), as text from web pages has: replace it by a space", []rune(line[at[0]:])[0])
		}
		if at := typography.FindStringIndex(line); at != nil {
			l.add(Warning, column(at), 1, "a typographic quote, as text from web pages has: YAML knows \" and ' only")
		}
	}
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
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

// overlay lays a mapping over another, without changing either: mappings are joined, lists of named things by name, and anything else
// is replaced.
func (l *loading) overlay(base, over *yaml.Node) *yaml.Node {
	base, over = deref(base), deref(over)
	switch {
	case over == nil:
		return base
	case base == nil || base.Kind != over.Kind || l.laid.Add(1) > maxNodes: // aliases that unfold without end; the decoder says so
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
		result.Content = l.join(base.Content, over.Content)
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
		name := lookup(n, "name")
		if name == nil {
			below = l.overlay(below, n)
			continue
		}
		places[name.Value] = len(result)
		result = append(result, n)
	}
	for _, n := range over {
		name := lookup(n, "name")
		if name == nil {
			above = l.overlay(above, n)
			continue
		}
		if i, there := places[name.Value]; there {
			result[i] = l.overlay(result[i], n)
			continue
		}
		places[name.Value] = len(result)
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

// named says whether a list is of mappings that may have names, such as containers and variables, but not commands or patterns.
func named(list *yaml.Node) bool {
	for _, item := range list.Content {
		if item = deref(item); item.Kind != yaml.MappingNode || lookup(item, "name") == nil && lookup(item, "dev") == nil {
			return false
		}
	}
	return len(list.Content) > 0
}
