package devsession

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Holder is whose session it is.
func (s *Session) Holder() record.Holder { return s.record().Holder }

// Duplicate is the workload that the session works on a duplicate of; ok is false where it stands in for it, or is not
// up yet.
func (s *Session) Duplicate() (of workload.Ref, ok bool) {
	r := s.record()
	return r.Workload, r.Mode == record.Duplicate && r.Phase == record.Active && !s.Leaving()
}

// DuplicatePod is the duplicate's own pod; nil where it has none.
func (s *Session) DuplicatePod(ctx context.Context) (*corev1.Pod, error) {
	return devmode.OwnPod(ctx, s.Client(), s.record())
}
