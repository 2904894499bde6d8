package config

import (
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
)

// Effective is the config as it counts, as YAML: every field that has a value, defaults included. With origin each
// value has a comment that says which file and line it came from.
func (f *File) Effective(services []Service, origin bool) ([]byte, error) {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range services {
		var written *yaml.Node
		for j := range f.Services {
			if f.Services[j].Name == services[i].Name && f.Services[j].ServiceType == services[i].ServiceType {
				written = f.nodes[j]
			}
		}
		v := shown{f, origin}
		n := v.value(reflect.ValueOf(services[i]), written)
		if len(services) == 1 {
			return encode(n)
		}
		list.Content = append(list.Content, n)
	}
	return encode(list)
}

func encode(n *yaml.Node) ([]byte, error) {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := e.Encode(n)
	return []byte(b.String()), err
}

// shown makes YAML of values.
type shown struct {
	file   *File
	origin bool
}

// value is a value as a node, or nil when it is empty; written is where it was set, or nil.
func (s shown) value(v reflect.Value, written *yaml.Node) *yaml.Node {
	written = node.Deref(written)
	switch x := v.Interface().(type) {
	case Command:
		if len(x.Argv) > 0 {
			argv := s.value(reflect.ValueOf(x.Argv), node.Lookup(written, "argv"))
			return s.mapping([]string{"argv"}, []*yaml.Node{argv})
		}
		return s.value(reflect.ValueOf(x.Line), written)
	case Syncs:
		if len(x) == 1 {
			return s.value(reflect.ValueOf(x[0]), node.Item(orEmpty(written), 0))
		}
	case Profiles:
		return nil
	case Local:
		if x.Empty() {
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		return s.fields(v, written)
	case reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			if child := s.value(v.Index(i), s.itemOf(written, v, i)); child != nil {
				n.Content = append(n.Content, child)
			}
		}
		return n
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return s.value(v.Elem(), written)
	case reflect.Bool:
		return s.scalar(strconv.FormatBool(v.Bool()), "!!bool", written)
	case reflect.Int:
		return s.scalar(strconv.FormatInt(v.Int(), 10), "!!int", written)
	default:
		if v.String() == "" {
			return nil
		}
		return s.scalar(v.String(), "!!str", written)
	}
}

func orEmpty(n *yaml.Node) *yaml.Node {
	if n == nil {
		return &yaml.Node{}
	}
	return n
}

// itemOf is where an item of a list was set: lists that came together from several places, or lost items, are matched
// by the items' names, paths or texts.
func (s shown) itemOf(written *yaml.Node, v reflect.Value, i int) *yaml.Node {
	list := node.Items(written)
	if written != nil && written.Kind == yaml.ScalarNode {
		list = []*yaml.Node{written}
	}
	key, name := "", v.Index(i)
	if name.Kind() == reflect.Struct {
		for _, field := range []string{"Name", "Path"} {
			if f := v.Index(i).FieldByName(field); key == "" && f.IsValid() {
				key, name = strings.ToLower(field), f
			}
		}
	}
	if name.Kind() == reflect.String && name.String() != "" {
		for _, n := range list {
			said := node.Text(n)
			if key != "" {
				said = node.Text(node.Lookup(n, key))
			}
			if said = strings.TrimSpace(said); said == name.String() || key == "path" &&
				path.Clean(said) == name.String() {
				return node.Deref(n)
			}
		}
		return nil
	}
	if len(list) == v.Len() {
		return node.Deref(list[i])
	}
	return nil
}

func (s shown) fields(v reflect.Value, written *yaml.Node) *yaml.Node {
	var keys []string
	var values []*yaml.Node
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("json")
		if n := s.value(v.Field(i), node.Lookup(written, key)); n != nil {
			keys, values = append(keys, key), append(values, n)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return s.mapping(keys, values)
}

func (s shown) mapping(keys []string, values []*yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i, key := range keys {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, values[i])
	}
	return n
}

func (s shown) scalar(text, tag string, written *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text, Tag: tag}
	switch {
	case !s.origin:
	case written == nil:
		n.LineComment = "default"
	default:
		at := s.file.loading.files.At(written)
		name := at.File
		if rel, err := filepath.Rel(s.file.Folder, at.File); err == nil && filepath.IsLocal(rel) {
			name = rel
		}
		n.LineComment = fmt.Sprintf("%s:%d", filepath.ToSlash(name), at.Line)
	}
	return n
}
