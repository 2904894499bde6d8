package lsp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	const one = "Content-Length: 2\r\n\r\n{}"
	exit := `{"jsonrpc":"2.0","method":"exit"}`
	for name, tt := range map[string]struct {
		text string
		want []string
		err  string
	}{
		"nothing": {"", nil, "EOF"},
		"two":     {one + "Content-Length: 3\r\n\r\n[1]", []string{"{}", "[1]"}, "EOF"},
		"heads of older ones": {
			"Content-Type: application/vscode-jsonrpc; charset=utf8\r\ncontent-length:2\n\n{}",
			[]string{"{}"},
			"EOF",
		},
		"a part":           {one + "Content-Length: 9\r\n\r\n{}", []string{"{}"}, "unexpected EOF"},
		"a part of a head": {"Content-Le", nil, "unexpected EOF"},
		"no length":        {"Content-Type: x\r\n\r\n{}", nil, "a message has no Content-Length"},
		"no number":        {"Content-Length: two\r\n\r\n{}", nil, "the Content-Length of a message is no number"},
		"a negative one":   {"Content-Length: -2\r\n\r\n{}", nil, "the Content-Length of a message is no number"},
		"a huge one": {
			"Content-Length: 99999999999\r\n\r\n{}",
			nil,
			"a message is longer than 67108864 bytes",
		},
		"no colon":           {"{\"jsonrpc\":\n", nil, ""},
		"no head":            {"hello\r\n\r\n", nil, "the head of a message has a line without a colon"},
		"a head without end": {strings.Repeat("a", 1<<20), nil, "the head of a message is longer than 4096 bytes"},
		"heads without end": {
			strings.Repeat("a: b\n", 1<<16),
			nil,
			"the head of a message is longer than 4096 bytes",
		},
		"nothing behind exit": {frameOf(exit) + one, []string{exit}, "EOF"},
		"exit is only a word": {
			frameOf(`{"method":"x","params":"exit"}`) + one,
			[]string{`{"method":"x","params":"exit"}`, "{}"},
			"EOF",
		},
		"an empty message":     {frameOf("") + one, []string{"", "{}"}, "EOF"},
		"blanks before a head": {"\r\n" + one, nil, "a message has no Content-Length"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFrames(t.Context(), strings.NewReader(tt.text), io.Discard)
			var got []string
			for {
				message, err := f.Recv()
				if err != nil {
					if tt.err != "" && err.Error() != tt.err {
						t.Errorf("%v, want %s", err, tt.err)
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
	return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(message), message)
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
