package folders

import (
	"context"
	"errors"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Set are all folders of a session.
type Set []*Folder

// Data tells how each folder's sync is.
func (s Set) Data(ctx context.Context) []event.SyncData {
	all := []event.SyncData{}
	for _, f := range s {
		all = append(all, f.Data(ctx))
	}
	return all
}

// Converge waits until each folder is the same on both ends.
func (s Set) Converge(ctx context.Context) error {
	for _, f := range s {
		if err := f.Converge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// progress is how often a first sync tells how far it is.
const progress = 200 * time.Millisecond

// Deliver returns when everything that exists locally is in the pod, and tells in the meantime how far it is.
func (s Set) Deliver(ctx context.Context, emit func(event.Event)) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	reported := make(chan struct{})
	go func() { defer close(reported); s.report(waiting, emit) }()
	var err error
	for _, f := range s {
		err = errors.Join(err, f.Deliver(ctx))
	}
	cancel()
	<-reported
	if err == nil {
		for _, d := range s.Data(ctx) {
			emit(event.Event{Type: event.SyncState, Sync: &d})
		}
	}
	return err
}

func (s Set) report(ctx context.Context, emit func(event.Event)) {
	tick := time.NewTicker(progress)
	defer tick.Stop()
	meters := map[string]*meter{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, d := range s.Data(ctx) {
				if meters[d.Folder] == nil {
					meters[d.Folder] = &meter{}
				}
				d.Rate, d.Remaining = meters[d.Folder].measure(time.Now(), d.BytesToGo)
				emit(event.Event{Type: event.SyncState, Sync: &d})
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
