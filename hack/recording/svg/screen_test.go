package svg

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts are the lines of a screen, without styles.
func texts(s *screen) (lines []string) {
	for _, line := range s.lines {
		var b strings.Builder
		for _, c := range line {
			b.WriteRune(c.char)
		}
		lines = append(lines, b.String())
	}
	return lines
}

func TestScreen(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		output string
		want   []string
	}{
		"lines":                    {"a\r\nb\r\n", []string{"a", "b", ""}},
		"a new line alone":         {"ab\nc", []string{"ab", "  c"}},
		"a line written over":      {"  sync ... 10 %\r\x1b[K  sync  1.0 s\r\n", []string{"  sync  1.0 s", ""}},
		"a shorter one on top":     {"abcdef\rxy", []string{"xycdef"}},
		"longer than the terminal": {"abcdefghijklmnopqrstuvwxyz", []string{"abcdefghijklmnopqrst", "uvwxyz"}},
		"as long as the terminal":  {"abcdefghijklmnopqrst\r\nb", []string{"abcdefghijklmnopqrst", "b"}},
		"a key that is taken back": {"exiy\b\x1b[Kt", []string{"exit"}},
		"tabs":                     {"a\tb", []string{"a       b"}},
		"to the right and back":    {"ab\x1b[2Cc\x1b[4DX\x1b[1GY", []string{"YX  c"}},
		"erased up to the cursor":  {"abcd\x1b[2D\x1b[1Kx", []string{"  xd"}},
		"an erased line":           {"abcd\x1b[2K\rx", []string{"x"}},
		"all that follows, erased": {"ab\r\ncd\x1b[J", []string{"ab", "cd"}},
		"a title, and modes":       {"\x1b]0;ada@pod\a\x1b[?2004h$ \x1b[?2004l\x1b]2;x\x1b\\ok", []string{"$ ok"}},
		"other alphabets":          {"é → 世", []string{"é → 世"}},
		"a bell":                   {"\aa", []string{"a"}},
		"a character set":          {"\x1b(Ba", []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole, bytewise := newScreen(20), newScreen(20)
			if err := whole.write(tt.output); err != nil {
				t.Fatal(err)
			}
			for i := range len(tt.output) { // a piece of output may end anywhere
				if err := bytewise.write(tt.output[i : i+1]); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, texts(whole)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, texts(bytewise)); diff != "" {
				t.Errorf("in pieces: %s", diff)
			}
		})
	}
}

func TestStyles(t *testing.T) {
	t.Parallel()
	s := newScreen(20)
	if err := s.write("\x1b[1;32mb\x1b[22mg\x1b[94;2mf\x1b[39mp\x1b[mx"); err != nil {
		t.Fatal(err)
	}
	want := []cell{
		{'b', style{color: 3, bold: true}}, {'g', style{color: 3}}, {'f', style{color: 13, faint: true}},
		{'p', style{faint: true}}, {'x', style{}},
	}
	if diff := cmp.Diff(want, s.lines[0], cmp.AllowUnexported(cell{}, style{})); diff != "" {
		t.Error(diff)
	}
}

// The screen refuses all that it would draw wrong.
func TestScreenRefuses(t *testing.T) {
	t.Parallel()
	for name, output := range map[string]string{
		"another screen":     "\x1b[?1049h",
		"any place":          "\x1b[3;4H",
		"lines above":        "\x1b[A",
		"all of the screen":  "\x1b[2J",
		"a background":       "\x1b[41m",
		"256 colours":        "\x1b[38;5;3m",
		"what no one knows":  "\x1b[>1u",
		"part of no line":    "\x1b[3K",
		"the cursor's place": "\x1b7",
		"a form feed":        "\f",
	} {
		if err := newScreen(20).write(output); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
