package sharedfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const lines = "127.1.2.3 web\n127.1.2.4 db\n"

// texts are files of others.
var texts = map[string]string{
	"empty":                  "",
	"usual":                  "127.0.0.1 localhost\n",
	"without an end":         "127.0.0.1 localhost",
	"of another system":      "127.0.0.1 localhost\r\n10.0.0.1 nas\r\n",
	"with an empty last one": "127.0.0.1 localhost\n\n",
	"one line end":           "\n",
}

// Whatever the file was, it is that again without the part.
func TestPutAndRemove(t *testing.T) {
	t.Parallel()
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once := Put(text, "a1", strings.Split(strings.TrimSpace(lines), "\n"))
			if !strings.HasPrefix(once, text) || !strings.Contains(once, "\n"+lines) {
				t.Errorf("with the part: %q", once)
			}
			if again := Put(once, "a1", strings.Split(strings.TrimSpace(lines), "\n")); again != once {
				t.Errorf("-once +again: %s", cmp.Diff(once, again))
			}
			other := Put(once, "b2", []string{"127.9.9.9 api"})
			if diff := cmp.Diff([]string{"a1", "b2"}, IDs(other)); diff != "" {
				t.Error(diff)
			}
			if got := Remove(Remove(other, "a1"), "b2"); got != text && got != text+"\n" {
				t.Errorf("one after the other: %q, want %q", got, text)
			}
			if got := Remove(Remove(other, "b2"), "a1"); got != text {
				t.Errorf("the other way round: %q, want %q", got, text)
			}
			if got := Put(once, "a1", nil); got != text {
				t.Errorf("without lines: %q, want %q", got, text)
			}
			if got := Remove(once, "other"); got != once {
				t.Errorf("another id: %q", got)
			}
		})
	}
}

// Others edit the file while it has the part.
func TestEditsOfOthers(t *testing.T) {
	t.Parallel()
	part := []string{"127.1.2.3 web"}
	for name, tt := range map[string]struct {
		before string
		edit   func(string) string
		want   string
	}{
		"a line is added behind": {
			"a\n", func(s string) string { return s + "b\n" }, "a\nb\n",
		},
		"a line is added before": {
			"a\n", func(s string) string { return "b\n" + s }, "b\na\n",
		},
		"a line behind one that had no end": {
			"a", func(s string) string { return s + "b\n" }, "a\nb\n",
		},
		"the part is gone": {
			"a\n", func(string) string { return "c\n" }, "c\n",
		},
		"its end is gone": {
			"a\n", func(s string) string { return strings.Replace(s, "# nhctl x: end\n", "b\n", 1) },
			"a\n127.1.2.3 web\nb\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Remove(tt.edit(Put(tt.before, "x", part)), "x"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// The lines of others are hidden, and return as they were.
func TestReplace(t *testing.T) {
	t.Parallel()
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Replace(text, "x", []string{"nameserver 192.0.0.1"})
			for line := range strings.Lines(got) {
				if !strings.HasPrefix(line, "#") && line != "nameserver 192.0.0.1\n" {
					t.Errorf("another line counts: %q", line)
				}
			}
			if again := Replace(got, "x", []string{"nameserver 192.0.0.1"}); again != got {
				t.Errorf("-once +again: %s", cmp.Diff(got, again))
			}
			for name, back := range map[string]string{"removed": Remove(got, "x"), "original": Original(got)} {
				if back != text {
					t.Errorf("%s: %q, want %q", name, back, text)
				}
			}
		})
	}
}

func FuzzRemove(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Add("# nhctl y: begin\n127.0.0.1 x\n# nhctl y: end")
	f.Fuzz(func(t *testing.T, text string) {
		if len(IDs(text)) > 0 || strings.Contains(text, "nhctl") {
			return
		}
		if got := Remove(Put(text, "x", []string{"l"}), "x"); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if got := Remove(Replace(text, "x", []string{"l"}), "x"); got != text {
			t.Errorf("%q became %q", text, got)
		}
		_ = Original(text)
	})
}
