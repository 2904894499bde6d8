package endpoint

import (
	"net"
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
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/broken", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	got := unreachable(t.Context(), control.Reach{
		TCP:  []string{server.Listener.Addr().String(), closed.Addr().String()},
		HTTP: []string{server.URL + "/ok", server.URL + "/moved", server.URL + "/broken", "nonsense"},
	})
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], ": ")
	}
	if diff := cmp.Diff([]string{closed.Addr().String(), server.URL + "/broken", "nonsense"}, got); diff != "" {
		t.Error(diff)
	}
}
