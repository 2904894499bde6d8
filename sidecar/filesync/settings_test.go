package filesync

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

func TestUnknownTypesAreRefused(t *testing.T) {
	t.Parallel()
	p, _, _ := newPair(t, Settings{Type: Send})
	p.start()
	for _, kind := range []Type{"", "both", "Send", "sendreceive"} {
		c := p.local.config
		c.Settings.Type, c.StateDir = kind, t.TempDir()
		want := `sync type "` + string(kind) + `" is none of send, sendReceive and receive`
		if _, err := New(c); err == nil || err.Error() != want {
			t.Errorf("New: %v, want: %s", err, want)
		}
		if err := p.local.engine.Apply(t.Context(), Settings{Type: kind, GitIgnore: true}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("Apply: %v, want: %s", err, want)
		}
	}
	if diff := cmp.Diff(Settings{Type: Send}, p.local.engine.settings()); diff != "" {
		t.Errorf("what was refused has changed the settings:\n%s", diff)
	}
	for _, kind := range []Type{Send, Receive, SendReceive} {
		if err := p.local.engine.Apply(t.Context(), Settings{Type: kind}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A pattern that decides is named with its field of the config.
func TestExplainPatterns(t *testing.T) {
	t.Parallel()
	s := Settings{FilePatterns: []string{"./src"}, IgnorePatterns: []string{"./src/tmp"}}
	for rel, want := range map[string]string{
		"src/main.go": `synced because of "./src" of dev.sync.filePattern`,
		"src/tmp/a":   `left out by "./src/tmp" of dev.sync.ignoreFilePattern`,
		"doc/a":       "left out: dev.sync.filePattern does not name it",
	} {
		if got := s.Explain(t.TempDir(), rel, ignore.Rules{}).Text; got != want {
			t.Errorf("%s: got %q, want %q", rel, got, want)
		}
	}
}
