package support

import (
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// shown are the annotations whose values are no one's secret: those that say how nhctl's own objects belong together.
// Others hold configs, and whole manifests with their variables.
var shown = []string{
	contract.AnnotationRecord,
	contract.AnnotationWanted,
	contract.AnnotationDeveloper,
	contract.AnnotationWorkload,
	contract.AnnotationPath,
	"deployment.kubernetes.io/revision",
}

// own are the containers whose commands nhctl has written.
var own = []string{contract.SidecarContainer, contract.PlantContainer}

// Object is an object without what may be a secret's value: of variables, of annotations that are not nhctl's, of
// commands and their arguments, of HTTP headers, and of data. How long each was stays.
func Object(o *unstructured.Unstructured) *unstructured.Unstructured {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	redact(o.Object)
	return o
}

// redact replaces values below a node of an object.
func redact(node any) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			redact(item)
		}
	case map[string]any:
		name, _ := node["name"].(string)
		for key, value := range node {
			switch key {
			case "annotations":
				hide(value, shown)
			case "data", "stringData", "binaryData":
				hide(value, nil)
			case "env", "httpHeaders":
				hideValues(value)
			case "message":
				if text, ok := value.(string); ok {
					node[key] = string(Text([]byte(text)))
				}
			case "command", "args":
				if !slices.Contains(own, name) {
					node[key] = hidden(value)
				}
			default:
				redact(value)
			}
		}
	}
}

// hide replaces all values of a mapping but some.
func hide(node any, but []string) {
	values, _ := node.(map[string]any)
	for key, value := range values {
		if !slices.Contains(but, key) {
			values[key] = hidden(value)
		}
	}
}

// hideValues replaces the value of each item of a list.
func hideValues(node any) {
	items, _ := node.([]any)
	for _, item := range items {
		if fields, ok := item.(map[string]any); ok && fields["value"] != nil {
			fields["value"] = hidden(fields["value"])
		}
	}
}

// hidden stands for a value.
func hidden(value any) any {
	switch value := value.(type) {
	case string:
		return fmt.Sprintf("(%d bytes, removed)", len(value))
	case []any:
		all := make([]any, len(value))
		for i, item := range value {
			all[i] = hidden(item)
		}
		return all
	}
	return "(removed)"
}

// credentials are those that a text may have by accident, such as an address in an error.
var credentials = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`), "$1 (removed)"},
	{regexp.MustCompile(`://[^/@\s:"]+:[^/@\s"]+@`), "://(removed)@"},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`), "(removed)"}, // a JSON Web Token
	{regexp.MustCompile(`(?i)\b((?:[a-z_-]*(?:token|password|passwd|secret))["']?[ \t]*[=:][ \t]*["']?)[^\s"',&]+`),
		"$1(removed)"},
}

// Text is a text without credentials that can be told as such.
func Text(text []byte) []byte {
	for _, c := range credentials {
		text = c.pattern.ReplaceAll(text, []byte(c.instead))
	}
	return text
}
