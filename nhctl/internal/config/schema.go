package config

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

//go:generate go run ./schemagen ../../../schema/config.v1.json

// SchemaURL is where the schema is published; a written config's first line points editors to it.
const SchemaURL = "https://raw.githubusercontent.com/nhctl/nhctl/main/schema/config.v1.json"

// Schema is the JSON Schema (2020-12) of a config file, made of the Go types.
func Schema() ([]byte, error) {
	service := map[string]any{"$ref": "#/$defs/service"}
	list := map[string]any{"type": "array", "items": service}
	services := map[string]any{"anyOf": []any{orBlank(maps.Clone(list)), service}}
	app := objectSchema(reflect.TypeFor[application]())
	single := objectSchema(reflect.TypeFor[Service]())
	single["properties"].(map[string]any)["configProperties"] = objectSchema(reflect.TypeFor[properties]())
	app["properties"].(map[string]any)["services"] = services
	outer := objectSchema(reflect.TypeFor[outermost]())
	outer["properties"] = map[string]any{"configProperties": objectSchema(reflect.TypeFor[properties]()),
		"application": app, "services": services,
		"migrated": map[string]any{"description": "Nocalhost's; has no effect here."}}
	data, err := json.MarshalIndent(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     SchemaURL,
		"title":   "nhctl config",
		"description": "How the services of a repository are developed inside Kubernetes: one service, a list of " +
			"services, or an application with services.",
		"$defs": map[string]any{"service": objectSchema(reflect.TypeFor[Service]())},
		"anyOf": []any{list, service, single, outer},
	}, "", "  ")
	return append(data, '\n'), err
}

func objectSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		s := typeSchema(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" {
			s["description"] = doc
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			// Editors offer the values as they are documented, and take them in any case, as the decoder does.
			s["anyOf"] = []any{map[string]any{"enum": strings.Split(enum, ",")},
				map[string]any{"pattern": anyCase(enum, f.Tag.Get("also"))}}
		}
		if value := f.Tag.Get("default"); value != "" {
			s["default"] = value
		}
		if example := f.Tag.Get("example"); example != "" {
			s["examples"] = []string{example}
		}
		properties[f.Tag.Get("json")] = s
	}
	for _, name := range unused(t) {
		properties[name] = map[string]any{"description": "Nocalhost's; has no effect here."}
	}
	return orBlank(map[string]any{"type": "object", "properties": properties, "additionalProperties": false,
		// What holds anchors is marked as an extension.
		"patternProperties": map[string]any{`^(x-|\.)`: true}})
}

// orBlank adds null and the empty text to what a schema takes: both mean that a field is not set.
func orBlank(schema map[string]any) map[string]any {
	schema["type"] = []any{schema["type"], "null", "string"}
	schema["maxLength"] = 0
	return schema
}

// anyCase is a pattern for values in any case; JSON Schema's have no flag for that.
func anyCase(enum, also string) string {
	old, _, _ := strings.Cut(also, "=")
	var b strings.Builder
	b.WriteString("^(")
	for _, c := range strings.TrimSuffix(enum+","+old, ",") {
		if c == ',' {
			b.WriteString("|")
		} else {
			b.WriteString("[" + strings.ToLower(string(c)) + strings.ToUpper(string(c)) + "]")
		}
	}
	return b.String() + ")?$"
}

func typeSchema(t reflect.Type) map[string]any {
	if s, ok := reflect.New(t).Interface().(special); ok {
		return s.schema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem())
	case reflect.Struct:
		return objectSchema(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String { // one text is a list of one
			return map[string]any{"type": []string{"array", "string", "number", "boolean", "null"},
				"items": typeSchema(t.Elem())}
		}
		return orBlank(map[string]any{"type": "array", "items": typeSchema(t.Elem())})
	case reflect.Bool:
		return map[string]any{"type": []string{"boolean", "string", "null"},
			"pattern": anyCase("true,t,yes,y,on,1,false,f,no,n,off,0", "")}
	case reflect.Int:
		return map[string]any{"type": []string{"integer", "string", "null"}, "pattern": "^([+-]?[0-9]+)?$"}
	default: // YAML's numbers and truth values are taken as the text that they are
		return map[string]any{"type": []string{"string", "number", "boolean", "null"}}
	}
}
