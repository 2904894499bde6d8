package kubetest

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

var _ kube.Network = (*Cluster)(nil)

// Kubeconfig writes a kubeconfig of a user, whose token is the user's name, and returns its path. Its server has a name
// that only the cluster itself leads to.
func (c *Cluster) Kubeconfig(t testing.TB, user, namespace string) string {
	t.Helper()
	return kubeconfig(t, "https://"+c.host, "", user, namespace)
}

// Serve gives the cluster an address, until the first test that asked for one ends, and returns the path of a
// kubeconfig that leads there.
func (c *Cluster) Serve(t testing.TB, user, namespace string) string {
	t.Helper()
	c.serving.Do(func() {
		c.server = httptest.NewUnstartedServer(c)
		// Watches of clients that outlive the cluster, and come back at once, end with it.
		ctx, end := context.WithCancel(context.Background())
		c.server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
		c.server.StartTLS()
		t.Cleanup(func() { end(); c.server.CloseClientConnections(); c.server.Close() })
	})
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
	return kubeconfig(t, c.server.URL, base64.StdEncoding.EncodeToString(authority), user, namespace)
}

func kubeconfig(t testing.TB, server, authority, user, namespace string) string {
	t.Helper()
	if authority != "" {
		authority = ", certificate-authority-data: " + authority
	}
	file := filepath.Join(t.TempDir(), "config")
	err := os.WriteFile(file, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: test
clusters: [{name: c, cluster: {server: %q%s}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: test, context: {cluster: c, user: u, namespace: %q}}]
`, server, authority, user, namespace), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// errLost is how a connection ends without an answer.
var errLost = &net.OpError{Op: "read", Net: "memory", Err: io.ErrUnexpectedEOF}

// RoundTrip answers a request without a socket. Only another cluster's address can't be reached.
func (c *Cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() != c.host {
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: fmt.Errorf("no route to %s", r.URL.Host)}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if strings.Contains(r.URL.RawQuery, "watch=") {
		return c.stream(r)
	}
	recorder := httptest.NewRecorder()
	if aborted(func() { c.ServeHTTP(recorder, r) }) {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return nil, errLost
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// stream is RoundTrip for an answer that comes bit by bit.
func (c *Cluster) stream(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	reader, writer := io.Pipe()
	w := &streamWriter{header: http.Header{}, body: writer, begun: make(chan struct{})}
	go func() {
		defer cancel()
		err := io.EOF
		if aborted(func() { c.ServeHTTP(w, r.WithContext(ctx)) }) {
			err = errLost
		}
		w.WriteHeader(http.StatusOK)
		writer.CloseWithError(err)
	}()
	<-w.begun
	body := struct {
		io.Reader
		io.Closer
	}{reader, closer(func() error { cancel(); return reader.Close() })}
	return &http.Response{
		StatusCode:    w.code,
		Header:        w.header,
		Body:          body,
		Request:       r,
		ProtoMajor:    1,
		ProtoMinor:    1,
		ContentLength: -1,
	}, nil
}

type closer func() error

func (c closer) Close() error { return c() }

// streamWriter lets RoundTrip return once the header is there.
type streamWriter struct {
	header http.Header
	body   io.Writer
	code   int
	begun  chan struct{}
}

func (w *streamWriter) Header() http.Header { return w.header }
func (w *streamWriter) Flush()              {}

func (w *streamWriter) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
		close(w.begun)
	}
}

func (w *streamWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// aborted says whether a handler gave up its connection.
func aborted(handle func()) (lost bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			lost = true
		default:
			panic(p)
		}
	}()
	handle()
	return false
}

// pod finds a pod for a user who may reach into it. The request meets faults as any other does.
func (c *Cluster) pod(ctx context.Context, user, namespace, name, subresource string) (*corev1.Pod, error) {
	q := Request{
		User:        user,
		Verb:        "create",
		Version:     "v1",
		Resource:    "pods",
		Subresource: subresource,
		Namespace:   namespace,
		Name:        name,
		method:      http.MethodPost,
	}
	switch c.meet(q) {
	case Refuse:
		return nil, apierrors.NewInternalError(errors.New("injected"))
	case Lose:
		return nil, errLost
	case Hang:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.authorize(q); err != nil {
		return nil, err
	}
	k, _ := c.kind("", "pods")
	o, err := c.get(k, namespace, name)
	if err != nil {
		return nil, err
	}
	return decode[corev1.Pod](o), nil
}

// DialPod connects to a port of a pod by Dial.
func (c *Cluster) DialPod(ctx context.Context, token, namespace, name string, port int) (net.Conn, error) {
	pod, err := c.pod(ctx, token, namespace, name, "portforward")
	if err != nil {
		return nil, err
	}
	return c.dial(ctx, pod, port)
}

// ExecPod runs a command in a pod by Exec.
func (c *Cluster) ExecPod(ctx context.Context, token, namespace string, o kube.ExecOptions) error {
	pod, err := c.pod(ctx, token, namespace, o.Pod, "exec")
	if err != nil {
		return err
	}
	return c.exec(ctx, pod, o)
}

// log answers for the log subresource of pods. The lock is held.
func (c *Cluster) log(k Kind, q Request) (any, error) {
	if _, err := c.get(k, q.Namespace, q.Name); err != nil {
		return nil, err
	}
	if c.Log == nil {
		return nil, apierrors.NewBadRequest("the container has never run")
	}
	return raw(c.Log(q.Name, q.query.Get("container"), q.query.Get("previous") == "true")), nil
}
