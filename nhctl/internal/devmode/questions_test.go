package devmode

import (
	"testing"
	"testing/synctest"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// try enters with answers, and returns what it asks; nil where it enters.
func (c *computer) try(spec Spec, answers problem.Answers) (*Record, *problem.Error) {
	c.stage.t.Helper()
	spec.Answers = answers
	r, err := c.enter(spec)
	if err == nil {
		return &r, nil
	}
	return nil, problem.From(err)
}

// Replacing a Job is asked about, that very Job, and a copy is the way out.
func TestAskBeforeReplacing(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"job", "daemonset"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, kind)
				ada := s.computer("ada", "laptop")
				spec := ada.spec(record.Replace)
				spec.Yes = false
				_, p := ada.try(spec, problem.Answers{"replace " + kind + "/web": problem.Yes})
				if p == nil || p.Code != problem.Confirm || p.Question == nil || len(p.Remedies) != 1 ||
					string(p.Remedies[0].Params) != `{"mode":"duplicate"}` {
					t.Fatalf("%+v", p)
				}
				if _, again := ada.try(spec, problem.Answers{p.Question.ID: "no"}); again == nil {
					t.Error("it takes any answer for a yes")
				}
				r, again := ada.try(spec, problem.Answers{p.Question.ID: problem.Yes})
				if again != nil {
					t.Fatal(again)
				}
				if err := ada.leave(*r); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The answer that takes a session over is about that session: the next one of the workload is asked about again.
func TestAnswerIsAboutOneSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		ada, bob := s.computer("ada", "laptop"), s.computer("bob", "desktop")
		first := ada.mustEnter(ada.spec(record.Replace))
		_, p := bob.try(bob.spec(record.Replace), nil)
		if p == nil || p.Code != problem.Held || p.Question == nil || len(p.Question.Choices) != 2 {
			t.Fatalf("%+v", p)
		}
		if err := ada.leave(first); err != nil {
			t.Fatal(err)
		}
		second := ada.mustEnter(ada.spec(record.Replace))
		_, again := bob.try(bob.spec(record.Replace), problem.Answers{p.Question.ID: answerTakeOver})
		if again == nil || again.Question == nil || again.Question.ID == p.Question.ID {
			t.Errorf("an old answer took a new session over: %+v", again)
		}
		if err := ada.leave(second); err != nil {
			t.Error(err)
		}
	})
}
