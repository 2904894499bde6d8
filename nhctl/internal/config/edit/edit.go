// Package edit changes one field in a config's text and leaves all other text as it is. It knows no field of a config:
// a path's steps are keys, indexes and names.
package edit

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
)

// Set gives a field of a config's text a value, and leaves all other text as it is: comments, order, anchors, blank
// lines. path is such as containers[0].dev.image, or services[web].containers[app].dev.image with names. The value is
// YAML, such as true, 80 or [a, b]; what is none is text.
func Set(text, path, value string) (string, error) {
	value, err := written(value)
	if err != nil {
		return "", err
	}
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil || len(root.Content) == 0 {
		return "", errors.New("the file can't be edited by a program: without the files that it includes it is no YAML")
	}
	steps, err := splitPath(path)
	if err != nil {
		return "", err
	}
	node := root.Content[0]
	for i, s := range steps {
		next, err := s.in(node)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		if next == nil {
			text, err := insert(text, node, steps[i:], value)
			if err != nil {
				return "", fmt.Errorf("%s: %w", path, err)
			}
			return verified(&root, text, steps, value)
		}
		node = next
	}
	if text, err = replace(text, node, value); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return verified(&root, text, steps, value)
}

// written is a value as it is written on one line.
func written(value string) (string, error) {
	var parsed any
	if yaml.Unmarshal([]byte(value), &parsed) != nil {
		parsed = value
	}
	text, ok := parsed.(string)
	if !ok {
		text = value
	} else if data, err := yaml.Marshal(text); err == nil {
		text = strings.TrimSpace(string(data))
	}
	if strings.Contains(text, "\n") {
		return "", errors.New("the value has several lines; edit the file by hand")
	}
	return text, nil
}

// step is a key of a mapping, or an item of a list by its index or its name.
type step struct {
	key   string
	index int // -1: by key as a name
	list  bool
}

var pathStep = regexp.MustCompile(`^\.?([A-Za-z_][A-Za-z0-9_-]*)|^\[([^\]]+)\]`)

func splitPath(path string) ([]step, error) {
	var steps []step
	for rest := path; rest != ""; {
		m := pathStep.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("%q is no path; want one such as containers[0].dev.image", path)
		}
		rest = rest[len(m[0]):]
		if m[1] != "" {
			steps = append(steps, step{key: m[1]})
			continue
		}
		s := step{key: m[2], index: -1, list: true}
		if n, err := strconv.Atoi(m[2]); err == nil && n >= 0 {
			s.index = n
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, errors.New("the path is empty; want one such as containers[0].dev.image")
	}
	return steps, nil
}

// in returns the value of a step, or nil where a mapping has no such key.
func (s step) in(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind == yaml.AliasNode {
		return nil, fmt.Errorf("it is shared through the alias *%s; edit it by hand", n.Value)
	}
	if !s.list {
		if n.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("there is %s in place of a mapping with %s", node.Describe(n), s.key)
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == s.key {
				return n.Content[i+1], nil
			}
		}
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("there is %s in place of a list", node.Describe(n))
	}
	for i, child := range n.Content {
		if name := node.Lookup(child, "name"); i == s.index || s.index < 0 && name != nil && name.Value == s.key {
			return child, nil
		}
	}
	return nil, fmt.Errorf("the list has no item %s", s.key)
}

// replace puts a value in place of a scalar that stands on one line.
func replace(text string, n *yaml.Node, value string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return "", errors.New("the value there has several lines; edit it by hand")
	}
	lines := strings.SplitAfter(text, "\n")
	line := []rune(lines[n.Line-1])
	begin := n.Column - 1
	end := begin + len([]rune(n.Value))
	if quote := n.Style & (yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle); quote != 0 {
		mark := map[bool]rune{true: '"', false: '\''}[quote == yaml.DoubleQuotedStyle]
		if end = closing(line, begin, mark); end < 0 {
			return "", errors.New("the value there has several lines; edit it by hand")
		}
	}
	if n.Tag == "!!null" && n.Value == "" { // KEY: without a value
		end = begin
		value = " " + value
		begin = len([]rune(strings.TrimRight(string(line[:begin]), " ")))
	}
	if end > len(line) || n.Style == 0 && n.Value != string(line[begin:end]) && n.Tag != "!!null" {
		return "", errors.New("the value there has several lines; edit it by hand")
	}
	lines[n.Line-1] = string(line[:begin]) + value + string(line[end:])
	return strings.Join(lines, ""), nil
}

// closing is the place behind a quoted text that begins at a place of a line, or -1.
func closing(line []rune, begin int, mark rune) int {
	for i := begin + 1; i < len(line); i++ {
		switch {
		case mark == '"' && line[i] == '\\', mark == '\'' && line[i] == mark && i+1 < len(line) && line[i+1] == mark:
			i++
		case line[i] == mark:
			return i + 1
		}
	}
	return -1
}

// insert adds the keys of steps, and below them the value, behind the last line of a block mapping.
func insert(text string, n *yaml.Node, steps []step, value string) (string, error) {
	if n.Style&yaml.FlowStyle != 0 || len(n.Content) == 0 {
		return "", errors.New("the mapping there is written in {}; edit it by hand")
	}
	added, indent := "", n.Content[0].Column-1
	for i, s := range steps {
		if s.list {
			return "", fmt.Errorf("there is no list to take item %s of; edit it by hand", s.key)
		}
		added += strings.Repeat(" ", indent+2*i) + s.key + ":"
		if i < len(steps)-1 {
			added += "\n"
		}
	}
	added += " " + value + "\n"
	lines := strings.SplitAfter(text, "\n")
	at := lastLine(n, lines)
	if !strings.HasSuffix(lines[at-1], "\n") {
		lines[at-1] += "\n"
	}
	return strings.Join(lines[:at], "") + added + strings.Join(lines[at:], ""), nil
}

// lastLine is the last line of a node, block texts included.
func lastLine(n *yaml.Node, lines []string) int {
	last := n.Line
	for _, child := range n.Content {
		last = max(last, lastLine(child, lines))
	}
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		last += strings.Count(strings.TrimRight(n.Value, "\n"), "\n") + 1
	}
	return min(last, len(lines))
}

// verified returns the new text when it says what the old one did, and the value.
func verified(old *yaml.Node, text string, steps []step, value string) (string, error) {
	var want, got, wanted any
	if err := yaml.Unmarshal([]byte(value), &wanted); err != nil {
		return "", err
	}
	if err := old.Decode(&want); err != nil {
		return "", err
	}
	assign(want, steps, wanted)
	if err := yaml.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(want, got) {
		return "", errors.New("the value does not fit there, or is shared with other places; edit it by hand")
	}
	return text, nil
}

// assign sets a value in a decoded tree.
func assign(tree any, steps []step, value any) {
	for i, s := range steps {
		last := i == len(steps)-1
		switch at := tree.(type) {
		case map[string]any:
			if last {
				at[s.key] = value
			} else if at[s.key] == nil {
				at[s.key] = map[string]any{}
			}
			tree = at[s.key]
		case []any:
			j := s.position(at)
			if j < 0 {
				return
			}
			if last {
				at[j] = value
			}
			tree = at[j]
		}
	}
}

// position is the index of a step's item, or -1.
func (s step) position(list []any) int {
	for i, x := range list {
		m, _ := x.(map[string]any)
		if i == s.index || s.index < 0 && m["name"] == s.key {
			return i
		}
	}
	return -1
}
