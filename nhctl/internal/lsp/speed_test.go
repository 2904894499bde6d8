package lsp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// large is a config of at least some bytes, with a place to type at in its middle.
func large(size int) string {
	var b strings.Builder
	service := func(i int) {
		fmt.Fprintf(&b, "- name: web-%d\n  containers:\n  - name: app\n    dev:\n      image: golang:%d\n"+
			"      env:\n      - name: A\n        value: x\n      portForward: [\"%d:80\"]\n", i, i, 1024+i)
	}
	i := 0
	for ; b.Len() < size/2; i++ {
		service(i)
	}
	b.WriteString("- name: here\n  containers:\n  - dev:\n      image: " + mark + "\n")
	for ; b.Len() < size; i++ {
		service(i)
	}
	return b.String()
}

// A key that is typed in a large config has its completions before `nhctl config validate` would have read it, and its
// findings not much later. The best of some tries counts, since the machine may do something else, too.
func TestLargeConfig(t *testing.T) {
	w := newWorkspace(t, nil)
	text := large(1 << 20)
	at := w.edit(".dev/config.yaml", text)
	d := w.document(at.TextDocument.URI)
	const tries = 3
	validate, complete, diagnose := time.Hour, time.Hour, time.Hour
	for range tries {
		begin := time.Now()
		if f := config.Check(d.path, []byte(d.all), config.Options{Read: w.reader(d.path)}); f.Findings.Failed() {
			t.Fatal(f.Findings)
		}
		validate = min(validate, time.Since(begin))
		begin = time.Now()
		w.didChange(protocol.DidChange{
			TextDocument:   protocol.DocumentVersion{URI: d.uri, Version: 2},
			ContentChanges: []protocol.Change{{Range: &protocol.Range{Start: at.Position, End: at.Position}, Text: ""}},
		})
		if list := w.completion(at); len(list.Items) != maxValues {
			t.Fatalf("%d completions", len(list.Items))
		}
		complete = min(complete, time.Since(begin))
		begin = time.Now()
		findings, read := w.findingsOf(&w.files, d.path)
		w.found[d.path] = &checked{findings: findings, files: read}
		w.diagnostics(d.path)
		diagnose = min(diagnose, time.Since(begin))
	}
	t.Logf("%d bytes: of the time that validate takes, completion takes %.2f, diagnostics %.2f", len(d.all),
		float64(complete)/float64(validate), float64(diagnose)/float64(validate))
	if complete > validate || diagnose > 5*validate {
		t.Errorf("completion takes %s, diagnostics %s, validate %s", complete, diagnose, validate)
	}
}
