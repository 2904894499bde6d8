package kube

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// noCredentials says why a credential plugin gave none.
type noCredentials struct{ reason string }

func (e *noCredentials) Error() string { return "get credentials: " + e.reason }

// signIn is the problem of a caller whose credential plugin gives no credentials. Most plugins keep what a sign-in gave
// them, so that kubectl, which runs them where they can ask, leads to one.
func (c *Client) signIn(e *noCredentials) error {
	p := problem.New(problem.Unauthorized, "sign in to the cluster of context %q: its credential plugin %s", c.Context,
		e.reason)
	r := c.signInRemedy()
	return p.WithHint("run `%s` in a terminal, where the plugin can ask you, then try again",
		strings.Join(r.Command, " ")).WithRemedy(r)
}

// signInRemedy runs the credential plugin at a terminal.
func (c *Client) signInRemedy() problem.Remedy {
	command := []string{"kubectl"}
	if c.kubeconfig != "" {
		command = append(command, "--kubeconfig", c.kubeconfig)
	}
	if c.Context != "" {
		command = append(command, "--context", c.Context)
	}
	return problem.Remedy{Title: "sign in", Command: append(command, "auth", "whoami")}
}

// againAfter is how long a plugin that gave no credentials is not run again: each run may take until its limit.
const againAfter = 10 * time.Second

// gate stands before the requests of a client with a credential plugin. client-go runs the plugin in the first request,
// and lets the others wait, whatever their contexts say. When the plugin fails, it runs it for each of them again, one
// after the other. Here the first request goes alone until a plugin has given credentials, and its failure is that of
// all.
type gate struct {
	next http.RoundTripper
	now  func() time.Time
	// alone is held by the request that goes alone.
	alone chan struct{}

	mu     sync.Mutex
	works  bool
	failed *noCredentials
	at     time.Time
}

func newGate(next http.RoundTripper) *gate {
	return &gate{next: next, now: time.Now, alone: make(chan struct{}, 1)}
}

// RoundTrip waits no longer than its request does.
func (g *gate) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	leave, err := g.enter(ctx)
	if err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	type answer struct {
		response *http.Response
		err      error
	}
	answers := make(chan answer, 1)
	go func() { // it ends with the request, or with the plugin
		response, err := g.next.RoundTrip(request)
		err = g.note(err)
		leave()
		answers <- answer{response, err}
	}()
	select {
	case a := <-answers:
		return a.response, a.err
	case <-ctx.Done():
		go func() {
			if a := <-answers; a.response != nil {
				_ = a.response.Body.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// enter lets a request go on, alone where it is not known whether the plugin works.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	if open, err := g.state(); open || err != nil {
		return func() {}, err
	}
	select {
	case g.alone <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave = func() { <-g.alone }
	if open, err := g.state(); open || err != nil {
		leave()
		return func() {}, err
	}
	return leave, nil
}

// state says whether the plugin works, or why it does not at this moment.
func (g *gate) state() (works bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil && g.now().Sub(g.at) < againAfter {
		return false, g.failed
	}
	return g.works, nil
}

// note remembers what a request says of the plugin.
func (g *gate) note(err error) error {
	var failed *noCredentials
	if reason, of := pluginFailure(err); of {
		failed = &noCredentials{reason}
		err = failed
	} // any other error comes after it
	g.mu.Lock()
	defer g.mu.Unlock()
	g.works, g.failed, g.at = failed == nil, failed, g.now()
	return err
}

// pluginFailure is why a plugin gave no credentials, in words. client-go has no type for it.
func pluginFailure(err error) (reason string, of bool) {
	if err == nil {
		return "", false
	}
	reason, of = strings.CutPrefix(err.Error(), "getting credentials: ")
	if exit, ran := strings.CutPrefix(reason, "exec: executable "+self()+" failed with "); ran {
		// The rest is client-go's own hint about a program that is missing.
		reason, _, _ = strings.Cut(exit, "\n")
		if reason == fmt.Sprint("exit code ", pluginTimedOut) {
			return fmt.Sprintf("has not answered within %s, and was ended", pluginLimit), of
		}
		return "ended with " + reason, of
	}
	return "failed: " + reason, of
}
