package endpoint

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/endpoint/control"
)

func TestUnreachable(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/moved",
		func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/broken", http.StatusFound) })
	mux.HandleFunc("/broken",
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	const closed = "127.0.0.1:1" // one that was closed may be another test's by now
	got := unreachable(t.Context(), control.Reach{
		TCP:  []string{server.Listener.Addr().String(), closed},
		HTTP: []string{server.URL + "/ok", server.URL + "/moved", server.URL + "/broken", "nonsense"},
	})
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], ": ")
	}
	if diff := cmp.Diff([]string{closed, server.URL + "/broken", "nonsense"}, got); diff != "" {
		t.Error(diff)
	}
}
