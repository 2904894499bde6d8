package ui

import (
	"fmt"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Sync says in a line how sync is.
func Sync(s event.SyncData) string {
	text := s.State
	switch {
	case s.Held != nil:
		where := "here"
		if s.Held.Side == event.InPod {
			where = "in the pod"
		}
		text = fmt.Sprintf("stopped: %d of %d files were deleted %s at once; delete them on the other side too with "+
			"`nhctl dev sync accept`, or bring them back with `nhctl dev sync restore`",
			s.Held.Files, s.Held.Of, where)
	case s.FilesToGo+s.FilesToCome > 0:
		text = fmt.Sprintf("%s: %d files (%s) to go, %d (%s) to come", s.State, s.FilesToGo, Bytes(s.BytesToGo),
			s.FilesToCome, Bytes(s.BytesToCome))
		if s.Rate > 0 {
			text += fmt.Sprintf(", %s/s, %.0f s left", Bytes(int64(s.Rate)), s.Remaining)
		}
	case s.State == "idle":
		text = "in sync"
	case s.State == "paused":
		text = "paused (nhctl dev sync resume)"
	}
	text += fmt.Sprintf(" (%d files, %s)", s.Files, Bytes(s.Bytes))
	if s.Conflicts > 0 {
		text += fmt.Sprintf(", %d conflicts (nhctl dev sync conflicts)", s.Conflicts)
	}
	for _, full := range s.Full {
		if full.Side == event.InPod {
			text += ", the disk in the pod is full"
		} else {
			text += ", the disk of this computer is full"
		}
	}
	if len(s.Errors) > 0 {
		text += fmt.Sprintf(", %d errors (nhctl dev sync status)", len(s.Errors))
	}
	return text
}

// Command says in a line how a supervised command is.
func Command(c event.CommandData) string {
	var text string
	switch {
	case c.State == "running":
		text = "running"
		if c.Started != nil {
			text += " for " + Age(*c.Started)
		}
		text += fmt.Sprintf(" as process %d: %s", c.PID, CommandLine(c.Argv))
	case c.State == "none" || c.State == "":
		return "not started (nhctl dev run)"
	case c.Signal != "":
		text = "ended by signal: " + c.Signal
	case c.ExitCode != nil:
		text = fmt.Sprintf("exited with code %d", *c.ExitCode)
	default:
		text = c.State
	}
	if c.Reloads > 0 {
		text += fmt.Sprintf(", hot reload %d", c.Reloads)
	}
	if c.OOMKilled {
		text += " (out of memory)"
	}
	return text
}

// CommandLine is a command as it is shown: of a shell's, the line.
func CommandLine(argv []string) string {
	if len(argv) == 3 && argv[1] == "-c" {
		return argv[2]
	}
	return strings.Join(argv, " ")
}
