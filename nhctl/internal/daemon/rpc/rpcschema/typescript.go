package rpcschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// TypeScriptFile is where the types are, below the root of the module.
const TypeScriptFile = "ide-plugins/vscode/src/rpc.ts"

const typeScriptHead = `// Code generated from schema/rpc.v1.json by "make generate". DO NOT EDIT.

/**
 * The protocol of ` + "`nhctl ide`" + `: its calls with their parameters and results, and its notifications. Some names
 * are also those of JavaScript's own types: import all as one, with import type * as rpc from "./rpc".
 */

/** A text that may be one of these, or one of a later nhctl. */
type Open<T extends string> = T | (string & {});

/**
 * The parameters of a call. nhctl fills in what a caller leaves out: its own environment and folder. A call with a
 * workDoneToken reports its steps as "$/progress".
 */
export type Params<P> = Omit<P, "caller"> & { caller?: Partial<Caller>; workDoneToken?: string | number };
`

// TypeScript makes the types of the protocol's schema for clients of `nhctl ide`.
func TypeScript(protocol []byte) ([]byte, error) {
	var document struct {
		Defs            map[string]*shape          `json:"$defs"`
		Methods, Bridge map[string]describedMethod `json:",omitempty"`
	}
	if err := json.Unmarshal(protocol, &document); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(typeScriptHead)
	for _, name := range slices.Sorted(maps.Keys(document.Defs)) {
		declare(&b, name, document.Defs[name])
	}
	methods := maps.Clone(document.Methods)
	maps.Copy(methods, document.Bridge)
	for _, left := range []string{"dev.attach", "daemon.replace"} { // an editor has no use for them
		delete(methods, left)
	}
	list(&b, "Methods", "The calls.", methods, func(m describedMethod) string {
		if m.Notification {
			return ""
		}
		params := m.Params.typeScript("  ")
		if m.Params != nil && document.Defs[m.Params.name()].has("caller") {
			params = "Params<" + params + ">"
		}
		return fmt.Sprintf("{ params: %s; result: %s }", params, m.Result.typeScript("  "))
	})
	list(&b, "Notifications", "The notifications of nhctl.", methods, func(m describedMethod) string {
		if !m.Notification || m.From != "" {
			return ""
		}
		return m.Params.typeScript("  ")
	})
	list(&b, "ClientNotifications", "The notifications of the editor.", methods, func(m describedMethod) string {
		if m.From != "client" {
			return ""
		}
		return m.Params.typeScript("  ")
	})
	return []byte(b.String()), nil
}

// describedMethod is a method as the schema has it.
type describedMethod struct {
	Params, Result *shape
	Notification   bool
	From           string
}

// shape is a part of the schema.
type shape struct {
	Ref                  string   `json:"$ref"`
	Description          string   `json:"description"`
	Type                 oneOrAll `json:"type"`
	Enum                 []string `json:"enum"`
	AnyOf                []*shape `json:"anyOf"`
	Items                *shape   `json:"items"`
	Properties           map[string]*shape
	AdditionalProperties *shape
	Required             []string
}

// oneOrAll is a type, or several.
type oneOrAll []string

func (o *oneOrAll) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		return json.Unmarshal(text, (*[]string)(o))
	}
	*o = make(oneOrAll, 1)
	return json.Unmarshal(text, &(*o)[0])
}

// name is that of the definition which a shape refers to.
func (s *shape) name() string { return strings.TrimPrefix(s.Ref, "#/$defs/") }

func (s *shape) has(property string) bool { return s != nil && s.Properties[property] != nil }

// declare writes a definition.
func declare(b *strings.Builder, name string, s *shape) {
	b.WriteString("\n" + commented("", s.Description))
	if s.Properties != nil {
		fmt.Fprintf(b, "export interface %s %s\n", typeName(name), s.typeScript(""))
		return
	}
	fmt.Fprintf(b, "export type %s = %s;\n", typeName(name), s.typeScript(""))
}

// list writes an interface with those methods that there is a text of.
func list(
	b *strings.Builder, name, description string, methods map[string]describedMethod,
	text func(describedMethod) string,
) {
	fmt.Fprintf(b, "\n%sexport interface %s {\n", commented("", description), name)
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		if t := text(methods[method]); t != "" {
			fmt.Fprintf(b, "  %s: %s;\n", strconv.Quote(method), t)
		}
	}
	b.WriteString("}\n")
}

// typeName is the name of a definition: of two types with one name, the second has its package before it.
func typeName(name string) string {
	words := strings.Split(name, ".")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// typeScript is the type of a value; lines after the first are indented.
func (s *shape) typeScript(indent string) string {
	switch {
	case s == nil:
		return "undefined"
	case s.Ref != "":
		return typeName(s.name())
	case len(s.AnyOf) > 0 && len(s.AnyOf[0].Enum) > 0: // the values that there are so far
		var values []string
		for _, v := range s.AnyOf[0].Enum {
			values = append(values, strconv.Quote(v))
		}
		return "Open<" + strings.Join(values, " | ") + ">"
	case len(s.Type) == 0:
		return "unknown"
	}
	var types []string
	for _, t := range s.Type {
		types = append(types, s.oneType(t, indent))
	}
	return strings.Join(types, " | ")
}

func (s *shape) oneType(t, indent string) string {
	switch t {
	case "integer", "number":
		return "number"
	case "array":
		item := s.Items.typeScript(indent)
		if strings.Contains(item, " | ") {
			item = "(" + item + ")"
		}
		return item + "[]"
	case "object":
		switch {
		case s.AdditionalProperties != nil:
			return "Record<string, " + s.AdditionalProperties.typeScript(indent) + ">"
		case s.Properties == nil:
			return "object"
		}
		return s.structure(indent)
	}
	return t // string, boolean, null
}

// structure is an object with its fields.
func (s *shape) structure(indent string) string {
	var b strings.Builder
	b.WriteString("{\n")
	deeper := indent + "  "
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		field, optional := s.Properties[name], "?"
		if slices.Contains(s.Required, name) {
			optional = ""
		}
		b.WriteString(commented(deeper, field.Description))
		fmt.Fprintf(&b, "%s%s%s: %s;\n", deeper, name, optional, field.typeScript(deeper))
	}
	b.WriteString(indent + "}")
	return b.String()
}

// width is how wide comments are.
const width = 120

// commented is a description as a comment, in lines that are not too wide.
func commented(indent, description string) string {
	words := strings.Fields(strings.ReplaceAll(description, "*/", "* /"))
	if len(words) == 0 {
		return ""
	}
	if one := strings.Join(words, " "); len(indent)+len(one)+len("/**  */") <= width {
		return indent + "/** " + one + " */\n"
	}
	lines := []string{indent + " *"}
	for _, w := range words {
		if last := len(lines) - 1; len(lines[last])+1+len(w) <= width {
			lines[last] += " " + w
			continue
		}
		lines = append(lines, indent+" * "+w)
	}
	return indent + "/**\n" + strings.Join(lines, "\n") + "\n" + indent + " */\n"
}
