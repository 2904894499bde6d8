package daemon

import (
	"context"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// service is the status of run or debug: of the one that runs, or was started last.
func (s *developed) service(ctx context.Context) (supervise.Status, error) {
	sup := s.supervisor()
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	run, err := sup.Status(ctx, supervise.Run)
	if err != nil {
		return run, fmt.Errorf("ask what runs: %w", err)
	}
	debug, err := sup.Status(ctx, supervise.Debug)
	if err != nil {
		return run, fmt.Errorf("ask what runs: %w", err)
	}
	if debug.Started != nil && (run.Started == nil || debug.Started.After(*run.Started)) {
		return debug, nil
	}
	return run, nil
}

// commands is the status of the commands that were started; of none, that of run.
func (s *developed) commands(ctx context.Context) []supervise.Status {
	sup := s.supervisor()
	var all []supervise.Status
	for _, name := range []string{supervise.Build, supervise.Run, supervise.Debug} {
		if st, err := sup.Status(ctx, name); err == nil && st.State != supervise.StateNone {
			all = append(all, st)
		}
	}
	if len(all) == 0 {
		return []supervise.Status{{Name: supervise.Run, State: supervise.StateNone}}
	}
	return all
}

// commandData is a supervisor's status as an event has it.
func commandData(st supervise.Status) event.CommandData {
	return event.CommandData{Name: st.Name, State: string(st.State), Argv: st.Argv, PID: st.PID, Started: st.Started, Finished: st.Finished,
		ExitCode: st.ExitCode, Signal: st.Signal, OOMKilled: st.OOMKilled, MemoryLimit: st.MemoryLimit, HotReload: st.HotReload, Reloads: st.Reloads}
}

// outOfMemory is the notice of a command that the kernel killed.
func outOfMemory(st supervise.Status) string {
	limit := "its limit"
	if st.MemoryLimit > 0 {
		limit = fmt.Sprintf("its limit of %d MiB", st.MemoryLimit>>20)
	}
	return fmt.Sprintf("the %s command, or a compiler that it started, was killed for lack of memory: the container is at %s; raise containers[].dev.resources.limits.memory in .dev/config.yaml, then end and start dev mode again", st.Name, limit)
}
