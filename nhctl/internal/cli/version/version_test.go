package version

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// answering serves one answer, and counts the questions.
func answering(t *testing.T, status int, body string) (address string, questions *int) {
	t.Helper()
	questions = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*questions++
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL, questions
}

const latest = `{"tag_name": "v0.2.0", "html_url": "https://example.com/v0.2.0"}`

func TestNewest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		current string
		status  int
		body    string
		want    release
		code    problem.Code
		message string
	}{
		{name: "older", current: "v0.1.0", status: 200, body: latest,
			want: release{Version: "v0.2.0", URL: "https://example.com/v0.2.0", Newer: true}},
		{name: "same", current: "v0.2.0", status: 200, body: latest,
			want: release{Version: "v0.2.0", URL: "https://example.com/v0.2.0"}},
		{name: "from later sources", current: "v0.2.0+3f2a", status: 200, body: latest,
			want: release{Version: "v0.2.0", URL: "https://example.com/v0.2.0"}},
		{name: "newer", current: "v0.10.0", status: 200, body: latest,
			want: release{Version: "v0.2.0", URL: "https://example.com/v0.2.0"}},
		{name: "without a version", current: "devel", status: 200, body: latest,
			want: release{Version: "v0.2.0", URL: "https://example.com/v0.2.0", Newer: true}},
		{name: "no release", current: "v0.1.0", status: 404, code: problem.NotFound,
			message: "no release of nhctl yet"},
		{name: "too often", current: "v0.1.0", status: 403, code: problem.Refused, message: "no more questions"},
		{name: "fault", current: "v0.1.0", status: 502, code: problem.Unreachable, message: "502 Bad Gateway"},
		{name: "a page of a hotel", current: "v0.1.0", status: 200, body: "<html>", code: problem.Unreachable,
			message: "invalid character"},
		{name: "another tag", current: "v0.1.0", status: 200, body: `{"tag_name": "nightly"}`,
			code: problem.Unreadable, message: `"nightly"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address, _ := answering(t, test.status, test.body)
			got, err := newest(t.Context(), http.DefaultClient, address, test.current)
			if test.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("the newest release (-want +got):\n%s", diff)
				}
				return
			}
			p := problem.From(err)
			if p.Code != test.code || !strings.Contains(p.Message, test.message) || p.Hint == "" {
				t.Errorf("got %q (code %s, hint %q), want code %s and %q", p.Message, p.Code, p.Hint, test.code,
					test.message)
			}
		})
	}
}

// network answers requests in place of one.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func TestOffline(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: network(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("network is unreachable")
	})}
	_, err := newest(t.Context(), client, latestRelease, "v0.1.0")
	p := problem.From(err)
	if p.Code != problem.Unreachable || !strings.HasPrefix(p.Message, "ask for the newest release: ") ||
		!strings.HasSuffix(p.Message, "network is unreachable") || p.Hint == "" {
		t.Errorf("offline: %q, code %s, hint %q", p.Message, p.Code, p.Hint)
	}
}

// A network that swallows the question costs no more than the limit.
func TestSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: network(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		begin := time.Now()
		_, err := newest(t.Context(), client, latestRelease, "v0.1.0")
		if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took != checkLimit {
			t.Errorf("silence: %v after %s, want the limit after %s", err, took, checkLimit)
		}
	})
}

// run runs the command, and returns what it prints.
func run(t *testing.T, output, releases string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	f := &factory.Factory{Streams: ui.Streams{Out: &out, Err: &out}, Output: output}
	cmd := command(f, releases)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The question is asked when the user asks it, once, and never otherwise.
func TestCheckIsNeverAutomatic(t *testing.T) {
	t.Parallel()
	address, questions := answering(t, 200, latest)
	run(t, "text", address)
	run(t, "json", address)
	if *questions != 0 {
		t.Fatalf("version without --check asked %d times", *questions)
	}
	want := "a newer release is out: v0.2.0 (https://example.com/v0.2.0)\n"
	if got := run(t, "text", address, "--check"); !strings.HasSuffix(got, want) || *questions != 1 {
		t.Errorf("version --check asked %d times, and says:\n%s", *questions, got)
	}
	var d document
	if err := json.Unmarshal([]byte(run(t, "json", address, "--check")), &d); err != nil {
		t.Fatal(err)
	}
	if d.Latest == nil || !d.Latest.Newer || d.Version != "devel" {
		t.Errorf("version --check -o json: %+v", d)
	}
}
