package recording

import (
	"encoding/json"
	"strings"
	"testing"
)

// What a build without a field, or with another type of it, would say is found.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	const call = `{"client":{"jsonrpc":"2.0","id":1,"method":"dev.stop","params":{"caller":{"env":{},"dir":"/"}}}}`
	for name, tt := range map[string]struct{ line, want string }{
		"right":             {`{"daemon":{"id":1,"result":{"name":"run","state":"none"}}}`, ""},
		"a problem":         {`{"daemon":{"id":1,"error":{"data":{"code":"held","message":"busy"}}}}`, ""},
		"a lost field":      {`{"daemon":{"id":1,"result":{"name":"","state":"","old":1}}}`, `unknown field "old"`},
		"a missing field":   {`{"daemon":{"id":1,"result":{"name":"run"}}}`, "missing property 'state'"},
		"another type":      {`{"daemon":{"id":1,"result":{"name":"run","state":7}}}`, "got number, want string"},
		"a bare error":      {`{"daemon":{"id":1,"error":{"data":{}}}}`, "missing properties 'code', 'message'"},
		"an unknown method": {`{"client":{"id":2,"method":"dev.fly"}}`, `no method "dev.fly"`},
		"wrong parameters": {
			`{"client":{"id":2,"method":"dev.stop","params":{"caller":1}}}`,
			"got number, want object",
		},
		"an empty event": {
			`{"daemon":{"method":"event","params":{"v":1,"type":"step","time":"2026-01-02T03:04:05Z"}}}`,
			"missing property 'step'",
		},
		"an answer to nothing": {`{"daemon":{"id":9,"result":{}}}`, "no method"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines []Line
			for _, text := range []string{call, tt.line} {
				var l Line
				if err := json.Unmarshal([]byte(text), &l); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, l)
			}
			err := Check(lines)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v", err)
			}
		})
	}
}
