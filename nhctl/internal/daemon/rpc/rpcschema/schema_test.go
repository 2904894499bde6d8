package rpcschema_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
	"github.com/nhctl/nhctl/schema"
)

const root = "../../../../.."

// The published schemas are those of the types.
func TestCurrent(t *testing.T) {
	t.Parallel()
	source := &rpcschema.Source{Root: root}
	for name, tt := range map[string]struct {
		published []byte
		make      func(*rpcschema.Source) ([]byte, error)
	}{
		"rpc.v1.json":    {schema.RPC, rpcschema.Protocol},
		"events.v1.json": {schema.Events, rpcschema.Events},
	} {
		made, err := tt.make(source)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(tt.published), string(made)); diff != "" {
			t.Errorf("%s is not current: make generate writes it (-published +made)\n%s", name, diff)
		}
	}
}

// The types for TypeScript are those of the schema.
func TestTypeScriptIsCurrent(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(rpcschema.TypeScriptFile)))
	if err != nil {
		t.Fatal(err)
	}
	made, err := rpcschema.TypeScript(schema.RPC)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(made), string(written)); diff != "" {
		t.Errorf("%s is not current: make generate writes it (-made +written)\n%s", rpcschema.TypeScriptFile, diff)
	}
}

// The tables have every method that rpc names.
func TestEveryMethod(t *testing.T) {
	t.Parallel()
	named, ofBridge := map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		here := named
		if filepath.Base(name) == "bridge.go" {
			here = ofBridge
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Method") && len(v.Values) == 1 {
				method, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Error(err)
				}
				here[method] = true
			}
			return true
		})
	}
	for _, tt := range []struct {
		named map[string]bool
		table map[string]rpcschema.Method
	}{{named, rpcschema.Methods()}, {ofBridge, rpcschema.Bridge()}} {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(tt.named)), slices.Sorted(maps.Keys(tt.table))); diff != "" {
			t.Errorf("methods (-named +described):\n%s", diff)
		}
	}
}

// compile compiles a part of a schema.
func compile(t *testing.T, text []byte, part string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json" + part)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// Events have what belongs to their type.
func TestEvents(t *testing.T) {
	t.Parallel()
	events := compile(t, schema.Events, "")
	const head = `"v":1,"time":"2026-01-02T03:04:05Z"`
	const withRemedy = `{"code":"c","message":"m","remedies":[{"title":"t","method":"m","params":{"a":1}}]}`
	for line, valid := range map[string]bool{
		`{` + head + `,"type":"step","step":{"name":"lock","state":"done"}}`:            true,
		`{` + head + `,"type":"step","step":{"name":"lock","state":"of later builds"}}`: true,
		`{` + head + `,"type":"step","step":{"name":"lock","state":"done","more":1}}`:   true,
		`{` + head + `,"type":"of later builds"}`:                                       true,
		`{` + head + `,"type":"result"}`:                                                true,
		`{` + head + `,"type":"step"}`:                                                  false,
		`{` + head + `,"type":"step","step":{"name":"lock"}}`:                           false,
		`{` + head + `,"type":"error"}`:                                                 false,
		`{` + head + `}`:                                                                false,
		`{` + head + `,"type":"error","error":` + withRemedy + `}`:                      true,
		`{"v":1,"type":"result","time":"noon"}`:                                         false,
	} {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := events.Validate(instance); (err == nil) != valid {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// A schema can't be made without the sources.
func TestNoSources(t *testing.T) {
	t.Parallel()
	if _, err := rpcschema.Events(&rpcschema.Source{Root: t.TempDir()}); !os.IsNotExist(err) && err == nil {
		t.Error("it was made without comments")
	}
}
