package devmode

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

func TestFailedStepIsUndoneInReverse(t *testing.T) {
	t.Parallel()
	var did []string
	make := func(name string, err, undoErr error) step {
		return step{name,
			func(context.Context) error { did = append(did, name); return err },
			func(ctx context.Context) error {
				did = append(did, "undo "+name)
				return errors.Join(undoErr, ctx.Err())
			}}
	}
	failed, undoFailed := errors.New("no"), errors.New("no way back")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	last := make("c", failed, nil)
	do := last.do
	last.do = func(ctx context.Context) error { cancel(); return do(ctx) } // undos must not suffer from the user's Ctrl-C
	err := run(ctx, []step{make("a", nil, nil), make("b", nil, undoFailed), last, make("never", nil, nil)}, func(event.Event) {})
	if !errors.Is(err, failed) || !errors.Is(err, undoFailed) || strings.Contains(err.Error(), "canceled") {
		t.Errorf("error: %v", err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "undo c", "undo b", "undo a"}, did); diff != "" {
		t.Error(diff)
	}
}

func TestLeaseIsTheLock(t *testing.T) {
	t.Parallel()
	r := Record{Session: "s1", Workload: workload.Ref{Kind: workload.Deployment, Name: "web"}, Mode: rpc.Replace, Replicas: 3, Twin: "web-nhctl-s1", AbandonAfter: time.Hour}
	if got := r.Lease(); got != "nhctl-deployment-web" {
		t.Errorf("replace: %s", got)
	}
	lease, err := r.lease()
	if err != nil {
		t.Fatal(err)
	}
	back, err := fromLease(lease)
	if err != nil {
		t.Fatal(err)
	}
	back.Heartbeat = r.Heartbeat
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("a record must survive its Lease:\n%s", diff)
	}
	r.Mode = rpc.Duplicate
	if got := r.Lease(); got != "nhctl-deployment-web-s1" {
		t.Errorf("duplicate: %s", got)
	}
}
