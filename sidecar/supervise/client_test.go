package supervise

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/bound"
)

func TestReadLog(t *testing.T) {
	t.Parallel()
	line := func(text string) string { return `{"text":"` + text + `"}` + "\n" }
	var over *bound.Error
	for name, tt := range map[string]struct {
		says   string
		follow bool
		want   []string
		ends   func(error) bool
	}{
		"all there is": {says: line("a") + line("b"), want: []string{"a", "b"},
			ends: func(err error) bool { return err == nil }},
		"the end of following": {
			says:   line("a") + `{"stream":"` + endOfLog + `"}` + "\n",
			follow: true,
			want:   []string{"a"},
			ends:   func(err error) bool { return err == nil },
		},
		"followed, and cut off": {
			says:   line("a"),
			follow: true,
			want:   []string{"a"},
			ends:   func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) },
		},
		"half a line": {says: line("a") + `{"text`, want: []string{"a"},
			ends: func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"as long a line as can": {says: line(strings.Repeat("x", maxLine)),
			want: []string{strings.Repeat("x", maxLine)}, ends: func(err error) bool { return err == nil }},
		"a line that is too long": {says: line(strings.Repeat("x", maxLogEntry)),
			ends: func(err error) bool { return errors.As(err, &over) }},
		"no JSON": {says: "{\n", ends: func(err error) bool { return err != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := readLog(strings.NewReader(tt.says), tt.follow,
				func(l Line) error { got = append(got, l.Text); return nil })
			if !tt.ends(err) {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// supervisor is a client of one that answers each request with the same bytes, whatever it asks. It answers when the
// first bytes of a request have come: net/http fails a connection that speaks before it is used.
func supervisor(says io.Reader) *Client {
	return NewClient(func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if _, err := far.Read(make([]byte, 4096)); err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, far) }()
			_, _ = io.Copy(far, says)
		}()
		return near, nil
	})
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	var over *bound.Error
	status := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n\r\n{\"name\":\""), endless{})
	if _, err := supervisor(status).Status(t.Context(), Run); !errors.As(err, &over) {
		t.Errorf("a status: %v", err)
	}
	upgrade := io.MultiReader(strings.NewReader("HTTP/1.1 101 Switching Protocols\r\nX: "), endless{})
	if _, _, err := supervisor(upgrade).Attach(t.Context(), Attach{}); !errors.As(err, &over) {
		t.Errorf("an upgrade: %v", err)
	}
}

// endless says x for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("x"), len(p))), nil }

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: nhctl-console\r\n" +
		"Nhctl-Attached: {\"id\":\"1\",\"received\":3}\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n{\"text\":\"a\"}\n{\"name\":\"run\"}\n"))
	f.Fuzz(func(_ *testing.T, says []byte) {
		ctx := context.Background()
		_, _ = supervisor(bytes.NewReader(says)).Status(ctx, Run)
		_ = supervisor(bytes.NewReader(says)).Logs(ctx, Run, LogsOptions{}, func(Line) error { return nil })
		if conn, _, err := supervisor(bytes.NewReader(says)).Attach(ctx, Attach{}); err == nil {
			conn.Close()
		}
	})
}
