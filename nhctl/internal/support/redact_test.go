package support

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// An object in a bundle has no value that may be a secret's, wherever it stands; what helps to understand a problem
// stays.
func TestObject(t *testing.T) {
	t.Parallel()
	const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    nhctl.dev/record: '{"version":1}'
    kubectl.kubernetes.io/last-applied-configuration: SECRET
  managedFields: [{manager: SECRET}]
spec:
  template:
    metadata:
      annotations: {vault/inject: SECRET}
    spec:
      initContainers:
      - name: migrate
        command: [migrate, --url=SECRET]
      containers:
      - name: web
        image: shop/web:1
        args: [--password, SECRET]
        env:
        - {name: PASSWORD, value: SECRET}
        - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: api}}}
        livenessProbe:
          httpGet: {path: /healthz, httpHeaders: [{name: Authorization, value: SECRET}]}
        readinessProbe:
          exec: {command: [check, SECRET]}
        lifecycle:
          preStop: {exec: {command: [sh, -c, SECRET]}}
      - name: nhctl-sidecar
        command: [/nhctl/sidecar, sync]
      volumes:
      - {name: keys, secret: {secretName: keys}}
data: {a: SECRET}
stringData: {b: SECRET}
binaryData: {c: SECRET}
message: 'pull from https://ada:SECRET@registry failed'
`
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(Object(&o).Object)
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if strings.Contains(text, "SECRET") {
		t.Errorf("a secret's value is in it:\n%s", text)
	}
	for _, want := range []string{
		"name: PASSWORD", "(6 bytes, removed)", "key: api", "image: shop/web:1", "/healthz", "- /nhctl/sidecar",
		`'{"version":1}'`, "secretName: keys", "name: Authorization", "//(removed)@registry",
		"kubectl.kubernetes.io/last-applied-configuration",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in it:\n%s", want, text)
		}
	}
	if before, _ := yaml.Marshal(o.Object); !strings.Contains(string(before), "SECRET") {
		t.Error("the caller's object was changed")
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Authorization: Bearer abcdefgh123456":              "Authorization: Bearer (removed)",
		"dial https://ada:hunter2@proxy:3128: refused":      "dial https://(removed)@proxy:3128: refused",
		"x eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0 y": "x (removed) y",
		`{"token": "abc", "name": "web"}`:                   `{"token": "(removed)", "name": "web"}`,
		"DB_PASSWORD=hunter2 next":                          "DB_PASSWORD=(removed) next",
		"msg=\"daemon is up\" pid=12 socket=/run/d.sock":    "msg=\"daemon is up\" pid=12 socket=/run/d.sock",
		"https://example.com:6443/api":                      "https://example.com:6443/api",
		"secret:\n  secretName: keys":                       "secret:\n  secretName: keys",
	} {
		if got := string(Text([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
