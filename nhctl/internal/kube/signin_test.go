package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Exit codes and output are the plugin's; what it prints has a limit.
func TestRunPlugin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script string
		code   int
		out    string
	}{
		"it works":        {`printf "$1 in $(basename "$PWD")"`, 0, "get in here"},
		"it fails":        {`echo half; exit 3`, 3, ""},
		"a signal":        {`kill -9 $$`, 1, ""},
		"it prints a lot": {`head -c 2000000 /dev/zero`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "here")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			args := []string{dir, filepath.Join(program(t, "login", tt.script), "login"), "get"}
			if code := runPlugin(t.Context(), &out, args); code != tt.code || out.String() != tt.out {
				t.Errorf("exit code %d, %q", code, out.String())
			}
		})
	}
	if code := runPlugin(t.Context(), io.Discard, []string{t.TempDir()}); code != 2 {
		t.Errorf("without a program: %d", code)
	}
}

// Whoever has no credentials is told to sign in, by words, code and remedy.
func TestSignIn(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	bin := program(t, "login", "exit 7")
	file := kubeconfig(t, "server: "+server.URL+", certificate-authority-data: "+authority(server),
		"{exec: {apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: Never}}")
	c, err := New(Options{Kubeconfig: file, Dir: t.TempDir(), Env: map[string]string{"PATH": bin}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.User(t.Context())
	p := problem.From(err)
	want := problem.Remedy{
		Title:   "sign in",
		Command: []string{"kubectl", "--kubeconfig", file, "--context", c.Context, "auth", "whoami"},
	}
	if diff := cmp.Diff([]problem.Remedy{want}, p.Remedies); diff != "" || p.Code != problem.Unauthorized ||
		!strings.Contains(p.Message, "ended with exit code 7") || !strings.Contains(p.Hint, "auth whoami") {
		t.Errorf("%+v\n%s", p, diff)
	}
	refused := c.Explain(apierrors.NewUnauthorized("token expired"))
	if diff := cmp.Diff([]problem.Remedy{want}, problem.From(refused).Remedies); diff != "" {
		t.Errorf("where the API server knows no one: %s", diff)
	}
	changed := make(chan struct{}, 1)
	objects := NewObjects(func() { changed <- struct{}{} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go c.Follow(ctx, Selection{Resource: corev1.SchemeGroupVersion.WithResource("namespaces")}, objects)
	<-changed
	if _, state := objects.List(); state.Failed == nil || state.Failed.Code != problem.Unauthorized ||
		cmp.Diff([]problem.Remedy{want}, state.Failed.Remedies) != "" {
		t.Errorf("whoever follows objects learns %+v", state.Failed)
	}
}

func TestPluginFailure(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"exec: executable " + self() + " failed with exit code 124": "has not answered within 20s, and was ended",
		"exec: executable " + self() + " failed with exit code 1":   "ended with exit code 1",
		"decoding stdout: EOF": "failed: decoding stdout: EOF",
	} {
		if got, of := pluginFailure(errors.New("getting credentials: " + text)); got != want || !of {
			t.Errorf("%s: %q, %v", text, got, of)
		}
	}
	for _, err := range []error{nil, io.EOF} {
		if _, of := pluginFailure(err); of {
			t.Errorf("%v is one of a plugin", err)
		}
	}
}

// plugged is a way to the API server that fails as client-go's does for a plugin that takes 20 s.
type plugged struct {
	turn  chan struct{} // held by the one that runs
	runs  int
	works bool
}

func (p *plugged) RoundTrip(*http.Request) (*http.Response, error) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if p.works {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}
	p.runs++
	time.Sleep(pluginLimit)
	return nil, fmt.Errorf("getting credentials: exec: executable %s failed with exit code %d", self(), pluginTimedOut)
}

// One run of a plugin that hangs is told to all who wait; after a while it is run again. Whoever leaves does not wait.
func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		way := &plugged{turn: make(chan struct{}, 1)}
		g := newGate(way)
		request := func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://example.com", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := g.RoundTrip(r)
			if err == nil {
				response.Body.Close()
			}
			return err
		}
		begun := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				var failed *noCredentials
				if err := request(t.Context()); !errors.As(err, &failed) {
					t.Errorf("%v", err)
				}
			})
		}
		synctest.Wait()
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := request(hasty); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one that waits for a second: %v", err)
		}
		all.Wait()
		if took := time.Since(begun); took != pluginLimit || way.runs != 1 {
			t.Errorf("%d runs in %v", way.runs, took)
		}
		time.Sleep(againAfter)
		if err := request(t.Context()); err == nil || way.runs != 2 {
			t.Errorf("afterwards: %v, %d runs", err, way.runs)
		}
		way.works = true
		time.Sleep(againAfter)
		for range 2 {
			if err := request(t.Context()); err != nil {
				t.Error(err)
			}
		}
		hasty, cancel = context.WithCancel(t.Context())
		way.turn <- struct{}{} // the first request of one that leaves in the middle
		go func() { synctest.Wait(); cancel() }()
		if err := request(hasty); !errors.Is(err, context.Canceled) {
			t.Errorf("one that leaves: %v", err)
		}
		<-way.turn
	})
}
