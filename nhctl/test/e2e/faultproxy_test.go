//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Faults are injected between a developer and the API server: every request that changes something, or dials a pod, is
// a point where a step of entering or leaving can fail, before it did anything (at) or after it did (after).
type fault string

const (
	failAt    fault = "error at"       // the request is refused
	failAfter fault = "error after"    // it is done, and the answer is lost
	hang      fault = "timeout"        // it is never answered
	killCLI   fault = "kill -9 nhctl"  // as it is sent
	killAt    fault = "kill -9 daemon" // as it is sent
	killAfter fault = "kill -9 after"  // the daemon, once it is done
)

func faults() []fault { return []fault{failAt, failAfter, hang, killCLI, killAt, killAfter} }

// proxy stands between a developer and the API server.
type proxy struct {
	server *httptest.Server
	up     *httputil.ReverseProxy

	mu    sync.Mutex
	calls []string
	// looked has the path of every list and watch so far.
	looked []string
	// at is the call that the fault hits; act is called then.
	at    string
	fault fault
	act   func()
	hit   bool

	// expired says that no credentials are good any more.
	expired atomic.Bool
}

// dial is the point where a carrier is dialled.
const dial = "dial the pod"

func newProxy(t *testing.T) *proxy {
	t.Helper()
	target, err := url.Parse(shared.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	roots := &rest.Config{
		TLSClientConfig: rest.TLSClientConfig{CAFile: shared.config.CAFile, CAData: shared.config.CAData},
	}
	config, err := rest.TLSConfigFor(roots)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{act: func() {}}
	p.up = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{TLSClientConfig: config,
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}},
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p.server = httptest.NewTLSServer(p)
	t.Cleanup(func() { p.server.CloseClientConnections(); p.server.Close() })
	return p
}

// kubeconfig is a kubeconfig that goes through the proxy.
func (p *proxy) kubeconfig(t *testing.T, direct string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(direct)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range config.Clusters {
		c.Server, c.CertificateAuthority = p.server.URL, ""
		c.CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
			Bytes: p.server.Certificate().Raw})
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// arm forgets the calls so far, and sets the next fault.
func (p *proxy) arm(at string, f fault, act func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.at, p.fault, p.act, p.hit = nil, at, f, act, false
}

// disarm returns what was called, and whether the fault hit.
func (p *proxy) disarm() ([]string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hit := p.hit
	p.at, p.hit = "", false
	return p.calls, hit
}

// numbered is a call's name, with a number from the second of that name on. So a name means the same call in each run,
// whatever the heartbeat and the carriers do between two others.
func (p *proxy) numbered(name string) string {
	for n, numbered := 2, name; ; n++ {
		if !slices.Contains(p.calls, numbered) {
			return numbered
		}
		numbered = fmt.Sprintf("%s, no. %d", name, n)
	}
}

// point names what a request changes or dials, or "" for those that only look, and for heartbeats.
func point(r *http.Request, body []byte) string {
	parts := strings.Split(r.URL.Path, "/")
	i := slices.Index(parts, "namespaces")
	switch {
	case strings.HasSuffix(r.URL.Path, "/portforward"):
		return dial
	case r.Method == http.MethodGet || i < 0 || i+2 >= len(parts) ||
		bytes.Contains(body, []byte("renewTime\",\"value")) || bytes.Contains(body, []byte(`"/spec/renewTime"`)):
		return ""
	}
	name := r.Method + " " + strings.Join(parts[i+2:min(len(parts), i+3)], "/")
	if len(parts) > i+4 {
		name += " " + parts[i+4]
	}
	if r.URL.Query().Has("dryRun") {
		name += " (dry run)"
	}
	return name
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.expired.Load() {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	var body []byte
	if r.Method != http.MethodGet && r.Header.Get("Upgrade") == "" {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	name := point(r, body)
	p.mu.Lock()
	if r.Method == http.MethodGet && r.Header.Get("Upgrade") == "" {
		p.looked = append(p.looked, r.URL.RequestURI())
	}
	// A pod that can't be dialled once is dialled again: all dials are one point, and a fault stays for all of them.
	if name != dial && name != "" && !p.hit {
		name = p.numbered(name)
	}
	here := name != "" && name == p.at && (!p.hit || name == dial)
	if name != "" && !p.hit && !slices.Contains(p.calls, name) {
		p.calls = append(p.calls, name)
	}
	p.hit = p.hit || here
	f, act := p.fault, p.act
	p.mu.Unlock()
	if !here {
		p.up.ServeHTTP(w, r)
		return
	}
	p.fail(w, r, f, act)
}

func (p *proxy) fail(w http.ResponseWriter, r *http.Request, f fault, act func()) {
	if f == failAfter || f == killAfter {
		if r.Header.Get("Upgrade") == "" {
			p.up.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	act()
	switch f {
	case failAt:
		http.Error(w, "injected", http.StatusInternalServerError)
		return
	case hang:
		<-r.Context().Done()
	case killCLI:
		p.up.ServeHTTP(w, r)
		return
	}
	panic(http.ErrAbortHandler) // no answer
}
