package escape

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, lines, line string }{
		"plain":                {"web is up", "web is up", "web is up"},
		"other scripts":        {"Привет, 世界 👩‍💻 é", "Привет, 世界 👩‍💻 é", "Привет, 世界 👩‍💻 é"},
		"a backslash":          {`C:\x1b`, `C:\x1b`, `C:\x1b`},
		"lines and tabs":       {"a\n\tb", "a\n\tb", `a\n\tb`},
		"a colour":             {"\x1b[31mred", `\x1b[31mred`, `\x1b[31mred`},
		"the clipboard":        {"\x1b]52;c;ZXZpbA==\a", `\x1b]52;c;ZXZpbA==\x07`, `\x1b]52;c;ZXZpbA==\x07`},
		"a line written over":  {"bad\rgood\b", `bad\x0dgood\x08`, `bad\x0dgood\x08`},
		"nothing, delete":      {"\x00\x7f", `\x00\x7f`, `\x00\x7f`},
		"C1":                   {"\u009b2J", `\u009b2J`, `\u009b2J`},
		"C1 as a byte":         {"\x9b2J", `\x9b2J`, `\x9b2J`},
		"no UTF-8":             {"a\xffb", `a\xffb`, `a\xffb`},
		"the character for it": {"a\ufffdb", "a\ufffdb", "a\ufffdb"},
		"directions":           {"exe.\u202egpj\u2069", `exe.\u202egpj\u2069`, `exe.\u202egpj\u2069`},
		"ends of lines":        {"a\u2028b\u0085c", `a\u2028b\u0085c`, `a\u2028b\u0085c`},
		"no room of their own": {"rm\u200b -rf\ufeff\u00ad", `rm\u200b -rf\ufeff\u00ad`, `rm\u200b -rf\ufeff\u00ad`},
		"tags":                 {"a\U000e0041", `a\U000e0041`, `a\U000e0041`},
		"joiners":              {"می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم"},
		"a sign of numbers":    {"\u0600١", "\u0600١", "\u0600١"},
		"nothing at all":       {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{tt.lines, tt.line}, []string{Text(tt.text), Line(tt.text)}); diff != "" {
				t.Error(diff)
			}
			if again := Text(Text(tt.text)); again != tt.lines {
				t.Errorf("cleaned twice: %q", again)
			}
		})
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	n, err := io.WriteString(Writer(&out), "a\x1b\n")
	if n != 3 || err != nil || out.String() != "a\\x1b\n" {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"plain":      {"a\tb", `"a\tb"`},
		"C0":         {"\x1b", `"\u001b"`},
		"delete, C1": {"\x7f\u009b", `"\u007f\u009b"`},
		"directions": {"\u202e", `"\u202e"`},
		"tags":       {"\U000e0041", `"\udb40\udc41"`},
		"no UTF-8":   {"\xff", `"\ufffd"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := JSON(tt.text, "")
			if diff := cmp.Diff(tt.want+"\n", string(got)); diff != "" || err != nil {
				t.Error(diff, err)
			}
			var back string
			if err := json.Unmarshal(got, &back); err != nil || utf8.ValidString(tt.text) && back != tt.text {
				t.Errorf("%q, %v", back, err)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[2J\u009b\xff\n\t\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		line := Line(text)
		if !utf8.ValidString(line) || strings.ContainsFunc(line, unsafe) || Line(line) != line || Text(line) != line {
			t.Errorf("%q", line)
		}
	})
}
