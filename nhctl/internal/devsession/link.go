package devsession

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
)

// What devmode asks of a session while it enters and leaves.

// Connect starts the session's local part and returns when both carriers are up.
func (s *Session) Connect(ctx context.Context) error {
	if err := s.Start(); err != nil {
		return err
	}
	return s.AwaitUp(ctx)
}

// FirstSync returns when everything that exists locally is in the pod, and tells in the meantime how far it is.
func (s *Session) FirstSync(ctx context.Context) error { return s.folders().Deliver(ctx, s.Emit) }

// Flush copies back the files that only the pod has.
func (s *Session) Flush(ctx context.Context) error {
	if err := s.Connect(ctx); err != nil {
		return err
	}
	if err := s.folders().Converge(ctx); err != nil {
		return err
	}
	copied, err := s.folders().CopyVersions(ctx, s.record().Workload.Argument())
	if copied > 0 {
		text := fmt.Sprintf("%d files had another content in the container, and no one decided: it is kept in %s",
			copied, s.dirs.Kept(s.ID()))
		s.Emit(event.Event{Type: event.Notice, Message: text})
	}
	return err
}

// SetReady opens or closes the twin's readiness gate.
func (s *Session) SetReady(ctx context.Context, ready bool) error {
	if err := s.Connect(ctx); err != nil {
		return err
	}
	return s.Call(ctx, http.MethodPut, control.PathReady, control.Ready{Ready: ready}, nil)
}

// Reach asks the sidecar what does not answer, as seen from the twin's pod.
func (s *Session) Reach(ctx context.Context, tcp, http []string) ([]string, error) {
	var answer control.Reached
	err := s.Call(ctx, "POST", control.PathReach, control.Reach{TCP: tcp, HTTP: http}, &answer)
	return answer.Down, err
}

// mounts are what a session's containers have mounted below its folders, by the folders' ids.
func mounts(r record.Record, pod corev1.PodSpec) map[string]contract.Mounts {
	all := map[string]contract.Mounts{}
	for _, f := range r.Folders() {
		if below := workload.MountsBelow(pod, f.Container, f.Remote); len(below) > 0 {
			all[f.ID] = below
		}
	}
	return all
}

// Mounted takes up what the twin's pods have mounted: at the start as the twin asks for it, then as the pod that is
// about to be reached has it. A cluster may add to that.
func (s *Session) Mounted(ctx context.Context, pod corev1.PodSpec) error {
	now := mounts(s.record(), pod)
	same := func(a, b contract.Mounts) bool { return reflect.DeepEqual(a, b) }
	if maps.EqualFunc(s.document.Value().Mounts, now, same) {
		return nil
	}
	if err := s.document.Edit(func(kept *saved) { kept.Mounts = now }); err != nil {
		return err
	}
	for _, f := range s.folders() {
		f.SetMounts(ctx, now[f.ID])
	}
	return nil
}
