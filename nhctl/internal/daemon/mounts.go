package daemon

import (
	"context"
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

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

// Mounted takes up what the twin's pods have mounted: at the start as the twin asks for it, then as the pod that is about to be reached
// has it. A cluster may add to that.
func (s *session) Mounted(ctx context.Context, pod corev1.PodSpec) error {
	now := mounts(s.record(), pod)
	s.mu.Lock()
	known := s.saved.Mounts
	s.mu.Unlock()
	if maps.EqualFunc(known, now, func(a, b contract.Mounts) bool { return reflect.DeepEqual(a, b) }) {
		return nil
	}
	if err := s.keep(func(kept *saved) { kept.Mounts = now }); err != nil {
		return err
	}
	for _, f := range s.synced() {
		f.choosing.Lock()
		f.settings.Mounts = now[f.id]
		f.choosing.Unlock()
		if err := f.engine.Apply(ctx, f.current()); err != nil { // it holds all the same, from the next scan on
			f.logger.Warn("leave out what is mounted", "folder", f.root, "error", err)
		}
	}
	return nil
}
