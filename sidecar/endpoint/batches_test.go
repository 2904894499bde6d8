package endpoint

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/nhctl/nhctl/sidecar/supervise"
)

// The supervisor hears of the last of several batches, and one that can't be told does not stop the next.
func TestBatchesReachTheSupervisor(t *testing.T) {
	t.Parallel()
	heard := make(chan time.Time, 10)
	socket := filepath.Join(t.TempDir(), "s")
	listener := listen(t, "unix", socket)
	broken := true
	server := &http.Server{ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var change supervise.Change
			if err := json.NewDecoder(r.Body).Decode(&change); err != nil || r.URL.Path != "/v1/changes" {
				t.Errorf("%s: %v", r.URL.Path, err)
			}
			if broken {
				broken = false
				http.Error(w, "not now", http.StatusInternalServerError)
			}
			heard <- change.Time
		})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })

	b, begun := newBatches(), time.Now()
	for i := range 3 {
		b.add(begun.Add(time.Duration(i) * time.Second)) // no one listens yet, and no one waits
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.tell(ctx, slog.New(slog.DiscardHandler), supervise.NewClient(func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}))
	}()
	for _, want := range []time.Duration{2 * time.Second, time.Minute} {
		if want == time.Minute {
			b.add(begun.Add(want))
		}
		if got := <-heard; !got.Equal(begun.Add(want)) {
			t.Errorf("heard of %s, want %s", got.Sub(begun), want)
		}
	}
	cancel()
	<-done
}
