package lease

import (
	"context"
	"errors"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Successor wants a workload that another computer's session has.
type Successor struct {
	Cluster *kube.Client
	Holder  record.Holder
	Emit    func(event.Event)
	// Oust ends a session whose own computer is silent, and returns the folder where it keeps the pod's own files, if
	// there are any.
	Oust func(context.Context, record.Record) (kept string, err error)
}

// TakeOver ends a session of another computer, and returns once its Lease is gone. A daemon that is alive ends its
// session itself, and copies the pod's own files back. A silent one's session is ended from here: kept is the folder of
// the pod's files.
func (s Successor) TakeOver(ctx context.Context, r record.Record) (kept string, err error) {
	asked := false
	for {
		other, now, err := Holder(ctx, s.Cluster, r)
		switch {
		case err != nil && asked && ctx.Err() != nil: // the limit came while the cluster was asked
			return "", notYet(r, ctx.Err())
		case err != nil || other == nil || other.Session != r.Session:
			return "", err
		}
		if !other.Lives(now) {
			return s.Oust(ctx, *other)
		}
		if !asked {
			asked = true
			if err := s.ask(ctx, r); err != nil && !errors.Is(err, ErrNotHolder) {
				return "", err
			}
			s.Emit(event.Event{
				Type:    event.Notice,
				Message: fmt.Sprintf("asked %s to hand %s over", r.Holder, r.Workload),
			})
		}
		if err := delay.For(ctx, record.Beat/10); err != nil {
			return "", notYet(r, err)
		}
	}
}

func notYet(r record.Record, cause error) error {
	return problem.New(problem.Held, "%s has not handed %s over yet: %w", r.Holder, r.Workload, cause).
		WithHint("its computer is alive, and may have files that need a decision: ask %s, "+
			"or try again with a longer --timeout", r.Holder.Local)
}

// ask asks the session's daemon to end it.
func (s Successor) ask(ctx context.Context, r record.Record) error {
	wanted, err := record.NewWanted(r.Session, s.Holder)
	if err != nil {
		return err
	}
	return change(ctx, s.Cluster, r, annotation(contract.AnnotationWanted), wanted)
}
