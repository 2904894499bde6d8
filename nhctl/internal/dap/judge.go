package dap

import (
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// verdict is what there is to do about a program whose debugger has gone.
type verdict int

// The verdicts.
const (
	waits verdict = iota // it may come back at any moment
	rests                // it comes back with the next change of the sources, whenever that is
	joins                // it is there
	ends                 // it does not come back
)

// lastSeen is what is known of a program that the debugger was lost of.
type lastSeen struct {
	// command is debug, or run for one without a debugger.
	command string
	// container is the one that was chosen; empty where there is only one.
	container string
	started   time.Time
	// over says that the debugger has told of its end.
	over bool
	// ago is how long it has been gone, and grace how long it may still turn out to be started again.
	ago, grace time.Duration
}

// judge says what to do about a program, by the state of its session, and why. It is pure.
func judge(s rpc.Session, last lastSeen) (verdict, string) {
	if s.Link != nil && s.Link.State != "up" {
		why := "the connection to the pod is " + s.Link.State
		if s.Link.Reason != "" {
			why += ": " + s.Link.Reason
		}
		return waits, why
	}
	this, there := commandOf(s, last.container, last.command)
	if other, runs := replaced(s, last, this); runs {
		return ends, fmt.Sprintf("another command has taken the program's place (%s)", other.Name)
	}
	switch {
	case !there || this.State == "none":
		return waits, "the pod has not started the program yet"
	case this.State == "running" && (!last.over || !started(this).Equal(last.started)):
		return joins, ""
	case last.ago < last.grace:
		return waits, "the program is being stopped"
	}
	how := "the program has ended"
	switch {
	case this.Signal != "":
		how += " by signal: " + this.Signal
	case this.ExitCode != nil:
		how += fmt.Sprintf(" with exit code %d", *this.ExitCode)
	}
	if this.OOMKilled {
		how += ", for lack of memory"
	}
	if this.HotReload {
		return rests, how
	}
	return ends, how
}

// commandOf is the state of a command in a container.
func commandOf(s rpc.Session, container, name string) (event.CommandData, bool) {
	for _, c := range s.Commands {
		if c.Name == name && (c.Container == "" || container == "" || c.Container == container) {
			return c, true
		}
	}
	return event.CommandData{}, false
}

// replaced is the service's other command, where it was started later and runs.
func replaced(s rpc.Session, last lastSeen, this event.CommandData) (event.CommandData, bool) {
	name := run
	if last.command == run {
		name = debug
	}
	other, there := commandOf(s, last.container, name)
	return other, there && other.State == "running" && this.State != "running" && started(other).After(last.started)
}

func started(c event.CommandData) time.Time {
	if c.Started == nil {
		return time.Time{}
	}
	return *c.Started
}
