package baseprotocol

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const most = 64

// all reads a stream to its end.
func all(text string) (messages []string, err error) {
	r := NewReader(strings.NewReader(text), most)
	for {
		message, err := r.Next()
		if err != nil {
			return messages, err
		}
		messages = append(messages, string(message))
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	const one = "Content-Length: 2\r\n\r\n{}"
	long := strings.Repeat("x", MaxHeader)
	for name, tt := range map[string]struct {
		text string
		want []string
		err  error
	}{
		"nothing":             {"", nil, io.EOF},
		"two":                 {one + "Content-Length: 3\r\n\r\n[1]", []string{"{}", "[1]"}, io.EOF},
		"other headers":       {"X: y\r\ncontent-length:2\r\nContent-Type: z\r\n\r\n{}", []string{"{}"}, io.EOF},
		"only newlines":       {"Content-Length: 2\n\n{}", []string{"{}"}, io.EOF},
		"an empty one":        {"Content-Length: 0\r\n\r\n" + one, []string{"", "{}"}, io.EOF},
		"the longest":         {string(Frame([]byte(long[:most]))), []string{long[:most]}, io.EOF},
		"too long":            {one + string(Frame([]byte(long[:most+1]))), []string{"{}"}, ErrFrame},
		"a part":              {one + "Content-Length: 9\r\n\r\n{}", []string{"{}"}, io.ErrUnexpectedEOF},
		"none of it":          {"Content-Length: 9\r\n\r\n", nil, io.ErrUnexpectedEOF},
		"a part of a header":  {"Content-Le", nil, io.ErrUnexpectedEOF},
		"a header alone":      {"Content-Length: 3\r\n", nil, io.ErrUnexpectedEOF},
		"no length":           {"X: y\r\n\r\n{}", nil, ErrFrame},
		"a blank line first":  {"\r\n" + one, nil, ErrFrame},
		"no number":           {"Content-Length: two\r\n\r\n{}", nil, ErrFrame},
		"a negative one":      {"Content-Length: -2\r\n\r\n{}", nil, ErrFrame},
		"a huge one":          {"Content-Length: 99999999999\r\n\r\n{}", nil, ErrFrame},
		"more than a number":  {"Content-Length: 99999999999999999999\r\n\r\n{}", nil, ErrFrame},
		"JSON alone":          {"{\"jsonrpc\":\n", nil, io.ErrUnexpectedEOF},
		"no header":           {"hello\r\n\r\n", nil, ErrFrame},
		"a line without end":  {"X: " + long, nil, ErrFrame},
		"lines without end":   {strings.Repeat("X: y\r\n", MaxHeader), nil, ErrFrame},
		"a line that is long": {"X: " + long + "\r\n\r\n", nil, ErrFrame},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := all(tt.text)
			if !errors.Is(err, tt.err) {
				t.Errorf("%v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// FuzzNext reads anything: whatever it takes for messages is the same once it is framed again.
func FuzzNext(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte("X: y\nContent-Length: 0\n\n"))
	f.Add(append(Frame([]byte("{}")), Frame([]byte("[1]"))...))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _ := all(string(data))
		var framed bytes.Buffer
		for _, message := range got {
			framed.Write(Frame([]byte(message)))
		}
		again, err := all(framed.String())
		if diff := cmp.Diff(got, again); diff != "" || err != io.EOF {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	})
}
