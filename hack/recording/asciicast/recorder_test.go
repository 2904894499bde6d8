package asciicast

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A recorder keeps whole characters, with their times; pauses are in the recording alone.
func TestRecorder(t *testing.T) {
	t.Parallel()
	now := time.Duration(0)
	r := NewRecorder(Recording{Width: 80, Height: 24}, func() time.Duration { return now }, "/tmp/x1", "/home/ada")
	for _, text := range []string{"in /tmp/x1/src\n", "a\xe4", "\xb8", "\x96b\xf0\x9f", "\x91\xa9"} {
		if n, err := io.WriteString(r, text); n != len(text) || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
		now += time.Second
		if text == "a\xe4" {
			r.Pause(time.Minute)
		}
	}
	want := Recording{Width: 80, Height: 24, Output: []Output{
		{At: 0, Text: "in /home/ada/src\n"},
		{At: time.Second, Text: "a"},
		{At: time.Minute + 3*time.Second, Text: "世b"},
		{At: time.Minute + 4*time.Second, Text: "👩"},
	}}
	if diff := cmp.Diff(want, r.Recording()); diff != "" {
		t.Error(diff)
	}
}
