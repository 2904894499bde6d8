package config

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mistake is something wrong at a place in the file.
type mistake struct {
	line, column int
	text         string
}

// decoder walks a YAML document along a Go type and notes every mistake, instead of stopping at the first.
type decoder struct {
	mistakes []mistake
	// nodes counts what was visited, aliases included: a small file must not unfold into a huge one.
	nodes int
}

const maxNodes = 100_000

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.mistakes = append(d.mistakes, mistake{n.Line, n.Column, fmt.Sprintf(format, args...)})
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value) {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.fail(n, "the file unfolds into more than %d values; use fewer aliases", maxNodes)
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(n, v)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.fail(n, "want a list, got %s", describe(n))
			return
		}
		list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, item := range n.Content {
			d.decode(item, list.Index(i))
		}
		v.Set(list)
	case reflect.String:
		if n.Kind != yaml.ScalarNode {
			d.fail(n, "want text, got %s", describe(n))
			return
		}
		v.SetString(n.Value)
	}
}

func describe(n *yaml.Node) string {
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

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "want a mapping with fields such as %s, got %s", strings.Join(fieldNames(v.Type())[:1], ""), describe(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			d.fail(key, "%s is there twice", key.Value)
		}
		seen[key.Value] = true
		field, ok := fieldByName(v.Type(), key.Value)
		if !ok {
			if !slices.Contains(unused(v.Type().Name()), key.Value) {
				d.fail(key, "unknown field %q%s", key.Value, suggestion(key.Value, fieldNames(v.Type())))
			}
			continue
		}
		d.decode(value, v.FieldByIndex(field.Index))
		d.enum(value, field, v.FieldByIndex(field.Index))
	}
}

// enum checks a text against its allowed values, and corrects its case, as Nocalhost takes any.
func (d *decoder) enum(n *yaml.Node, field reflect.StructField, v reflect.Value) {
	allowed := field.Tag.Get("enum")
	if allowed == "" || v.Kind() != reflect.String || v.String() == "" {
		return
	}
	values := strings.Split(allowed, ",")
	for _, a := range values {
		if strings.EqualFold(a, v.String()) {
			v.SetString(a)
			return
		}
	}
	d.fail(n, "%s: want one of %s, got %q%s", field.Tag.Get("json"), strings.Join(values, ", "), v.String(), suggestion(v.String(), values))
}

func fieldByName(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("json") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}

// suggestion names the nearest of the valid words, when one is near.
func suggestion(word string, valid []string) string {
	type candidate struct {
		word     string
		distance int
	}
	var near []candidate
	for _, v := range valid {
		if n := distance(strings.ToLower(word), strings.ToLower(v)); n <= max(1, len(v)/3) {
			near = append(near, candidate{v, n})
		}
	}
	if len(near) == 0 {
		return ""
	}
	sort.SliceStable(near, func(i, j int) bool { return near[i].distance < near[j].distance })
	return fmt.Sprintf("; did you mean %q?", near[0].word)
}

// distance is the number of single-letter edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			last, row[j] = row[j], min(row[j]+1, row[j-1]+1, last+cost)
		}
	}
	return row[len(b)]
}
