package problem

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An answer is one to its own question, and one of its choices.
func TestAnswers(t *testing.T) {
	t.Parallel()
	q := Question{ID: "held 1", Choices: []Choice{{ID: "wait"}, {ID: "take-over"}}}
	for name, tt := range map[string]struct {
		answers Answers
		want    string
	}{
		"none":                {nil, ""},
		"its own":             {Answers{"held 1": "wait"}, "wait"},
		"another question's":  {Answers{"held 2": "wait"}, ""},
		"yes to all":          {Answers{"": Yes}, ""},
		"none of its choices": {Answers{"held 1": Yes}, ""},
	} {
		if got := tt.answers.To(q); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if got := (Answers{"trust 1": Yes}).To(YesTo("trust 1", "")); got != Yes {
		t.Errorf("a plain yes: %q", got)
	}
}

// Questions and remedies are added to a copy, and survive being wrapped.
func TestWithQuestion(t *testing.T) {
	t.Parallel()
	plain := New(Held, "bob has it")
	first := plain.WithRemedy(Remedy{Title: "a"})
	second, third := first.WithRemedy(Remedy{Title: "b"}), first.WithRemedy(Remedy{Title: "c"})
	asked := From(second.WithQuestion(YesTo("x", "y")))
	if plain.Question != nil || plain.Remedies != nil || asked.Question.ID != "x" {
		t.Errorf("%+v, %+v", plain, asked)
	}
	want := []Remedy{{Title: "a"}, {Title: "b"}}
	if diff := cmp.Diff(want, asked.Remedies); diff != "" || third.Remedies[1].Title != "c" {
		t.Errorf("%s%+v", diff, third)
	}
}
