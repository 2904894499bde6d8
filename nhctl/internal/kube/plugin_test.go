package kube

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// TestMain lets client-go run this program for a plugin, as it runs nhctl.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == PluginArgument {
		os.Exit(RunPlugin(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// program writes a shell script, and returns its folder.
func program(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLookPath(t *testing.T) {
	t.Parallel()
	one, two := program(t, "login", ""), program(t, "login", "")
	if err := os.WriteFile(filepath.Join(one, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(dirs ...string) string { return strings.Join(dirs, string(filepath.ListSeparator)) }
	for name, tt := range map[string]struct{ program, path, dir, want string }{
		"the first that has it":             {"login", list("/nowhere", two, one), "", filepath.Join(two, "login")},
		"none":                              {"logout", list(one, two), "", ""},
		"no PATH":                           {"login", "", one, ""},
		"not the folder that one is in":     {"login", list("", "."), one, ""},
		"what can't be executed":            {"data", one, "", ""},
		"absolute":                          {filepath.Join(one, "login"), "", "", filepath.Join(one, "login")},
		"relative, from the caller's place": {"./login", two, one, filepath.Join(one, "login")},
	} {
		if got := LookPath(tt.program, map[string]string{"PATH": tt.path}, tt.dir); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// What client-go is told: the caller's variables in one order, after the kubeconfig's own, and no one to ask.
func TestPluginSettings(t *testing.T) {
	t.Parallel()
	bin, dir := program(t, "login", ""), t.TempDir()
	file := kubeconfig(t, "server: https://127.0.0.1:1",
		"{exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: [get], interactiveMode: "+
			"IfAvailable, env: [{name: A, value: file}]}}")
	c, err := New(Options{Kubeconfig: file, Dir: dir, Env: map[string]string{"PROFILE": "ada", "PATH": bin}})
	if err != nil {
		t.Fatal(err)
	}
	want := api.ExecConfig{
		APIVersion:      "client.authentication.k8s.io/v1",
		InteractiveMode: api.NeverExecInteractiveMode,
		Command:         self(),
		Args:            []string{PluginArgument, dir, filepath.Join(bin, "login"), "get"},
		Env: []api.ExecEnvVar{{Name: "A", Value: "file"}, {Name: "PATH", Value: bin},
			{Name: "PROFILE", Value: "ada"}},
	}
	got := *c.config.ExecProvider
	got.Config, got.StdinUnavailable, got.StdinUnavailableMessage = nil, false, ""
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Args, got.Args); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Env, got.Env); diff != "" {
		t.Error(diff)
	}
	if got.InteractiveMode != want.InteractiveMode {
		t.Errorf("interactive mode %q", got.InteractiveMode)
	}
}

func TestPluginIsMissing(t *testing.T) {
	t.Parallel()
	for hint, want := range map[string]string{"installHint: get it from the shop, ": "get it from the shop",
		"": "PATH"} {
		file := kubeconfig(t, "server: https://127.0.0.1:1", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, "+hint+"interactiveMode: Never}}")
		// this process' own PATH has one
		_, err := New(Options{Kubeconfig: file, Env: map[string]string{"PATH": t.TempDir()}})
		if p := problem.From(err); err == nil || p.Code != problem.Usage ||
			!strings.Contains(p.Message, "plugin sh is not in your PATH") || !strings.Contains(p.Hint, want) {
			t.Errorf("%+v", p)
		}
	}
}

// A plugin really runs where the caller is, with what they have, and its credential is sent.
func TestPluginRuns(t *testing.T) {
	t.Parallel()
	bin := program(t, "login", `printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",`+
		`"status":{"token":"%s"}}' "$PROFILE:$(basename "$PWD"):$1"`)
	dir := filepath.Join(t.TempDir(), "it is here")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var sent atomic.Value
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	file := kubeconfig(t, "server: "+server.URL+", certificate-authority-data: "+authority(server),
		"{exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: [get], interactiveMode: Never}}")
	c, err := New(Options{Kubeconfig: file, Dir: dir,
		Env: map[string]string{"PROFILE": "ada", "PATH": bin + ":/usr/bin:/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(any("Bearer ada:it is here:get"), sent.Load()); diff != "" {
		t.Error(diff)
	}
}

// authority is a server's certificate, as a kubeconfig has it.
func authority(server *httptest.Server) string {
	return base64.StdEncoding.EncodeToString(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// tunnelProxy is an HTTP proxy that sends all connections to one server, and counts them.
func tunnelProxy(t *testing.T, to string) (address string, connections *atomic.Int32) {
	t.Helper()
	connections = &atomic.Int32{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only tunnels", http.StatusBadRequest)
			return
		}
		connections.Add(1)
		there, err := net.Dial("tcp", to)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(there, here); there.Close() }()
		_, _ = io.Copy(here, there)
		here.Close()
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, connections
}

// The proxy is the caller's: requests go through it, and so do the connections to pods.
func TestProxyOfTheCaller(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond(w, http.StatusForbidden, status(http.StatusForbidden, metav1.StatusReasonForbidden, r.URL.Path))
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env     func(proxy string) map[string]string
		cluster string
		proxied bool
	}{
		"upper case": {func(p string) map[string]string { return map[string]string{"HTTPS_PROXY": p} }, "", true},
		"lower case": {func(p string) map[string]string { return map[string]string{"https_proxy": p} }, "", true},
		"not for this host": {func(p string) map[string]string {
			return map[string]string{"HTTPS_PROXY": p, "no_proxy": "example.com"}
		}, "", false},
		"for plain HTTP": {func(p string) map[string]string { return map[string]string{"HTTP_PROXY": p} }, "",
			false},
		"the kubeconfig's":   {func(string) map[string]string { return nil }, "proxy-url: %s, ", true},
		"kubeconfig's first": {func(string) map[string]string { return map[string]string{"HTTPS_PROXY": "http://127.0.0.1:1"} }, "proxy-url: %s, ", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, connections := tunnelProxy(t, server.Listener.Addr().String())
			cluster := tt.cluster
			if cluster != "" {
				cluster = fmt.Sprintf(cluster, proxy)
			}
			// example.com is in the test server's certificate, and never asked: only the proxy could reach it.
			file := kubeconfig(t, cluster+"server: https://example.com:"+port+", certificate-authority-data: "+authority(server), "{token: secret}")
			c, err := New(Options{Kubeconfig: file, Env: tt.env(proxy)})
			if err != nil {
				t.Fatal(err)
			}
			if !tt.proxied {
				request := httptest.NewRequest(http.MethodGet, c.Server(), nil)
				if got, err := c.config.Proxy(request); got != nil || err != nil {
					t.Errorf("proxy %v, %v", got, err)
				}
				return
			}
			if err := c.API.Discovery().RESTClient().Get().AbsPath("/version").Do(t.Context()).Error(); err == nil ||
				!strings.Contains(err.Error(), "/version") {
				t.Errorf("a request: %v", err)
			}
			before := connections.Load()
			if _, err := c.DialPod(t.Context(), PodPort{Pod: "web", Port: 80}); err == nil {
				t.Error("a pod's port was reached")
			}
			if before == 0 || connections.Load() == before {
				t.Errorf("%d connections of requests and %d with those of pods went through the proxy", before,
					connections.Load())
			}
		})
	}
}
