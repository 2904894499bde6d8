package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// past is a session that ended without a command of its developer's, who is told at their next one.
type past struct {
	Session   string       `json:"session"`
	Namespace string       `json:"namespace"`
	Place     record.Place `json:"place"`
	Workload  workload.Ref `json:"workload"`
	Why       string       `json:"why"`
	Time      time.Time    `json:"time"`
	Told      bool         `json:"told,omitempty"`
}

func (p past) String() string {
	return fmt.Sprintf("%s is not in dev mode any more: %s (%s)", p.Workload, p.Why, p.Time.Local().Format("15:04 on 2 Jan"))
}

// remembered is how many of them are kept.
const remembered = 20

func (p Paths) past() string { return filepath.Join(p.State, "past.json") }

const pastVersion = 1

// history reads them, the oldest first.
func (p Paths) history() ([]past, error) {
	var all []past
	err := store.Read(p.past(), pastVersion, &all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

// remember keeps why a session ended.
func (d *Daemon) remember(r devmode.Record, why string) {
	d.change(func(all []past) []past {
		all = append(all, past{Session: r.Session, Namespace: r.Namespace, Place: r.Place, Workload: r.Workload, Why: why, Time: time.Now()})
		return all[max(0, len(all)-remembered):]
	})
}

// change rewrites the history.
func (d *Daemon) change(edit func([]past) []past) {
	d.pastMu.Lock()
	defer d.pastMu.Unlock()
	all, err := d.paths.history()
	if err != nil {
		d.logger.Error("history of sessions", "error", err)
		if _, err := os.Stat(d.paths.past()); err == nil {
			return // it stays as it is
		}
	}
	if err := store.Write(d.paths.past(), pastVersion, edit(all)); err != nil {
		d.logger.Error("history of sessions", "error", err)
	}
}

// in says whether it was in a namespace. One that was created again is told what ended in the one before.
func (p past) in(v *visitor, place record.Place) bool {
	return p.Namespace == v.client.Namespace && (p.Place.Same(place) || p.Place.Server == v.client.Identity)
}

// news tells the caller what ended in their namespace since they last asked.
func (d *Daemon) news(ctx context.Context, v *visitor) {
	d.pastMu.Lock()
	all, err := d.paths.history()
	d.pastMu.Unlock()
	if err != nil {
		d.logger.Error("history of sessions", "error", err)
		return
	}
	if !slices.ContainsFunc(all, func(p past) bool { return !p.Told && p.Namespace == v.client.Namespace }) {
		return
	}
	place, err := v.where(ctx)
	if err != nil {
		return // the call itself will say so
	}
	told := 0
	for _, p := range all {
		if !p.Told && p.in(v, place) {
			emitter(ctx)(event.Event{Type: event.Notice, Session: p.Session, Message: p.String()})
			told++
		}
	}
	if told == 0 {
		return
	}
	d.change(func(all []past) []past {
		for i := range all {
			all[i].Told = all[i].Told || all[i].in(v, place)
		}
		return all
	})
}

// over removes a session that the cluster no longer has, and says why at the next command.
func (d *Daemon) over(s *session, why string) {
	r := s.record()
	d.mu.Lock()
	known := d.sessions[r.Session] == s
	delete(d.sessions, r.Session)
	d.mu.Unlock()
	if !known {
		return
	}
	d.logger.Info("session is over", "session", r.Session, "why", why)
	s.stop()
	if err := d.paths.remove(r.Session); err != nil {
		d.logger.Error("remove saved session", "error", err)
	}
	d.remember(r, why)
}

// leaveLimit limits the end of a session that nobody here asked for.
const leaveLimit = 3 * time.Minute

// leave ends a session that somebody else wants to end, or that can't go on. What fails is tried again at the next heartbeat.
func (d *Daemon) leave(s *session, why string) {
	r := s.record()
	release, err := d.reserve(work(r.Place, r))
	if err != nil {
		return // a command is at work on it
	}
	defer release()
	ctx, cancel := context.WithTimeout(d.context, leaveLimit)
	defer cancel()
	s.setLeaving(true)
	if err := devmode.Leave(ctx, devmode.Deps{Cluster: s.client(), Link: s, Emit: s.emit}, r, devmode.LeaveOptions{}); err != nil {
		s.setLeaving(false)
		s.note(fmt.Sprintf("%s; the session does not end yet: %v", why, err))
		d.logger.Error("leave", "session", r.Session, "why", why, "error", err)
		return
	}
	d.over(s, why)
}
