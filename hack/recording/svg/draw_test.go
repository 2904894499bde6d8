package svg

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/hack/recording/asciicast"
)

// A recording has one picture, to the byte. Where it is to change:
// go run ./hack/recording hack/recording/svg/testdata/session.cast hack/recording/svg/testdata/session.svg
func TestPicture(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join("testdata", "session.cast"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	recording, err := asciicast.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "session.svg"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Draw(recording)
	if diff := cmp.Diff(string(want), got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	harmless(t, got)
}

// harmless checks that a picture is well-formed, runs nothing, and needs nothing else.
func harmless(t *testing.T, picture string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			switch start.Name.Local {
			case "svg", "title", "style", "rect", "g", "text":
			default:
				t.Errorf("it has the element %s", start.Name.Local)
			}
			for _, a := range start.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
					t.Errorf("it has the attribute %s", a.Name.Local)
				}
			}
		}
	}
	for _, word := range []string{"url(", "@import", "@font-face"} {
		if strings.Contains(picture, word) {
			t.Errorf("it has %s", word)
		}
	}
}

// Whatever a terminal shows is text in the picture.
func TestPictureEscapes(t *testing.T) {
	t.Parallel()
	picture, err := Draw(asciicast.Recording{Width: 80, Height: 24, Title: `<a & "b">`, Output: []asciicast.Output{
		{Text: `<script>alert("1 & 2")</script>` + "\r\n"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	harmless(t, picture)
}

// A picture that would be too large is refused, and so is one of a recording that can't be drawn.
func TestDrawRefuses(t *testing.T) {
	t.Parallel()
	large := asciicast.Recording{Width: 80, Height: 24}
	for range 1000 {
		large.Output = append(large.Output, asciicast.Output{Text: strings.Repeat("x", 79) + "\r\n"})
	}
	other := asciicast.Recording{Width: 80, Height: 24, Output: []asciicast.Output{{Text: "\x1b[2J"}}}
	for name, tt := range map[string]struct {
		recording asciicast.Recording
		want      string
	}{"too large": {large, "record less"}, "another screen": {other, `"\x1b[2J", which is not drawn`}} {
		if _, err := Draw(tt.recording); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
