package devsession

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/podlog"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// podLogs pushes what the pods of a workload print.
func podLogs(ctx context.Context, p rpc.PodLogs) (struct{}, error) {
	ref, err := workload.ParseRef(p.Workload)
	if err != nil {
		return struct{}{}, err
	}
	c, err := session.ClientOf(p.Caller)
	if err != nil {
		return struct{}{}, err
	}
	emit := event.Sink(ctx)
	o := podlog.Options{
		Workload:  ref,
		Container: p.Container,
		Tail:      p.Tail,
		Follow:    p.Follow,
		Events:    p.Events,
	}
	return struct{}{}, podlog.Follow(ctx, c, o, func(l event.LogData) { emit(event.Event{Type: event.Log, Log: &l}) })
}
