package sidecarclient

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// A sidecar's answer that breaks off is asked for again; one that is too long, or never ends, is not.
func TestDecodeAnswer(t *testing.T) {
	t.Parallel()
	long := `{"down":["` + strings.Repeat("x", 1<<10) + `"]}`
	for name, tt := range map[string]struct {
		says       string
		lost, over bool
	}{
		"an answer":     {says: `{"down":["a"]}`},
		"half of one":   {says: `{"down":["a`, lost: true},
		"no JSON":       {says: `hello`, lost: true},
		"nothing":       {says: ``, lost: true},
		"one too large": {says: long, over: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out control.Reached
			err := decodeAnswer(bound.Reader(strings.NewReader(tt.says), 1<<10), &out)
			var over *bound.Error
			if errors.Is(err, ErrLost) != tt.lost || errors.As(err, &over) != tt.over ||
				err != nil && !tt.lost && !tt.over {
				t.Error(err)
			}
		})
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Add([]byte(`{"state":"idle","errors":{"a":"b"}}`))
	f.Add([]byte(`[{"id":"a/20260102T120000.000000000Z.conflict","path":"a"}]`))
	f.Add([]byte(`"aGVsbG8="`))
	f.Fuzz(func(_ *testing.T, says []byte) {
		answers := []any{
			new(filesync.Status),
			new([]kept.Version),
			new(map[string]string),
			new([]byte),
			new(control.Reached),
			new(control.Done),
		}
		for _, out := range answers {
			_ = decodeAnswer(io.Reader(bytes.NewReader(says)), out)
		}
	})
}
