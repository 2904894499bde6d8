// Package rpcschema describes the daemon's protocol and the events as JSON Schemas, made of the Go types and of their
// comments. Programs that are no part of nhctl read the schemas; nhctl itself has the types.
package rpcschema

//go:generate go run -tags noassets,noquic,noupgrade ./gen ../../../../..

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// published is where the schemas are.
const published = "https://raw.githubusercontent.com/nhctl/nhctl/main/schema/"

// object is a JSON object.
type object = map[string]any

// Protocol is the schema of the daemon's protocol. Source reads the comments; a schema without them is none that is
// published.
func Protocol(source *Source) ([]byte, error) {
	b := newBuilder(source)
	methods, bridge := b.methods(Methods()), b.methods(Bridge())
	b.of(reflect.TypeFor[problem.Error]())
	return b.document("rpc.v1.json", "nhctl daemon protocol",
		"JSON-RPC 2.0, one JSON document a line. methods has each method's parameters and result, or that it is a "+
			"notification: of the daemon, or of the client. bridge has those that `nhctl ide` has in addition, or "+
			"answers itself; its messages have a header with their length, as those of the Language Server Protocol. "+
			"The data of an error is an Error. Fields and values are only ever added: readers ignore those that they "+
			"do not know.",
		object{"methods": methods, "bridge": bridge}), b.err
}

// methods describes methods by their names; of two types with one name, the first has it alone.
func (b *builder) methods(all map[string]Method) object {
	methods := object{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m, described := all[name], object{}
		if m.Params != nil {
			described["params"] = b.of(reflect.TypeOf(m.Params).Elem())
		}
		switch {
		case m.Notifies:
			described["notification"] = true
		case m.Notified:
			described["notification"], described["from"] = true, "client"
		case m.Result == nil:
			described["result"] = object{"type": "null"}
		default:
			described["result"] = b.of(reflect.TypeOf(m.Result).Elem())
		}
		methods[name] = described
	}
	return methods
}

// Document is the schema of one type, for a file of that name.
func Document(source *Source, t reflect.Type, name, title, description string) ([]byte, error) {
	b := newBuilder(source)
	root := b.of(t)
	return b.document(name, title, description, object{"$ref": root["$ref"]}), b.err
}

// fields are those that belong to the types of events.
func fields() map[event.Type]string {
	return map[event.Type]string{
		event.Step:       "step",
		event.Notice:     "message",
		event.SyncState:  "sync",
		event.Conflict:   "conflict",
		event.LinkState:  "link",
		event.ForwardUp:  "forward",
		event.ForwardErr: "forward",
		event.Log:        "log",
		event.Command:    "command",
		event.Error:      "error",
	}
}

// Events is the schema of the events, which `-o json` prints a line each.
func Events(source *Source) ([]byte, error) {
	b := newBuilder(source)
	root := b.of(reflect.TypeFor[event.Event]())
	var rules []any
	byType := fields()
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		is := object{"properties": object{"type": object{"const": string(t)}}}
		rules = append(rules, object{"if": is, "then": object{"required": []string{byType[t]}}})
	}
	return b.document("events.v1.json", "nhctl events", "A line of the output of long work with -o json, and the "+
		"events that the daemon sends while a call runs. Long work ends with exactly one result or error. Fields and "+
		"values are only ever added: readers ignore those that they do not know.",
		object{"$ref": root["$ref"], "allOf": rules}), b.err
}

// builder makes schemas of types; those of structs and of named texts become definitions.
type builder struct {
	source *Source
	defs   object
	names  map[string]reflect.Type // of the definitions
	err    error
}

func newBuilder(source *Source) *builder {
	return &builder{source: source, defs: object{}, names: map[string]reflect.Type{}}
}

func (b *builder) document(name, title, description string, more object) []byte {
	document := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         published + name,
		"title":       title,
		"description": description,
		"$defs":       b.defs,
	}
	maps.Copy(document, more)
	data, err := json.MarshalIndent(document, "", "  ")
	if b.err == nil {
		b.err = err
	}
	return append(data, '\n')
}

// of is the schema of a type.
func (b *builder) of(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[time.Duration]():
		return object{"type": "integer", "description": "nanoseconds"}
	case reflect.TypeFor[struct{}]():
		return object{"type": "object"}
	case reflect.TypeFor[json.RawMessage](): // bytes, but not as text
		return object{}
	case reflect.TypeFor[rpc.ID]():
		return object{"type": []string{"string", "integer"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.of(t.Elem())
	case reflect.Struct:
		return b.define(t, b.structure)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": []string{"string", "null"}, "contentEncoding": "base64"}
		}
		return object{"type": []string{"array", "null"}, "items": b.of(t.Elem())}
	case reflect.Array:
		return object{"type": "array", "items": b.of(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return object{"type": []string{"object", "null"}, "additionalProperties": b.of(t.Elem())}
	case reflect.String:
		if t.PkgPath() != "" {
			return b.define(t, b.text)
		}
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Interface:
		return object{}
	}
	return object{"type": "integer"}
}

// define makes a definition of a named type, once, and refers to it.
func (b *builder) define(t reflect.Type, of func(reflect.Type) object) object {
	name := t.Name()
	if first, taken := b.names[name]; taken && first != t {
		name = t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:] + "." + name
	}
	b.names[name] = t
	if _, there := b.defs[name]; !there {
		b.defs[name] = nil // types may refer to themselves
		described := of(t)
		if text := b.comment(t.PkgPath(), t.Name(), ""); text != "" {
			described["description"] = text
		}
		b.defs[name] = described
	}
	return object{"$ref": "#/$defs/" + name}
}

// text is a named text; its constants are the values that there are so far.
func (b *builder) text(t reflect.Type) object {
	values := b.source.values(t.PkgPath(), t.Name())
	if len(values) == 0 {
		return object{"type": "string"}
	}
	return object{"anyOf": []any{object{"enum": values}, object{"type": "string"}}}
}

func (b *builder) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	b.addFields(t, properties, &required)
	s := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		slices.Sort(required)
		s["required"] = required
	}
	return s
}

// addFields adds the fields of a struct, and those of the structs that it embeds.
func (b *builder) addFields(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			b.addFields(f.Type, properties, required)
			continue
		}
		if name == "-" || name == "" {
			continue
		}
		s := b.of(f.Type)
		if text := b.comment(t.PkgPath(), t.Name(), f.Name); text != "" {
			s["description"] = text
		}
		properties[name] = s
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
		} else if types, nullable := s["type"].([]string); nullable {
			s["type"] = types[0] // it is left out instead
		}
	}
}

// comment is that of a type, or of a field of it.
func (b *builder) comment(pkg, name, field string) string {
	text, err := b.source.comment(pkg, name, field)
	if b.err == nil {
		b.err = err
	}
	return text
}
