package ide

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]int{
		`{"jsonrpc":"2.0","id":1,"method":"m"}`:               0,
		`{"jsonrpc":"2.0","id":"a","method":"m","params":{}}`: 0,
		`{"jsonrpc":"2.0","id":-1,"method":"m"}`:              0,
		`{"jsonrpc":"2.0","method":"m"}`:                      0,
		`{"jsonrpc":"2.0","id":1,"result":null}`:              0,
		`{"jsonrpc":"2.0","id":1,"error":{"code":1}}`:         0,
		`{"jsonrpc":"2.0","id":1}`:                            codeInvalid,
		`{"jsonrpc":"2.0","id":null,"method":"m"}`:            codeInvalid,
		`{"jsonrpc":"2.0","id":{},"method":"m"}`:              codeInvalid,
		`{"jsonrpc":"2.0","id":[1],"method":"m"}`:             codeInvalid,
		`{"jsonrpc":"2.0","id":true,"method":"m"}`:            codeInvalid,
		`{"jsonrpc":"1.0","id":1,"method":"m"}`:               codeInvalid,
		`{"id":1,"method":"m"}`:                               codeInvalid,
		`{"jsonrpc":"2.0","id":1,"method":7}`:                 codeInvalid,
		`{}`:                                                  codeInvalid,
		`7`:                                                   codeInvalid,
		`[{"jsonrpc":"2.0","id":1,"method":"m"}]`:             codeInvalid,
		`[]`:                       codeInvalid,
		`null`:                     codeInvalid,
		``:                         codeParse,
		`{`:                        codeParse,
		strings.Repeat("[", 20000): codeParse,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"} garbage": codeParse,
	} {
		_, wrong := parse([]byte(text))
		got := 0
		if wrong != nil {
			got = wrong.Code
		}
		if got != code {
			t.Errorf("%.60s: %d, want %d", text, got, code)
		}
	}
}

// An editor may say anything: the bridge answers it, or ends.
func FuzzServe(f *testing.F) {
	for _, seed := range []string{
		"Content-Length: 2\r\n\r\n{}",
		"Content-Length: 99999999999\r\n\r\n{}",
		string(baseprotocol.Frame([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`))),
		string(baseprotocol.Frame([]byte(`{"jsonrpc":"2.0","id":"a","method":"subscribe","params":{"topic":"clusters",`+
			`"caller":{"dir":"x"}}}`))) +
			string(baseprotocol.Frame([]byte(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"a"}}`))),
		string(baseprotocol.Frame([]byte(`{"jsonrpc":"2.0","id":1,"method":"dev.list",`+
			`"params":{"workDoneToken":7,"caller":null}}`))) +
			string(baseprotocol.Frame([]byte(`{"jsonrpc":"2.0","id":1,"method":"cancel","params":{"id":"1"}}`))),
		string(baseprotocol.Frame([]byte(`[1,2]`))) +
			string(baseprotocol.Frame([]byte(`{"jsonrpc":"2.0","method":"exit"}`))),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var out strings.Builder
		_ = Serve(t.Context(), strings.NewReader(string(in)), &out, unreachable())
		for r := baseprotocol.NewReader(strings.NewReader(out.String()), mostBytes); ; {
			data, err := r.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("%v in %q", err, out.String())
			}
			var m message
			if err := json.Unmarshal(data, &m); err != nil || m.Version != "2.0" || m.Method == "" && m.ID == nil {
				t.Fatalf("%s: %v", data, err)
			}
		}
	})
}
