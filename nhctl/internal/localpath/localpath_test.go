package localpath

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

var folders = []event.PathData{
	{Local: "/home/ada/web", Remote: "/src"},
	{Local: "/home/ada/lib", Remote: "/src/lib"},
	{Local: "/home/ada/all", Remote: "/"},
}

// cases are what programs print, and the same with paths of this computer.
var cases = map[string]struct{ text, want string }{
	"at the line's start":   {"/src/main.go:3:5: undefined\n", "/home/ada/web/main.go:3:5: undefined\n"},
	"on the second line":    {"x\n/src/a.go:1\n", "x\n/home/ada/web/a.go:1\n"},
	"after a tab":           {"\t/src/a.go:1 +0x1d", "\t/home/ada/web/a.go:1 +0x1d"},
	"in quotes":             {`  File "/src/app.py", line 3`, `  File "/home/ada/web/app.py", line 3`},
	"in brackets":           {"(/src/a.js:1:2)", "(/home/ada/web/a.js:1:2)"},
	"two in a line":         {"/src/a /src/b", "/home/ada/web/a /home/ada/web/b"},
	"as a value":            {"path=/src/a", "path=/home/ada/web/a"},
	"after a colour":        {"\x1b[1m\x1b[31m/src/a.py\x1b[0m:1", "\x1b[1m\x1b[31m/home/ada/web/a.py\x1b[0m:1"},
	"a URL of a file":       {"at file:///src/a.mjs:1", "at file:///home/ada/web/a.mjs:1"},
	"the folder itself":     {"cd /src", "cd /home/ada/web"},
	"the folder, a colon":   {"/src: not found", "/home/ada/web: not found"},
	"a folder below":        {"/src/lib/a.go", "/home/ada/lib/a.go"},
	"a name like it":        {"/src/library/a.go", "/home/ada/web/library/a.go"},
	"another folder":        {"/srcs/a.go /src-old/a /src.bak", "/srcs/a.go /src-old/a /src.bak"},
	"the end of another":    {"/usr/src/a.c lib/src/a //src/a", "/usr/src/a.c lib/src/a //src/a"},
	"a URL of the web":      {"http://src/a https://x/src/a", "http://src/a https://x/src/a"},
	"other letters":         {"/srcü/a ü/src/a", "/srcü/a ü/src/a"},
	"a path of this side":   {"/home/ada/web/a.go", "/home/ada/web/a.go"},
	"only its beginning":    {"/sr", "/sr"},
	"a slash":               {"a / b /", "a / b /"},
	"an escape alone":       {"\x1b7/src/a \x1b", "\x1b7/home/ada/web/a \x1b"},
	"carriage returns":      {"50%\r/src/a\r\n", "50%\r/home/ada/web/a\r\n"},
	"nothing to be changed": {"hello\n", "hello\n"},
	"nothing":               {"", ""},
}

func TestText(t *testing.T) {
	t.Parallel()
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Text(folders, tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// However a text is cut into writes, it comes out the same.
func TestWriterPieces(t *testing.T) {
	t.Parallel()
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for size := 1; size <= len(tt.text); size++ {
					var out bytes.Buffer
					w := NewWriter(&out, folders)
					for rest := []byte(tt.text); len(rest) > 0; {
						n := min(size, len(rest))
						if got, err := w.Write(rest[:n]); got != n || err != nil {
							t.Fatalf("it wrote %d of %d: %v", got, n, err)
						}
						rest = rest[n:]
					}
					if err := w.Flush(); err != nil || out.String() != tt.want {
						t.Errorf("by %d: got %q, want %q (%v)", size, out.String(), tt.want, err)
					}
				}
			})
		})
	}
}

// A beginning that nothing follows is shown after a moment, as the echo of what a person types.
func TestWriterWaitsForNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w := NewWriter(&out, folders)
		write := func(text, want string) {
			t.Helper()
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			w.mu.Lock() // which the timer takes
			got := out.String()
			w.mu.Unlock()
			if got != want {
				t.Errorf("after %q: %q, want %q", text, got, want)
			}
		}
		write("$ ls /", "$ ls ")
		time.Sleep(2 * pause)
		synctest.Wait()
		write("s", "$ ls /s")
		write("r /sr", "$ ls /sr ")
		write("c/a", "$ ls /sr /home/ada/web/a")
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

// Who writes hears that the text goes nowhere, also where the timer has found out.
func TestWriterFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(broken{}, folders)
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("a write went through")
		}
		w = NewWriter(&bytes.Buffer{}, folders)
		if _, err := w.Write([]byte("/sr")); err != nil {
			t.Error(err)
		}
		w.mu.Lock() // which the timer takes
		w.out = broken{}
		w.mu.Unlock()
		time.Sleep(2 * pause)
		synctest.Wait()
		if _, err := w.Write([]byte("c/a")); err == nil {
			t.Error("a write went through")
		}
	})
}
