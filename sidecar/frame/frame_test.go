package frame

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stream string
		kind   byte
		data   string
		fails  string
	}{
		"a frame":              {stream: "\x01\x00\x00\x00\x02ab", kind: 1, data: "ab"},
		"a frame, and more":    {stream: "\x01\x00\x00\x00\x01abc", kind: 1, data: "a"},
		"no data":              {stream: "\x07\x00\x00\x00\x00", kind: 7},
		"at the limit":         {stream: "\x01\x00\x00\x00\x04abcd", kind: 1, data: "abcd"},
		"over the limit":       {stream: "\x01\x00\x00\x00\x05abcde", fails: "the limit is 4"},
		"as long as can be":    {stream: "\x01\xff\xff\xff\xff", fails: "the limit is 4"},
		"no end of the data":   {stream: "\x01\x00\x00\x00\x02a", fails: io.ErrUnexpectedEOF.Error()},
		"no data at all":       {stream: "\x01\x00\x00\x00\x02", fails: io.ErrUnexpectedEOF.Error()},
		"no end of a header":   {stream: "\x01\x00", fails: io.ErrUnexpectedEOF.Error()},
		"an end of the stream": {stream: "", fails: io.EOF.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, data, err := Read(strings.NewReader(tt.stream), 4)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("%v, want %q", err, tt.fails)
				}
				return
			}
			if diff := cmp.Diff([]any{tt.kind, tt.data}, []any{kind, string(data)}); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Append(Append(nil, 1, []byte("ab"), []byte("c")), 0))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var again []byte
		r := bytes.NewReader(stream)
		for {
			kind, data, err := Read(r, 1<<10)
			if err != nil {
				if !bytes.HasPrefix(stream, again) || errors.Is(err, io.EOF) && len(again) != len(stream) {
					t.Fatalf("%x was read of %x", again, stream)
				}
				return
			}
			again = Append(again, kind, data)
		}
	})
}
