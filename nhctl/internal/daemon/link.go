package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Connect starts the session's local part and returns when both carriers are up.
func (s *session) Connect(ctx context.Context) error {
	if err := s.Start(); err != nil {
		return err
	}
	s.Wake()
	if _, err := s.interactive.Await(ctx); err != nil {
		return err
	}
	_, err := s.bulk.Await(ctx)
	return err
}

// progress is how often a first sync tells how far it is.
const progress = 200 * time.Millisecond

// FirstSync returns when everything that exists locally is in the pod, and tells meanwhile how far it is.
func (s *session) FirstSync(ctx context.Context) error {
	defer debug.FreeOSMemory() // an index in the making takes far more than one at rest
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	reported := make(chan struct{})
	go func() { defer close(reported); s.reportSync(waiting) }()
	var err error
	for _, f := range s.synced() {
		err = errors.Join(err, f.deliver(ctx))
	}
	cancel()
	<-reported
	if err == nil {
		for _, d := range syncData(ctx, s.synced()) {
			s.emit(event.Event{Type: event.SyncState, Sync: &d})
		}
	}
	return err
}

func (s *session) reportSync(ctx context.Context) {
	tick := time.NewTicker(progress)
	defer tick.Stop()
	meters := map[string]*meter{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, d := range syncData(ctx, s.synced()) {
				if meters[d.Folder] == nil {
					meters[d.Folder] = &meter{}
				}
				d.Rate, d.Remaining = meters[d.Folder].measure(time.Now(), d.BytesToGo)
				s.emit(event.Event{Type: event.SyncState, Sync: &d})
			}
		}
	}
}

// meter measures how fast bytes go.
type meter struct {
	begin time.Time
	total int64
}

// measure returns bytes a second since the most was to go, and the seconds left at that rate.
func (m *meter) measure(now time.Time, left int64) (rate, seconds float64) {
	if left > m.total || m.begin.IsZero() {
		m.begin, m.total = now, left
		return 0, 0
	}
	if elapsed := now.Sub(m.begin).Seconds(); elapsed > 0 {
		rate = float64(m.total-left) / elapsed
	}
	if rate > 0 {
		seconds = float64(left) / rate
	}
	return rate, seconds
}

// converge waits until each folder is the same on both ends.
func converge(ctx context.Context, folders []*folder) error {
	for _, f := range folders {
		if err := f.converge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Flush brings home what only the pod has.
func (s *session) Flush(ctx context.Context) error {
	if err := s.Connect(ctx); err != nil {
		return err
	}
	if err := converge(ctx, s.synced()); err != nil {
		return err
	}
	home := 0
	for _, f := range s.synced() {
		n, err := f.bringHome(ctx)
		if err != nil {
			return err
		}
		home += n
	}
	if home > 0 {
		s.emit(event.Event{Type: event.Notice, Message: fmt.Sprintf("%d files had another content in the container, and nobody decided: it is kept in %s",
			home, s.paths.kept(s.record().Session))})
	}
	return nil
}

// SetReady opens or closes the twin's readiness gate.
func (s *session) SetReady(ctx context.Context, ready bool) error {
	if err := s.Connect(ctx); err != nil {
		return err
	}
	return sidecar{s}.call(ctx, http.MethodPut, control.PathReady, control.Ready{Ready: ready}, nil)
}

// Reach asks the sidecar what does not answer, as seen from the twin's pod.
func (s *session) Reach(ctx context.Context, tcp, http []string) ([]string, error) {
	var answer control.Reached
	err := sidecar{s}.call(ctx, "POST", control.PathReach, control.Reach{TCP: tcp, HTTP: http}, &answer)
	return answer.Down, err
}

// sidecar calls the sidecar's own HTTP, over the interactive carrier.
type sidecar struct{ *session }

// errNotYet says that the sidecar has no engine for the folder so far.
var errNotYet = errors.New("the folder is not synced yet")

// errLost says that the sidecar went away while it was asked.
var errLost = errors.New("the sidecar was lost")

// call asks again when the sidecar goes away meanwhile, until ctx ends: every request may be repeated.
func (c sidecar) call(ctx context.Context, method, path string, in, out any) error {
	for {
		err := c.once(ctx, method, path, in, out)
		if !errors.Is(err, errLost) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c sidecar) once(ctx context.Context, method, path string, in, out any) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return c.interactive.Open(ctx, wire.KindControl, nil)
	}}}
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://sidecar"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if p := (*problem.Error)(nil); errors.As(err, &p) {
		return p // no carrier comes again
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound:
		return errNotYet
	case response.StatusCode >= http.StatusBadRequest:
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fmt.Errorf("sidecar: %s", strings.TrimSpace(string(text)))
	case out == nil:
		return nil
	}
	return decodeAnswer(bound.Reader(response.Body, control.MaxAnswer(path)), out)
}

// decodeAnswer reads a sidecar's answer. One that breaks off may be complete the next time.
func decodeAnswer(from io.Reader, out any) error {
	err := json.NewDecoder(from).Decode(out)
	var over *bound.Error
	switch {
	case errors.As(err, &over):
		return fmt.Errorf("read the sidecar's answer: %w", err)
	case err != nil:
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return nil
}
