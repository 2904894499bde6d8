package config

import (
	"encoding/json"
	"reflect"
	"strings"
)

//go:generate go run ./schemagen ../../../schema/config.v1.json

// Schema is the JSON Schema (2020-12) of a config file, made of the Go types.
func Schema() ([]byte, error) {
	service := objectSchema(reflect.TypeFor[Service]())
	list := map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/service"}}
	data, err := json.MarshalIndent(map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "nhctl config",
		"description": "How the services of a repository are developed inside Kubernetes: one service, a list of services, or an application with services.",
		"$defs":       map[string]any{"service": service},
		"anyOf": []any{
			map[string]any{"$ref": "#/$defs/service"}, list,
			map[string]any{"type": "object", "required": []string{"services"}, "properties": map[string]any{"services": list}},
			map[string]any{"type": "object", "required": []string{"application"}, "properties": map[string]any{
				"application": map[string]any{"type": "object", "properties": map[string]any{"services": list}}}},
		},
	}, "", "  ")
	return append(data, '\n'), err
}

func objectSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		s := typeSchema(f.Type)
		s["description"] = f.Tag.Get("doc")
		if enum := f.Tag.Get("enum"); enum != "" {
			s["enum"] = strings.Split(enum, ",")
		}
		if value := f.Tag.Get("default"); value != "" {
			s["default"] = value
		}
		properties[f.Tag.Get("json")] = s
	}
	for _, name := range unused(t.Name()) {
		properties[name] = map[string]any{"description": "Nocalhost's; has no effect here."}
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}

func typeSchema(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.Struct:
		return objectSchema(t)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem())}
	default: // YAML's numbers and truth values are taken as the text that they are
		return map[string]any{"type": []string{"string", "number", "boolean"}}
	}
}
