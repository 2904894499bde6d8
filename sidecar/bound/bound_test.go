package bound

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReader(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want string
		over bool
	}{
		"less than the limit": {"abc", "abc", false},
		"the limit":           {"abcd", "abcd", false},
		"more":                {"abcdefgh", "abcd", true},
		"nothing":             {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, from := range map[string]io.Reader{"at once": strings.NewReader(tt.text),
				"by bytes": iotest.OneByteReader(strings.NewReader(tt.text))} {
				got, err := io.ReadAll(Reader(from, 4))
				var over *Error
				if string(got) != tt.want || errors.As(err, &over) != tt.over || err != nil && !tt.over {
					t.Errorf("%s: %q, %v", how, got, err)
				}
			}
		})
	}
}

func TestBuffer(t *testing.T) {
	t.Parallel()
	b := Buffer{Limit: 4}
	for _, tt := range []struct {
		text string
		over bool
	}{{"abc", false}, {"de", true}, {"d", false}, {"e", true}} {
		if _, err := io.WriteString(&b, tt.text); (err != nil) != tt.over {
			t.Errorf("%q: %v", tt.text, err)
		}
	}
	if b.String() != "abcd" {
		t.Errorf("%q", b.String())
	}
}

// Each request may be answered up to the limit, and what comes after that fails until the next one.
func TestAnswers(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	conn := Answers(near, 4)
	go func() {
		request := make([]byte, 1)
		for {
			if _, err := far.Read(request); err != nil {
				return
			}
			if _, err := io.WriteString(far, strings.Repeat("x", int(request[0]))); err != nil {
				return
			}
		}
	}()
	for _, tt := range []struct {
		size byte
		over bool
	}{{4, false}, {1, false}, {4, false}, {5, true}, {4, false}} {
		if _, err := conn.Write([]byte{tt.size}); err != nil {
			t.Fatal(err)
		}
		var over *Error
		if _, err := conn.Read(make([]byte, 8)); errors.As(err, &over) != tt.over || err != nil && !tt.over {
			t.Errorf("an answer of %d bytes: %v", tt.size, err)
		}
	}
}
