package asciicast

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A recording survives being written and read, whatever the output is.
func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	want := Recording{Width: 80, Height: 24, Title: "first <steps>", Output: []Output{
		{At: 0, Text: "$ nhctl doctor\r\n"},
		{At: 1500*time.Millisecond + 20*time.Microsecond, Text: "\r\x1b[K\"ok\" & <ok> é\n"},
	}}
	var file bytes.Buffer
	if err := want.Write(&file); err != nil {
		t.Fatal(err)
	}
	lines := `{"version":2,"width":80,"height":24,"title":"first <steps>"}` + "\n" +
		`[0.000000,"o","$ nhctl doctor\r\n"]` + "\n" +
		`[1.500020,"o","\r\u001b[K\"ok\" & <ok> é\n"]` + "\n"
	if diff := cmp.Diff(lines, file.String()); diff != "" {
		t.Error(diff)
	}
	got, err := Read(&file)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// Only output counts, and other formats are refused.
func TestRead(t *testing.T) {
	t.Parallel()
	const head = `{"version": 2, "width": 80, "height": 24, "env": {"TERM": "xterm"}}` + "\n"
	got, err := Read(strings.NewReader(head + `[0.1, "i", "q"]` + "\n" + `[0.2, "o", "bye"]` + "\n"))
	want := Recording{Width: 80, Height: 24, Output: []Output{{At: 200 * time.Millisecond, Text: "bye"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for name, text := range map[string]string{
		"nothing":        "",
		"no JSON":        "Script started\n",
		"version 3":      `{"version": 3, "width": 80, "height": 24}` + "\n",
		"without a size": `{"version": 2}` + "\n",
		"a broken event": head + `[0.1, "o"` + "\n",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
