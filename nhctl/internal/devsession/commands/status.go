package commands

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// service is the status of run or debug: of the one that runs, or was started last.
func (c *Container) service(ctx context.Context) (supervise.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	all := c.statuses(ctx, supervise.Run, supervise.Debug)
	run, debug := all[0].Status, all[1].Status
	if err := errors.Join(all[0].err, all[1].err); err != nil {
		return run, fmt.Errorf("ask for the running command: %w", err)
	}
	if debug.Started != nil && (run.Started == nil || debug.Started.After(*run.Started)) {
		return debug, nil
	}
	return run, nil
}

// answer is a supervisor's, to the question how a command is.
type answer struct {
	supervise.Status
	err error
}

// statuses asks how commands are, all at once.
func (c *Container) statuses(ctx context.Context, names ...string) []answer {
	all, sup := make([]answer, len(names)), c.supervisor()
	var asking sync.WaitGroup
	for i, name := range names {
		asking.Go(func() { all[i].Status, all[i].err = sup.Status(ctx, name) })
	}
	asking.Wait()
	return all
}

// Status tells of the commands that were started; where there is none, of run. Notices say what the user should know of
// them.
func (c *Container) Status(ctx context.Context) (all []event.CommandData, notices []string) {
	for _, st := range c.statuses(ctx, supervise.Build, supervise.Run, supervise.Debug) {
		if st.err != nil || st.State == supervise.StateNone {
			continue
		}
		all = append(all, c.data(st.Status))
		if st.OOMKilled {
			notices = append(notices, outOfMemory(st.Status))
		}
	}
	if len(all) == 0 {
		all = append(all, c.data(supervise.Status{Name: supervise.Run, State: supervise.StateNone}))
	}
	return all, notices
}

// data is a supervisor's status as an event has it; it names the container where there are several.
func (c *Container) data(st supervise.Status) event.CommandData {
	data := event.CommandData{
		Name:        st.Name,
		State:       string(st.State),
		Argv:        st.Argv,
		PID:         st.PID,
		Started:     st.Started,
		Finished:    st.Finished,
		ExitCode:    st.ExitCode,
		Signal:      st.Signal,
		OOMKilled:   st.OOMKilled,
		MemoryLimit: st.MemoryLimit,
		HotReload:   st.HotReload,
		Reloads:     st.Reloads,
	}
	if c.OneOfSeveral {
		data.Container = c.Name
	}
	return data
}

// outOfMemory is the notice of a command that the kernel killed.
func outOfMemory(st supervise.Status) string {
	limit := "its limit"
	if st.MemoryLimit > 0 {
		limit = fmt.Sprintf("its limit of %d MiB", st.MemoryLimit>>20)
	}
	return fmt.Sprintf("the %s command, or a compiler that it started, was killed for lack of memory: "+
		"the container is at %s; raise containers[].dev.resources.limits.memory in .dev/config.yaml, "+
		"then end and start dev mode again", st.Name, limit)
}
