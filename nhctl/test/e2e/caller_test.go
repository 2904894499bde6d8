//go:build e2e

package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// connectProxy is an HTTP proxy on the loopback, for tunnels alone; it counts them.
func connectProxy(t *testing.T) (address string, tunnels *atomic.Int32) {
	t.Helper()
	tunnels = &atomic.Int32{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		there, err := net.Dial("tcp", r.Host)
		if r.Method != http.MethodConnect || err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		tunnels.Add(1)
		w.WriteHeader(http.StatusOK)
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			there.Close()
			return
		}
		go func() { _, _ = io.Copy(there, here); there.Close() }()
		_, _ = io.Copy(here, there)
		here.Close()
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, tunnels
}

// The daemon was started in a shell without the credential plugin and the proxy that a later caller has: it finds both
// as that caller does, and gets nothing else of their environment.
func TestCallersPluginAndProxy(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	config, err := clientcmd.LoadFromFile(dev.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	tools, seen := filepath.Join(dev.home, "tools"), filepath.Join(dev.home, "seen")
	for name, user := range config.AuthInfos {
		write(t, filepath.Join(tools, "shop-login"), `#!/bin/sh
{ pwd; env; } > `+seen+`
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"`+user.Token+`"}}'
`)
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{
			Exec: &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "shop-login",
				InteractiveMode: clientcmdapi.NeverExecInteractiveMode},
		}
	}
	if err := os.Chmod(filepath.Join(tools, "shop-login"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.WriteToFile(*config, dev.kubeconfig); err != nil {
		t.Fatal(err)
	}
	dev.must("", "daemon", "start")
	if r := dev.nhctl(src, "dev", "list"); r.code != 2 ||
		!strings.Contains(r.stderr, "credential plugin shop-login is not in your PATH") {
		t.Errorf("without the plugin: %s", r)
	}
	proxy, tunnels := connectProxy(t)
	dev.env = append(dev.env, "PATH="+tools+":"+os.Getenv("PATH"), "HTTPS_PROXY="+proxy, "AWS_PROFILE=shop",
		"GITHUB_TOKEN=not-theirs")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	requests := tunnels.Load()
	if got, err := dev.inPod(src, "echo", "through"); err != nil || got != "through\n" || requests == 0 {
		t.Errorf("%q, %v, %d tunnels", got, err, requests)
	}
	text := read(t, seen)
	if dir, _, _ := strings.Cut(text, "\n"); dir != src || !strings.Contains(text, "\nAWS_PROFILE=shop\n") ||
		strings.Contains(text, "GITHUB_TOKEN") {
		t.Errorf("the plugin saw:\n%s", text)
	}
	dev.must(src, "dev", "end")
}
