package ide

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestReadFrame(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", mostHeader)
	for name, tt := range map[string]struct{ in, want, err string }{
		"a message":         {"Content-Length: 2\r\n\r\n{}", "{}", ""},
		"any case":          {"content-length:2\r\n\r\n{}", "{}", ""},
		"other headers":     {"X: y\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}", "{}", ""},
		"only newlines":     {"Content-Length: 2\n\n{}", "{}", ""},
		"empty":             {"Content-Length: 0\r\n\r\n", "", ""},
		"the end":           {"", "", "EOF"},
		"the end within":    {"Content-Length: 3\r\n\r\n{}", "", "unexpected EOF"},
		"in the header":     {"Content-Le", "", "unexpected EOF"},
		"after the header":  {"Content-Length: 3\r\n", "", "unexpected EOF"},
		"no length":         {"X: y\r\n\r\n{}", "", "no Content-Length"},
		"no number":         {"Content-Length: two\r\n\r\n{}", "", "want a Content-Length"},
		"negative":          {"Content-Length: -1\r\n\r\n{}", "", "want a Content-Length"},
		"huge":              {"Content-Length: 99999999999\r\n\r\n{}", "", "want a Content-Length"},
		"more than fits":    {"Content-Length: 99999999999999999999\r\n\r\n{}", "", "want a Content-Length"},
		"no header":         {"{\"jsonrpc\"\n", "", "no colon"},
		"a long header":     {"X: " + long + "\r\n", "", "more than"},
		"many long headers": {strings.Repeat("X: "+long[:1000]+"\r\n", 5), "", "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readFrame(bufio.NewReader(strings.NewReader(tt.in)))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%v", err)
			}
			if string(got) != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
}

// What was framed is read again.
func TestFrames(t *testing.T) {
	t.Parallel()
	all := string(frame([]byte("one"))) + string(frame(nil)) + string(frame([]byte("three")))
	r := bufio.NewReader(strings.NewReader(all))
	for _, want := range []string{"one", "", "three"} {
		if got, err := readFrame(r); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := readFrame(r); err != io.EOF {
		t.Error(err)
	}
}

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
		string(frame([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`))),
		string(frame([]byte(`{"jsonrpc":"2.0","id":"a","method":"subscribe","params":{"topic":"clusters",`+
			`"caller":{"dir":"x"}}}`))) +
			string(frame([]byte(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"a"}}`))),
		string(frame([]byte(`{"jsonrpc":"2.0","id":1,"method":"dev.list",`+
			`"params":{"workDoneToken":7,"caller":null}}`))) +
			string(frame([]byte(`{"jsonrpc":"2.0","id":1,"method":"cancel","params":{"id":"1"}}`))),
		string(frame([]byte(`[1,2]`))) + string(frame([]byte(`{"jsonrpc":"2.0","method":"exit"}`))),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var out strings.Builder
		_ = Serve(t.Context(), strings.NewReader(string(in)), &out, unreachable())
		for r := bufio.NewReader(strings.NewReader(out.String())); ; {
			data, err := readFrame(r)
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
