package commands

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// Wanted is the command that the user wants to run in a container. A container that is lost takes its program along:
// the command is started again in the next one. The session keeps it as it was started, since a daemon that takes the
// session up knows nothing of the caller's environment.
type Wanted struct {
	Command string         `json:"command"`
	Build   []string       `json:"build,omitempty"`
	Spec    supervise.Spec `json:"spec"`
	// Debugger is set where there is one to wait for.
	Debugger *Debugger `json:"debugger,omitempty"`

	// localPaths are wanted by who starts it now.
	localPaths bool
	watched    atomic.Bool
}

// Debugger is a debugger, with its port in the container.
type Debugger struct {
	Language string `json:"language"`
	Port     int    `json:"port"`
	Waits    bool   `json:"waits,omitempty"`
	// Tool is the program that it is, which nhctl brings where the image has none; empty for what it does not bring.
	Tool string `json:"tool,omitempty"`

	joins bool // a client joins a program that runs
}

// want notes what was started; nil means that nothing is to run.
func (c *Container) want(w *Wanted) {
	if err := c.Host.SetWanted(w); err != nil {
		c.Logger.Error("keep the wanted command", "container", c.Name, "error", err)
	}
	if w != nil {
		c.watch(w)
	}
}

// endOfPod is how long a pod that is deleted takes to end after its programs.
const endOfPod = 3 * time.Second

// watch drops a wanted command when its program ends by itself, unless a change starts it again.
func (c *Container) watch(w *Wanted) {
	if w.Spec.Reload != nil || !w.watched.CompareAndSwap(false, true) {
		return
	}
	c.Host.Go("the watch of the "+w.Command+" command", func() {
		defer w.watched.Store(false) // a lost connection ends the watch; the next pod begins another
		c.dropEnded(w)
	})
}

// dropEnded drops a wanted command once its program has ended by itself, and not with its pod.
func (c *Container) dropEnded(w *Wanted) {
	ctx := c.Host.Context()
	if st, err := c.supervisor().Wait(ctx, w.Command); err != nil || st.State != supervise.StateExited {
		return
	}
	c.Host.Stir()
	if delay.For(ctx, endOfPod) != nil {
		return
	}
	st, err := c.service(ctx)
	if err == nil && st.State == supervise.StateExited && c.Host.Wanted() == w {
		c.want(nil)
	}
}

// StartWanted starts the wanted command in a new pod, where nothing was started so far.
func (c *Container) StartWanted(ctx context.Context) {
	w := c.Host.Wanted()
	if w == nil {
		return
	}
	st, err := c.service(ctx)
	if err != nil {
		return
	}
	if st.State != supervise.StateNone {
		c.watch(w)
		return
	}
	pod := c.Host.PodName()
	if err := c.startAgain(ctx, w); err != nil {
		c.Host.Note(fmt.Sprintf("the container was lost with its program, "+
			"which could not be started again in pod %s: %v", pod, err))
		return
	}
	c.Host.Note(fmt.Sprintf("the container was lost with its program, which was started again in pod %s", pod))
}

func (c *Container) startAgain(ctx context.Context, w *Wanted) error {
	if w.Debugger != nil {
		if err := c.bring(ctx, rpc.Caller{}, w.Debugger.Tool); err != nil {
			return err
		}
	}
	status, err := c.launch(ctx, w, false)
	if err != nil {
		return err
	}
	c.watch(w)
	if w.Debugger == nil {
		return nil
	}
	_, err = c.awaitDebugger(ctx, w.Debugger, 0, *status.Started)
	return err
}
