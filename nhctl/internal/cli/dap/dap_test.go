package dap

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/dap"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// The command serves a client on its standard streams until that disconnects.
func TestServe(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	for _, command := range []string{"initialize", "disconnect"} {
		text := fmt.Sprintf(`{"seq":1,"type":"request","command":%q}`, command)
		fmt.Fprintf(&in, "Content-Length: %d\r\n\r\n%s", len(text), text)
	}
	var out bytes.Buffer
	cmd := New(&factory.Factory{Streams: ui.Streams{In: strings.NewReader(in.String()), Out: &out}})
	cmd.SetArgs([]string{})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"success":true,"command":"disconnect"`) {
		t.Errorf("it says %s", out.String())
	}
}

// A caller is at the place that the client names, with its own flags where it names none.
func TestCaller(t *testing.T) {
	t.Parallel()
	b := backend{&factory.Factory{Dir: "/home/ada", Context: "kind", Namespace: "shop"}}
	got := b.Caller(dap.Place{Folder: "src", Namespace: "other"})
	want := [3]string{"/home/ada/src", "kind", "other"}
	if diff := cmp.Diff(want, [3]string{got.Dir, got.Context, got.Namespace}); diff != "" {
		t.Error(diff)
	}
}
