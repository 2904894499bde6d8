package restore

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/contract"
)

const uid = "11111111-2222-3333-4444-555555555555"

// apiServer is one that has a Service, and notes what it is asked.
type apiServer struct {
	mu       sync.Mutex
	service  map[string]any // nil where there is none
	slices   []string       // its answers, one after the other; the last one stays
	status   map[string]int // by method and last part of the path
	requests []string
	patch    []operation
	deletion map[string]any
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	what := r.Method + " " + filepath.Base(r.URL.Path)
	a.requests = append(a.requests, what)
	if r.Header.Get("Authorization") != "Bearer secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if code := a.status[what]; code != 0 {
		w.WriteHeader(code)
		return
	}
	switch body, _ := io.ReadAll(r.Body); {
	case r.Method == http.MethodPatch:
		_ = json.Unmarshal(body, &a.patch)
	case r.Method == http.MethodDelete:
		_ = json.Unmarshal(body, &a.deletion)
	case strings.HasSuffix(r.URL.Path, "/endpointslices"):
		_, _ = io.WriteString(w, a.slices[0])
		if len(a.slices) > 1 {
			a.slices = a.slices[1:]
		}
	case a.service == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_ = json.NewEncoder(w).Encode(a.service)
	}
}

// serviceOf is a Service with a selector and a note.
func serviceOf(selector map[string]string, note string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"uid": uid, "annotations": map[string]string{contract.AnnotationFront: note}},
		"spec":     map[string]any{"selector": selector},
	}
}

// frontOf is the front of a Service in the cluster of a server.
func frontOf(t *testing.T, a *apiServer) Front {
	t.Helper()
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	root := t.TempDir()
	dir := filepath.Join(root, accountDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, content := range map[string][]byte{"ca.crt": authority, "token": []byte("secret\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	environ := map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
	cluster, err := InPod(func(name string) string { return environ[name] }, root)
	if err != nil {
		t.Fatal(err)
	}
	return Front{
		Cluster: cluster,
		ID:      contract.FrontID(uid),
		Restore: contract.Restore{Namespace: "shop", Service: "web", Originals: "nhctl-original-x", UID: "22"},
		Logger:  slog.New(slog.DiscardHandler),
	}
}

const (
	note   = `{"kind":"front","version":1,"selector":{"app":"web"}}`
	noEnds = `{"items":[{"endpoints":[{"targetRef":{"name":"web-1"}},{}]}]}`
)

func swapped() map[string]string {
	return map[string]string{"app": contract.FrontPrefix + contract.FrontID(uid)}
}

// The Service gets its selector back by a patch that tests what was read, and the end of its endpoints is waited for.
func TestService(t *testing.T) {
	t.Parallel()
	still := `{"items":[{"endpoints":[{"targetRef":{"name":"` + swapped()["app"] + `-abc"}}]}]}`
	a := &apiServer{service: serviceOf(swapped(), note), slices: []string{still, still, noEnds}}
	f := frontOf(t, a)
	if err := f.Service(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []operation{
		{Op: "test", Path: "/spec/selector", Value: map[string]any{"app": swapped()["app"]}},
		{Op: "test", Path: "/metadata/annotations/nhctl.dev~1front", Value: note},
		{Op: "replace", Path: "/spec/selector", Value: map[string]any{"app": "web"}},
		{Op: "remove", Path: "/metadata/annotations/nhctl.dev~1front"},
	}
	if diff := cmp.Diff(want, a.patch); diff != "" {
		t.Error(diff)
	}
	asked := []string{"GET web", "PATCH web", "GET endpointslices", "GET endpointslices", "GET endpointslices"}
	if diff := cmp.Diff(asked, a.requests); diff != "" {
		t.Error(diff)
	}
}

// A Service that is not the front's any more stays as it is.
func TestServiceOfOthers(t *testing.T) {
	t.Parallel()
	another := serviceOf(swapped(), note)
	another["metadata"].(map[string]any)["uid"] = "another"
	for name, s := range map[string]map[string]any{
		"it is gone":                   nil,
		"another one came to its name": another,
		"someone has restored it":      serviceOf(map[string]string{"app": "web"}, ""),
		"someone leads it elsewhere":   serviceOf(map[string]string{"app": "canary"}, note),
		"it selects nothing":           serviceOf(nil, note),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &apiServer{service: s, slices: []string{noEnds}}
			if err := frontOf(t, a).Service(t.Context()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"GET web"}, a.requests); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the annotation says is data: no selector is made of one that nhctl can't have written.
func TestForgedNotes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"none":         "",
		"no document":  "{",
		"another kind": `{"kind":"dev","version":1,"selector":{"app":"web"}}`,
		"newer":        `{"kind":"front","version":2,"selector":{"app":"web"}}`,
		"other keys":   `{"kind":"front","version":1,"selector":{"name":"web"}}`,
		"more keys":    `{"kind":"front","version":1,"selector":{"app":"web","a":"b"}}`,
		"too long":     `{"kind":"front","version":1,"selector":{"app":"` + strings.Repeat("a", 20<<10) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &apiServer{service: serviceOf(swapped(), text), slices: []string{noEnds}}
			if err := frontOf(t, a).Service(t.Context()); err == nil {
				t.Error("it is taken")
			}
			if diff := cmp.Diff([]string{"GET web"}, a.requests); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A refusal is told, and a change of someone else's is none that is written over.
func TestRefusals(t *testing.T) {
	t.Parallel()
	a := &apiServer{
		service: serviceOf(swapped(), note),
		slices:  []string{noEnds},
		status:  map[string]int{"PATCH web": http.StatusUnprocessableEntity},
	}
	if err := frontOf(t, a).Service(t.Context()); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
	a.status = map[string]int{"PATCH web": http.StatusForbidden}
	if err := frontOf(t, a).Service(t.Context()); !is(err, http.StatusForbidden) {
		t.Error(err)
	}
}

// The front's objects go with the one Service that is the front's own, by its UID.
func TestObjects(t *testing.T) {
	t.Parallel()
	a := &apiServer{}
	f := frontOf(t, a)
	if err := f.Objects(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion":        "v1",
		"kind":              "DeleteOptions",
		"propagationPolicy": "Background",
		"preconditions":     map[string]any{"uid": "22"},
	}
	if diff := cmp.Diff(want, a.deletion); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"DELETE nhctl-original-x"}, a.requests); diff != "" {
		t.Error(diff)
	}
	for code, fails := range map[int]bool{
		http.StatusNotFound:  false,
		http.StatusConflict:  false,
		http.StatusForbidden: true,
	} {
		a := &apiServer{status: map[string]int{"DELETE nhctl-original-x": code}}
		if err := frontOf(t, a).Objects(t.Context()); (err != nil) != fails {
			t.Errorf("status %d: %v", code, err)
		}
	}
}
