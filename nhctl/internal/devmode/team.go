package devmode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// holder reads who has the Lease that a record wants; nil when nobody has.
func holder(ctx context.Context, c *kube.Client, wanted Record) (*Record, time.Time, error) {
	lease, err := c.API.CoordinationV1().Leases(wanted.Namespace).Get(ctx, wanted.Lease(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, c.Explain(err)
	}
	r, err := record.FromLease(lease)
	if err != nil {
		return nil, time.Time{}, err
	}
	now, err := c.Now(ctx)
	return &r, now, err
}

// makeWay makes way for a session that replaces a workload: one that another session has may be waited for, taken over, or is abandoned.
// It comes before anything is read of the original, which is parked as long as the other session has it.
func (e *entry) makeWay(ctx context.Context) error {
	if e.duplicate() {
		return nil
	}
	told := false
	for {
		other, now, err := holder(ctx, e.Cluster, Record{Namespace: e.Cluster.Namespace, Workload: e.spec.Workload, Mode: e.spec.Mode})
		switch {
		case err != nil || other == nil:
			return err
		case other.Abandoned(now) || e.spec.TakeOver:
			if err := e.spec.complete(); err != nil {
				return err
			}
			if err := e.takeOver(ctx, *other, now); err != nil {
				return err
			}
		case !e.spec.Wait:
			return held(*other, now)
		case !told:
			told = true
			e.Emit(stepEvent(stepLock, event.StepWaiting, "for "+other.Holder.String()+" to end dev mode", now))
		}
		if err := pause(ctx, record.Beat/10); err != nil {
			return held(*other, now)
		}
	}
}

// takeOver ends the session that holds the workload.
func (e *entry) takeOver(ctx context.Context, other Record, now time.Time) error {
	if other.Abandoned(now) {
		e.Emit(notice(fmt.Sprintf("%s was abandoned by %s, last heard of %s ago: that session is ended first", other.Workload, other.Holder, other.Silent(now).Round(time.Second))))
	}
	kept, err := HandOver(ctx, e.Deps, other, e.spec.Holder)
	if err != nil {
		return fmt.Errorf("take %s over: %w", other.Workload, err)
	}
	e.tookOver = &record.TookOver{Session: other.Session, Kept: kept}
	if kept != "" {
		e.Emit(notice(fmt.Sprintf("what the pod of %s had is kept in %s", other.Holder.Local, kept)))
	}
	return nil
}

// lock creates the session's Lease: whoever creates it holds the workload.
func (e *entry) lock(ctx context.Context) error {
	lease, err := e.record.NewLease()
	if err != nil {
		return err
	}
	err = e.Link.Save(e.record, e.token)
	if err == nil {
		err = e.Link.Mounted(ctx, e.twin.Spec.Template.Spec)
	}
	if err != nil {
		return fmt.Errorf("keep the session on this computer: %w", err)
	}
	_, err = e.Cluster.API.CoordinationV1().Leases(e.record.Namespace).Create(ctx, lease, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) { // somebody was quicker
		if other, now, err := holder(ctx, e.Cluster, e.record); err == nil && other != nil {
			return held(*other, now)
		}
	}
	return e.Cluster.Explain(err)
}

const stepLock = "lock the workload"

// HandOver ends a session of another computer for somebody. Its own daemon does so when it lives, and brings its files home; else it is
// ended from here, and what only its pod has is kept where the result says.
func HandOver(ctx context.Context, deps Deps, r Record, by rpc.Holder) (kept string, err error) {
	c, asked := deps.Cluster, false
	for {
		other, now, err := holder(ctx, c, r)
		if err != nil || other == nil || other.Session != r.Session {
			return "", err
		}
		if !other.Lives(now) {
			return deps.Oust(ctx, *other)
		}
		if !asked {
			asked = true
			wanted, err := json.Marshal(record.Wanted{Session: r.Session, By: by})
			if err != nil {
				return "", err
			}
			path := "/metadata/annotations/" + strings.ReplaceAll(contract.AnnotationWanted, "/", "~1")
			if err := change(ctx, c, r, path, string(wanted)); err != nil && !errors.Is(err, errNotHolder) {
				return "", err
			}
			deps.Emit(notice(fmt.Sprintf("asked %s to hand %s over", r.Holder, r.Workload)))
		}
		if err := pause(ctx, record.Beat/10); err != nil {
			return "", problem.New(problem.Held, "%s was asked to hand %s over, and has not done so yet: %w", r.Holder, r.Workload, err).
				WithHint("its computer is alive, and may have files that need a decision: ask %s, or try again with a longer --timeout", r.Holder.Local)
		}
	}
}

// held is the problem of a workload that another session holds.
func held(other Record, now time.Time) error {
	p := problem.New(problem.Held, "%s is in dev mode already: held by %s since %s, last heard of %s ago", other.Workload, other.Holder,
		other.Since.Local().Format("15:04 on 2 Jan"), other.Silent(now).Round(time.Second))
	return p.WithHint("work on a copy beside it: --mode duplicate\nwait until it is over: --wait\nend that session, with its files kept: --take-over (or ask %s to: nhctl dev end %s)",
		other.Holder.Local, other.Workload.Argument())
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// alive renews the Lease while the session is entered: a start may take longer than a silent session may block others.
func (e *entry) alive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done, r := make(chan struct{}), e.record
	go func() {
		defer close(done)
		for pause(ctx, record.Beat) == nil {
			_ = Heartbeat(ctx, e.Cluster, r) // one that fails is followed by the next
		}
	}()
	return func() { cancel(); <-done }
}
