package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The schema and the decoder say the same of a file.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	texts := map[string]string{
		"full": full,
		"an application": "configProperties: {version: v2}\n" +
			"application: {name: a, helmVals: {x: 1}, services: [{name: a, priorityClass: x}]}\n",
		"argv":     "name: a\ncontainers: [{dev: {command: {run: {argv: [/a, 1]}}}}]\n",
		"one line": "name: a\ncontainers: [{dev: {command: {run: go run .}}}]\n",
		"two folders": "name: a\n" +
			"containers: [{dev: {sync: [{local: a, remote: a}, {local: b, remote: b, type: SENDONLY}]}}]\n",
		"profiles":         "name: a\nprofiles: {x: {containers: [{dev: {image: y}}]}}\n",
		"typo":             "name: a\ncontainers: [{dev: {imagee: x}}]\n",
		"wrong type":       "name: a\ncontainers: x\n",
		"enum":             "name: a\ncontainers: [{dev: {sync: {type: sent}}}]\n",
		"args":             "name: a\ncontainers: [{dev: {command: {run: {args: [x]}}}}]\n",
		"a profile's":      "name: a\nprofiles: {x: {nam: b}}\n",
		"an application's": "application: {nam: x}\n",
	}
	for _, service := range []string{"catalog", "reviews", "storefront"} {
		data, err := os.ReadFile(filepath.Join("../../../examples/bookshop", service, ".dev/config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		texts[service] = string(data)
	}
	for name, text := range texts {
		data, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		bySchema := schema.Validate(doc)
		findings := files{mainFile: text}.load(Options{}).Findings
		if (bySchema == nil) == findings.Failed() {
			t.Errorf("%s: the schema says %v, the decoder %q", name, bySchema, findings)
		}
	}
}
