package kube

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, []byte("ca"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(host string, tls rest.TLSClientConfig) string {
		return identity(&rest.Config{Host: host, TLSClientConfig: tls})
	}
	base := with("https://a:6443", rest.TLSClientConfig{CAData: []byte("ca")})
	for name, same := range map[string]string{
		"the authority in a file": with("https://a:6443", rest.TLSClientConfig{CAFile: file}),
		"written otherwise":       with("https://A:6443/", rest.TLSClientConfig{CAData: []byte("ca")}),
		"other credentials":       identity(&rest.Config{Host: "https://a:6443", BearerToken: "x", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca"), CertData: []byte("c")}}),
	} {
		if same != base {
			t.Errorf("%s: another identity", name)
		}
	}
	proxied := &rest.Config{Host: "https://a:6443", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")},
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy"})}
	for name, other := range map[string]string{
		"another address":     with("https://b:6443", rest.TLSClientConfig{CAData: []byte("ca")}),
		"another port":        with("https://a:6444", rest.TLSClientConfig{CAData: []byte("ca")}),
		"another authority":   with("https://a:6443", rest.TLSClientConfig{CAData: []byte("other")}),
		"no authority":        with("https://a:6443", rest.TLSClientConfig{}),
		"not verified":        with("https://a:6443", rest.TLSClientConfig{CAData: []byte("ca"), Insecure: true}),
		"another server name": with("https://a:6443", rest.TLSClientConfig{CAData: []byte("ca"), ServerName: "b"}),
		"behind a proxy":      identity(proxied),
	} {
		if other == base {
			t.Errorf("%s: the same identity", name)
		}
	}
}
