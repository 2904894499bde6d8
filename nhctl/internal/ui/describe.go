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
	case s.FilesToGo+s.FilesToCome > 0:
		text = fmt.Sprintf("%s: %d files (%s) to go, %d (%s) to come", s.State, s.FilesToGo, Bytes(s.BytesToGo), s.FilesToCome, Bytes(s.BytesToCome))
	case s.State == "idle":
		text = "in sync"
	}
	text += fmt.Sprintf(" (%d files, %s)", s.Files, Bytes(s.Bytes))
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
		text += fmt.Sprintf(" as process %d: %s", c.PID, strings.Join(c.Argv, " "))
	case c.State == "none" || c.State == "":
		return "not started (nhctl dev run)"
	case c.Signal != "":
		text = "ended by signal: " + c.Signal
	case c.ExitCode != nil:
		text = fmt.Sprintf("exited with code %d", *c.ExitCode)
	default:
		text = c.State
	}
	if c.OOMKilled {
		text += " (out of memory)"
	}
	return text
}
