package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// Configs in the forms that Nocalhost's users write. The part "want" has what is said of each, and the values that
// count.
func TestNocalhostConfigs(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	cases, err := filepath.Glob("testdata/nocalhost/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts, want := files{}, ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
				} else {
					texts["/w/.nocalhost/"+f.Name] = string(f.Data)
				}
			}
			got := summary(t, texts.nocalhost())
			if os.Getenv("NHCTL_TEST_UPDATE") != "" {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			texts[nocalhostFile] = "\ufeff" + strings.ReplaceAll(texts[nocalhostFile], "\n", "\r\n")
			if diff := cmp.Diff(want, summary(t, texts.nocalhost())); diff != "" {
				t.Errorf("as an editor on Windows writes it: %s", diff)
			}
			// An editor knows neither what a document holds for others, nor where one ends.
			plain := !strings.Contains(texts[nocalhostFile], "\n---") && !strings.Contains(texts[nocalhostFile],
				"&defaults") && !strings.Contains(want, "error") && !strings.Contains(want, "its place is")
			if !plain {
				return
			}
			if err := schema.Validate(parsed(t, texts[nocalhostFile])); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
		})
	}
}

const nocalhostFile = "/w/.nocalhost/config.yaml"

func (f files) nocalhost() *File {
	return f.check(nocalhostFile, Options{})
}

var origin = regexp.MustCompile(` # \S+:\d+$`)

// summary is what is said of a config, and which values are not their defaults.
func summary(t *testing.T, f *File) string {
	t.Helper()
	var b strings.Builder
	for _, x := range f.Findings {
		fmt.Fprintf(&b, "%s, line %d: %s\n", x.Severity, x.Line, x.Message)
	}
	if len(f.Ignored) > 0 {
		fmt.Fprintln(&b, "ignored:", strings.Join(f.Ignored, ", "))
	}
	text, err := f.Effective(f.Services, true)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasSuffix(line, "# default") {
			fmt.Fprintln(&b, strings.TrimRight(origin.ReplaceAllString(line, ""), " "))
		}
	}
	return b.String()
}
