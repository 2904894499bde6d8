package lsp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	const one = "Content-Length: 2\r\n\r\n{}"
	exit := `{"jsonrpc":"2.0","method":"exit"}`
	for name, tt := range map[string]struct {
		text string
		want []string
		err  error
	}{
		"nothing":             {"", nil, io.EOF},
		"two":                 {one + "Content-Length: 3\r\n\r\n[1]", []string{"{}", "[1]"}, io.EOF},
		"a part":              {one + "Content-Length: 9\r\n\r\n{}", []string{"{}"}, io.ErrUnexpectedEOF},
		"no header":           {"hello\r\n\r\n", nil, baseprotocol.ErrFrame},
		"too long":            {fmt.Sprintf("Content-Length: %d\r\n\r\n{}", maxMessage+1), nil, baseprotocol.ErrFrame},
		"an empty message":    {frameOf("") + one, []string{"", "{}"}, io.EOF},
		"nothing behind exit": {frameOf(exit) + one, []string{exit}, io.EOF},
		"exit is only a word": {
			frameOf(`{"method":"x","params":"exit"}`) + one,
			[]string{`{"method":"x","params":"exit"}`, "{}"},
			io.EOF,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFrames(t.Context(), strings.NewReader(tt.text), io.Discard)
			var got []string
			for {
				message, err := f.Recv()
				if err != nil {
					if !errors.Is(err, tt.err) {
						t.Errorf("%v, want %v", err, tt.err)
					}
					break
				}
				got = append(got, string(message))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func frameOf(message string) string {
	return string(baseprotocol.Frame([]byte(message)))
}

func TestSend(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := newFrames(t.Context(), nil, &out).Send([]byte("{}")); err != nil || out.String() != frameOf("{}") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// A client that says nothing does not keep the server.
func TestFramesEnd(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	f := newFrames(ctx, in, io.Discard)
	cancel()
	if _, err := f.Recv(); err != io.EOF {
		t.Error(err)
	}
}
