// Package problem has the errors that users read: what failed, why, and the next step, with a stable code for programs
// and an exit code for shells. It knows nothing of where problems come from or how they are printed.
package problem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Code is a stable name of a kind of problem, for scripts and IDEs.
type Code string

// The codes. They only ever grow.
const (
	Usage        Code = "usage"        // the command line or the config is wrong
	Unreachable  Code = "unreachable"  // the API server does not answer
	Unauthorized Code = "unauthorized" // the API server does not know the user
	Forbidden    Code = "forbidden"    // the user may not do that
	NotFound     Code = "not-found"    // a named object does not exist
	Held         Code = "held"         // another session holds the workload
	Refused      Code = "refused"      // nhctl will not do that, for the reason given
	Confirm      Code = "confirm"      // nhctl does that once the user has said yes
	Untrusted    Code = "untrusted"    // the config asks for more than nhctl does without the user's trust
	NotReady     Code = "not-ready"    // a pod does not come up, for the reason given
	PortTaken    Code = "port-taken"   // a local port is in use
	NoSession    Code = "no-session"   // the workload is not in dev mode
	SyncBlocked  Code = "sync-blocked" // sync has stopped and needs a decision
	Timeout      Code = "timeout"      // a wait came to its limit
	Interrupted  Code = "interrupted"  // the user stopped it
	Command      Code = "command"      // a command in the container failed
	DiskFull     Code = "disk-full"    // a disk of this computer has no room
	Unreadable   Code = "unreadable"   // an object or file is not what a session would have written
	Internal     Code = "internal"     // anything else
)

// Exit codes of the command line.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2
	ExitCluster     = 4
	ExitInterrupted = 130
)

// Error is an error for a user.
type Error struct {
	Code Code `json:"code"`
	// Message says what failed and why, in one sentence without a full stop.
	Message string `json:"message"`
	// Hint is the next step; it may have several lines.
	Hint string `json:"hint,omitempty"`
	// Question is what the user decides before nhctl goes on; the call is repeated with the answer.
	Question *Question `json:"question,omitempty"`
	// Remedies are other ways out that a client can offer.
	Remedies []Remedy `json:"remedies,omitempty"`
	// Exit is the exit code of the command line, where the Code alone does not say it; 0 otherwise.
	Exit int `json:"exit,omitempty"`
	// Cause is the error below, if any; its text is part of Message already.
	Cause error `json:"-"`
}

// New returns a problem; the message is formatted as fmt.Errorf does, %w included.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if _, several := err.(interface{ Unwrap() []error }); several {
		cause = err
	}
	return &Error{Code: code, Message: err.Error(), Cause: cause}
}

// WithHint returns the problem with its next step.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithExit returns the problem with an exit code of its own.
func (e *Error) WithExit(code int) *Error {
	c := *e
	c.Exit = code
	return &c
}

// ExitCode is the exit code of the command line.
func (e *Error) ExitCode() int {
	if e.Exit != 0 {
		return e.Exit
	}
	return e.Code.ExitCode()
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// From finds the problem in an error, or makes one of it. Text that wraps a problem is kept in the message.
func From(err error) *Error {
	var p *Error
	if errors.As(err, &p) {
		c := *p
		c.Message = err.Error()
		return &c
	}
	if noRoom(err) {
		return New(DiskFull, "%w", err).WithHint("%s", roomHint(err))
	}
	switch {
	case errors.Is(err, context.Canceled):
		return New(Interrupted, "interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		return New(Timeout, "%w", err)
	}
	return New(Internal, "%w", err)
}

// roomHint says what to do about a full disk.
func roomHint(err error) string {
	where := "the disk"
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		where = "the disk of " + path.Path
	}
	return where + " is full, or its quota used up: make room there, and do it again; sessions that run go on"
}

// Exit ends the program with this exit code when all has been said already.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// ExitCode maps a code to the exit code of the command line.
func (c Code) ExitCode() int {
	switch c {
	case Usage:
		return ExitUsage
	case Unreachable, Unauthorized, Forbidden:
		return ExitCluster
	case Interrupted:
		return ExitInterrupted
	default:
		return ExitFailure
	}
}
