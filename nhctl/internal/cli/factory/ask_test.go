package factory

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

func held() problem.Question {
	return problem.Question{ID: "held 1", Text: "bob has it", Choices: []problem.Choice{
		{ID: "wait", Title: "wait"},
		{ID: "take-over", Title: "take over"},
	}}
}

// A choice is what was typed, and nothing else is one.
func TestAsk(t *testing.T) {
	t.Parallel()
	yes := problem.YesTo("trust 1", "it takes port 80")
	for _, tt := range []struct {
		question    problem.Question
		typed, want string
	}{
		{yes, "y\n", problem.Yes},
		{yes, " YES \n", problem.Yes},
		{yes, "\n", ""},
		{yes, "n\n", ""},
		{yes, "1\n", ""},
		{yes, "", ""},
		{held(), "1\n", "wait"},
		{held(), "2\n", "take-over"},
		{held(), "y\n", ""},
		{held(), "0\n", ""},
		{held(), "3\n", ""},
		{held(), "\n", ""},
	} {
		var said bytes.Buffer
		f := &Factory{Streams: ui.Streams{In: strings.NewReader(tt.typed), Err: &said}}
		if got := f.ask(tt.question); got != tt.want {
			t.Errorf("%q to %s: %q, want %q", tt.typed, tt.question.ID, got, tt.want)
		}
		if !strings.HasPrefix(said.String(), tt.question.Text+"\n") {
			t.Errorf("it says %q", said.String())
		}
		if got := f.Ask(tt.question); got != "" {
			t.Errorf("without a terminal: %q", got)
		}
	}
}

// A call is repeated with the answers so far, until it asks nothing new.
func TestRepeat(t *testing.T) {
	t.Parallel()
	trust := problem.YesTo("trust 1", "it takes port 80")
	p := rpc.Start{Target: rpc.Target{Workload: "web"}, Timeout: 5*time.Minute + 1}
	for name, tt := range map[string]struct {
		asks    []problem.Question // of one try after the other; nil for none
		answers map[string]string
		want    []problem.Answers // of the tries
		fails   bool
	}{
		"nothing is asked": {want: []problem.Answers{nil}},
		"two questions": {
			asks:    []problem.Question{trust, held()},
			answers: map[string]string{"trust 1": problem.Yes, "held 1": "wait"},
			want: []problem.Answers{
				nil,
				{"trust 1": problem.Yes},
				{"trust 1": problem.Yes, "held 1": "wait"},
			},
		},
		"no answer": {asks: []problem.Question{trust}, want: []problem.Answers{nil}, fails: true},
		"the same again": {
			asks:    []problem.Question{trust, trust},
			answers: map[string]string{"trust 1": problem.Yes},
			want:    []problem.Answers{nil, {"trust 1": problem.Yes}},
			fails:   true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries []problem.Answers
			err := repeat(p, func(params any) error {
				text, err := json.Marshal(params)
				var got rpc.Start
				if err := errors.Join(err, json.Unmarshal(text, &got)); err != nil {
					t.Fatal(err)
				}
				if got.Timeout != p.Timeout || got.Workload != "web" {
					t.Errorf("the call has become %s", text)
				}
				tries = append(tries, got.Answers)
				if n := len(tries); n <= len(tt.asks) {
					return problem.New(problem.Confirm, "first").WithQuestion(tt.asks[n-1])
				}
				return nil
			}, func(q problem.Question) string { return tt.answers[q.ID] })
			if (err != nil) != tt.fails {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.want, tries); diff != "" {
				t.Errorf("tries (-want +got):\n%s", diff)
			}
		})
	}
}

// Other errors are no questions.
func TestRepeatFails(t *testing.T) {
	t.Parallel()
	want := errors.New("no such luck")
	ask := func(problem.Question) string { t.Error("it asks"); return "" }
	if err := repeat(nil, func(any) error { return want }, ask); !errors.Is(err, want) {
		t.Error(err)
	}
}
