package devmode

import (
	"encoding/json"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// replacing asks whether to replace a workload, this very one, in spite of what that means.
func replacing(original *workload.Original, why string) problem.Question {
	return problem.YesTo(fmt.Sprintf("replace %s %s", original.Ref, original.Object.GetUID()), "replace it? "+why)
}

// The answers to who holds a workload.
const (
	answerWait     = "wait"
	answerTakeOver = "take-over"
)

// holding asks what to do about another developer's session. Its answer is about that session alone.
func holding(other Record) problem.Question {
	return problem.Question{
		ID:   "held " + other.Session,
		Text: fmt.Sprintf("%s has %s in dev mode. How do you want to go on?", other.Holder, other.Workload),
		Choices: []problem.Choice{
			{ID: answerWait, Title: "wait until that session is over"},
			{ID: answerTakeOver, Title: "end that session; its files are kept"},
		},
	}
}

// onACopy is the way out of whatever keeps a workload from being replaced.
func onACopy() problem.Remedy {
	return problem.Remedy{
		Title:  "work on a copy",
		Params: json.RawMessage(`{"mode":"` + string(record.Duplicate) + `"}`),
	}
}
