package dapschema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/dap"
	"github.com/nhctl/nhctl/schema"
)

// The published schema is that of the type.
func TestCurrent(t *testing.T) {
	t.Parallel()
	made, err := Arguments("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(schema.DAP), string(made)); diff != "" {
		t.Errorf("%s is not current: make generate writes it (-published +made)\n%s", Name, diff)
	}
}

// Every argument has a row, with its meaning.
func TestTable(t *testing.T) {
	t.Parallel()
	table, err := Table(schema.DAP)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range dap.Names() {
		if !strings.Contains(table, "\n| `"+name+"` | ") || strings.Contains(table, "`"+name+"` |  |") {
			t.Errorf("no row says what %s is", name)
		}
	}
	if _, err := Table([]byte("{}")); err == nil {
		t.Error("a schema without arguments has a table")
	}
}
