package devmode

import (
	"context"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/steps"
)

// makeWay makes way for a session that replaces a workload: one that another session has may be waited for, taken over,
// or is abandoned. It comes before anything is read of the original, which is parked as long as the other session has
// it.
func (e *entry) makeWay(ctx context.Context) error {
	if e.duplicate() {
		return nil
	}
	told := false
	for {
		other, now, err := lease.Holder(ctx, e.Cluster, Record{
			Namespace: e.Cluster.Namespace,
			Workload:  e.spec.Workload,
			Mode:      e.spec.Mode,
		})
		switch {
		case err != nil || other == nil:
			return err
		case other.Abandoned(now) || e.spec.TakeOver || e.answered(*other, answerTakeOver):
			if err := e.spec.complete(); err != nil {
				return err
			}
			if err := e.takeOver(ctx, *other, now); err != nil {
				return err
			}
		case !e.spec.Wait && !e.answered(*other, answerWait):
			return held(*other, now)
		case !told:
			told = true
			e.Emit(steps.Event(stepLock, event.StepWaiting, "for "+other.Holder.String()+" to end dev mode", now))
		}
		if err := delay.For(ctx, record.Beat/10); err != nil {
			return held(*other, now)
		}
	}
}

// answered says whether that is the user's answer to who holds the workload.
func (e *entry) answered(other Record, answer string) bool {
	return e.spec.Answers.To(holding(other)) == answer
}

// successor wants the workload of another computer's session.
func (d Deps) successor(by record.Holder) lease.Successor {
	return lease.Successor{
		Cluster: d.Cluster,
		Holder:  by,
		Emit:    d.Emit,
		Oust:    d.Oust,
	}
}

// takeOver ends the session that holds the workload.
func (e *entry) takeOver(ctx context.Context, other Record, now time.Time) error {
	if other.Abandoned(now) {
		e.Emit(notice(fmt.Sprintf("%s was abandoned by %s, last heard of %s ago: that session is ended first",
			other.Workload, other.Holder, other.Silent(now).Round(time.Second))))
	}
	kept, err := e.successor(e.spec.Holder).TakeOver(ctx, other)
	if err != nil {
		return fmt.Errorf("take %s over: %w", other.Workload, err)
	}
	e.tookOver = &record.TookOver{Session: other.Session, Kept: kept}
	if kept != "" {
		e.Emit(notice(fmt.Sprintf("the files of the pod of %s are in %s", other.Holder.Local, kept)))
	}
	return nil
}

// lock creates the session's Lease: whoever creates it holds the workload.
func (e *entry) lock(ctx context.Context) error {
	err := e.Link.Save(e.record, e.token)
	if err == nil {
		err = e.Link.Mounted(ctx, e.twin.Spec.Template.Spec)
	}
	if err != nil {
		return fmt.Errorf("keep the session on this computer: %w", err)
	}
	taken, err := lease.Create(ctx, e.Cluster, e.record)
	if taken { // someone was quicker
		if other, now, err := lease.Holder(ctx, e.Cluster, e.record); err == nil && other != nil {
			return held(*other, now)
		}
	}
	return err
}

const stepLock = "lock the workload"

// held is the problem of a workload that another session holds.
func held(other Record, now time.Time) error {
	p := problem.New(problem.Held, "%s is in dev mode already: held by %s since %s, last heard of %s ago",
		other.Workload, other.Holder, other.Since.Local().Format("15:04 on 2 Jan"),
		other.Silent(now).Round(time.Second))
	p = p.WithQuestion(holding(other)).WithRemedy(onACopy())
	return p.WithHint("work on a copy next to it: --mode duplicate\n"+
		"wait until it is over: --wait\n"+
		"end that session, with its files kept: --take-over (or ask %s to: nhctl dev end %s)",
		other.Holder.Local, other.Workload.Argument())
}
