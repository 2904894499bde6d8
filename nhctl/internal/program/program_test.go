package program

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCallOf(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]Call{
		"/usr/local/bin/nhctl":              Itself,
		"":                                  Itself,
		"kubectl":                           Itself,
		"kubectl-nhctl-old":                 Itself,
		"/home/ada/.krew/bin/kubectl-nhctl": Plugin,
		"kubectl-nhctl.exe":                 Plugin,
	} {
		if got := CallOf(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"a hint":            {"write one: nhctl config init", "write one: kubectl nhctl config init"},
		"quoted":            {"see `nhctl dev list`", "see `kubectl nhctl dev list`"},
		"in brackets":       {"paused (nhctl dev sync resume)", "paused (kubectl nhctl dev sync resume)"},
		"several":           {"nhctl dev list; nhctl dev end", "kubectl nhctl dev list; kubectl nhctl dev end"},
		"lines":             {"a\nnhctl doctor --role\n", "a\nkubectl nhctl doctor --role\n"},
		"a flag":            {"see nhctl --help", "see kubectl nhctl --help"},
		"typed already":     {"see kubectl nhctl dev --help", "see kubectl nhctl dev --help"},
		"the end of a line": {"run nhctl doctor", "run kubectl nhctl doctor"},
		"behind a pipe":     {"tar c data | nhctl dev exec -- tar x", "tar c data | kubectl nhctl dev exec -- tar x"},
		"a sentence":        {"a newer nhctl is needed; nhctl parks it", "a newer nhctl is needed; nhctl parks it"},
		"a longer word":     {"nhctl developers, nhctl configures", "nhctl developers, nhctl configures"},
		"a version":         {"nhctl v0.1.0 (linux/amd64)", "nhctl v0.1.0 (linux/amd64)"},
		"part of a word":    {"my-nhctl dev, xnhctl dev", "my-nhctl dev, xnhctl dev"},
		"a path":            {"/opt/nhctl dev start, kubectl-nhctl dev", "/opt/nhctl dev start, kubectl-nhctl dev"},
		"nothing":           {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := []string{Plugin.Text(tt.text), Plugin.Text(Plugin.Text(tt.text)), Itself.Text(tt.text)}
			if diff := cmp.Diff([]string{tt.want, tt.want, tt.text}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A writer counts what it was given, not what it wrote.
func TestWriter(t *testing.T) {
	t.Parallel()
	for call, want := range map[Call]string{Itself: "nhctl doctor\n", Plugin: "kubectl nhctl doctor\n"} {
		var out bytes.Buffer
		if n, err := fmt.Fprintln(call.Writer(&out), "nhctl doctor"); n != len("nhctl doctor\n") || err != nil {
			t.Errorf("%s: %d bytes, %v", call, n, err)
		}
		if out.String() != want {
			t.Errorf("%s: %q", call, out.String())
		}
	}
	r, w := io.Pipe()
	r.CloseWithError(io.ErrNoProgress)
	if _, err := io.WriteString(Plugin.Writer(w), "nhctl doctor"); err != io.ErrNoProgress {
		t.Errorf("a failed write: %v", err)
	}
}
