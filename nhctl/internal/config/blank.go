package config

import (
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// blank says whether a node stands for nothing: it is missing, null, or an empty text. Nocalhost's own editor writes
// fields that are not set in these ways, so a field with such a value has its default, whatever its type.
func blank(n *yaml.Node) bool {
	n = deref(n)
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && (n.Value == "" || n.Tag == "!!null")
}

// text is a scalar's text; "" for any other node.
func text(n *yaml.Node) string {
	if n = deref(n); blank(n) || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// items are those of a list that are not blank.
func items(n *yaml.Node) []*yaml.Node {
	n = deref(n)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for i, item := range n.Content {
		if !blank(item) {
			continue
		}
		said := append([]*yaml.Node(nil), n.Content[:i]...)
		for _, item := range n.Content[i:] {
			if !blank(item) {
				said = append(said, item)
			}
		}
		return said
	}
	return n.Content
}

// truth reads true or false, also in the other words that YAML has for them, and between quotes.
func truth(n *yaml.Node) (value, ok bool) {
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

// setDefaults sets what missing fields mean.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		text := field.Tag.Get("default")
		switch {
		case value.Kind() == reflect.Struct:
			setDefaults(value)
		case field.Type == reflect.TypeFor[Syncs]():
			one := make(Syncs, 1)
			setDefaults(reflect.ValueOf(&one[0]).Elem())
			value.Set(reflect.ValueOf(one))
		case text == "":
		case value.Kind() == reflect.String:
			value.SetString(text)
		case value.Kind() == reflect.Bool:
			value.SetBool(text == "true")
		}
	}
}
