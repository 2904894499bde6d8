package adapter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func framed(text string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(text), text) }

func TestRelay(t *testing.T) {
	t.Parallel()
	var m mapping
	through := func(text string, change func(map[string]any) bool) string {
		t.Helper()
		var out strings.Builder
		if err := relay(&out, strings.NewReader(framed(text)), change); err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(out.String(), "\r\n\r\n")
		if out.String() != framed(after) {
			t.Errorf("%q is framed wrongly", out.String())
		}
		return after
	}
	attach := `{"arguments":{"program":"/tmp/web","sourceMap":[["/src","/home/ada/web"],["/lib","C:\\lib"]]},` +
		`"command":"attach","seq":12345678901234567}`
	for _, step := range []struct {
		change     func(map[string]any) bool
		text, want string
	}{
		{m.fromClient, `{"arguments": {"source": {"path": "/home/ada/web/a.c"}}}`,
			`{"arguments": {"source": {"path": "/home/ada/web/a.c"}}}`}, // as it was
		{m.fromClient, attach, `{"arguments":{"program":"/tmp/web"},"command":"attach","seq":12345678901234567}`},
		{m.fromClient, `{"arguments":{"source":{"path":"/home/ada/web/a.c"}}}`,
			`{"arguments":{"source":{"path":"/src/a.c"}}}`},
		{m.fromClient, `{"arguments":{"source":{"path":"C:\\lib\\b\\c.h"}}}`,
			`{"arguments":{"source":{"path":"/lib/b/c.h"}}}`},
		{m.fromClient, `{"arguments":{"source":{"path":"/home/ada/website/a.c"}}}`,
			`{"arguments":{"source":{"path":"/home/ada/website/a.c"}}}`},
		{m.fromAdapter, `{"body":{"stackFrames":[{"source":{"path":"/src/a.c"}},{"source":{"path":"/lib/b/c.h"}},` +
			`{"source":{"path":"/usr/x.c"}}]}}`,
			`{"body":{"stackFrames":[{"source":{"path":"/home/ada/web/a.c"}},{"source":{"path":"C:\\lib\\b\\c.h"}},` +
				`{"source":{"path":"/usr/x.c"}}]}}`},
		{m.fromAdapter, `no JSON at all`, `no JSON at all`},
	} {
		if diff := cmp.Diff(step.want, through(step.text, step.change)); diff != "" {
			t.Error(diff)
		}
	}
	m.pid = 7
	attach = `{"arguments":{"pid":7,"program":"/tmp/web"},"command":"attach"}`
	for _, text := range []string{`{"arguments":{"program":"/tmp/web"},"command":"attach"}`, attach} {
		if diff := cmp.Diff(attach, through(text, m.fromClient)); diff != "" {
			t.Errorf("which process is meant: %s", diff)
		}
	}
	for _, broken := range []string{"Content-Length: -1\r\n\r\n", "Content-Length: 99999999999\r\n\r\n", "\r\n\r\n",
		"Content-Length: 5\r\n\r\n{}", "x"} {
		if err := relay(&strings.Builder{}, strings.NewReader(broken), m.fromClient); err == nil {
			t.Errorf("%q is taken", broken)
		}
	}
}
