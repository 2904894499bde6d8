package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Ended is a session that ended without a command of its developer's, who is told at their next one.
type Ended struct {
	Session   string       `json:"session"`
	Namespace string       `json:"namespace"`
	Place     record.Place `json:"place"`
	Workload  workload.Ref `json:"workload"`
	// What names a session that is of no workload.
	What string    `json:"what,omitempty"`
	Why  string    `json:"why"`
	Time time.Time `json:"time"`
	Told bool      `json:"told,omitempty"`
}

func (e Ended) String() string {
	return fmt.Sprintf("%s has ended: %s (%s)", cmp.Or(e.What, "the session of "+e.Workload.String()), e.Why,
		e.Time.Local().Format("15:04 on 2 Jan"))
}

// remembered is how many ended sessions are kept.
const remembered = 20

// historyFormat is that of the history's file.
func historyFormat() store.Format { return store.Format{Kind: "history", Version: 1} }

// History reads the sessions that have ended, the oldest first.
func (r *Registry) History() ([]Ended, error) {
	var all []Ended
	err := store.Read(r.dirs.History(), historyFormat(), &all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

// Remember keeps why a session ended.
func (r *Registry) Remember(e Ended) {
	r.change(func(all []Ended) []Ended {
		e.Time = time.Now()
		all = append(all, e)
		return all[max(0, len(all)-remembered):]
	})
}

// Over removes a session that has ended, and remembers why before any call can find it missing. It says whether the
// session was there.
func (r *Registry) Over(s session.Live, e Ended) bool {
	r.ending.Lock()
	defer r.ending.Unlock()
	if !slices.Contains(r.Live(), s) {
		return false
	}
	r.Remember(e)
	r.mu.Lock()
	r.over[s.ID()] = true
	r.mu.Unlock()
	return r.Remove(s)
}

// change rewrites the history.
func (r *Registry) change(edit func([]Ended) []Ended) {
	r.history.Lock()
	defer r.history.Unlock()
	all, err := r.History()
	if err != nil {
		r.logger.Error("history of sessions", "error", err)
		if _, err := os.Stat(r.dirs.History()); err == nil {
			return // it stays as it is
		}
	}
	if err := store.Write(r.dirs.History(), historyFormat(), edit(all)); err != nil {
		r.logger.Error("history of sessions", "error", err)
	}
}

// in says whether it was in a namespace. One that was created again is told what ended in the one before.
func (e Ended) in(v *session.Visitor, place record.Place) bool {
	return e.Namespace == v.Client.Namespace && (e.Place.Same(place) || e.Place.Server == v.Client.Identity)
}

// News tells the caller what ended in their namespace since they last asked.
func (r *Registry) News(ctx context.Context, v *session.Visitor) {
	r.history.Lock()
	all, err := r.History()
	r.history.Unlock()
	if err != nil {
		r.logger.Error("history of sessions", "error", err)
		return
	}
	if !slices.ContainsFunc(all, func(e Ended) bool { return !e.Told && e.Namespace == v.Client.Namespace }) {
		return
	}
	place, err := v.Where(ctx)
	if err != nil {
		return // the call itself fails with the reason
	}
	told := 0
	for _, e := range all {
		if !e.Told && e.in(v, place) {
			event.Sink(ctx)(event.Event{Type: event.Notice, Session: e.Session, Message: e.String()})
			told++
		}
	}
	if told == 0 {
		return
	}
	r.change(func(all []Ended) []Ended {
		for i := range all {
			all[i].Told = all[i].Told || all[i].in(v, place)
		}
		return all
	})
}
