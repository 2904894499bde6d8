package docs

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// example is a message that the page shows.
type example struct {
	ID             json.RawMessage
	Method         string
	Params, Result json.RawMessage
	Error          *struct{ Data json.RawMessage }
}

// Each message that the page for authors of plugins shows is one of the protocol, without a field that it lacks.
func TestMessagesInPages(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("editor-plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	methods := rpcschema.Methods()
	maps.Copy(methods, rpcschema.Bridge())
	calls := map[string]string{} // methods by ids
	seen := 0
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		seen++
		var e example
		if err := json.Unmarshal([]byte(m[1]), &e); err != nil {
			t.Errorf("%v: %s", err, m[1])
			continue
		}
		method, known := methods[e.Method]
		switch {
		case e.Error != nil:
			decode(t, e.Error.Data, new(problem.Error))
		case e.Result != nil:
			decode(t, e.Result, methods[calls[string(e.ID)]].Result)
		case !known:
			t.Errorf("there is no method %q", e.Method)
		default:
			calls[string(e.ID)] = e.Method
			decode(t, withoutToken(t, e.Params), method.Params)
		}
	}
	if seen < 10 {
		t.Errorf("only %d messages were seen", seen)
	}
}

// withoutToken are parameters as the daemon gets them.
func withoutToken(t *testing.T, params json.RawMessage) []byte {
	t.Helper()
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(params, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "workDoneToken")
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// decode reads a value strictly.
func decode(t *testing.T, text []byte, as any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(reflect.New(reflect.TypeOf(as).Elem()).Interface()); err != nil {
		t.Errorf("%v: %s", err, text)
	}
}
