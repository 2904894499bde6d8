package factory

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Ask asks a question at a terminal, and returns the choice; "" where the user chooses none, or there is no terminal.
func (f *Factory) Ask(q problem.Question) string {
	if !ui.IsTerminal(f.Streams.In) || !ui.IsTerminal(f.Streams.Err) {
		return ""
	}
	return f.ask(q)
}

// ask asks whoever is at the streams.
func (f *Factory) ask(q problem.Question) string {
	if len(q.Choices) == 1 {
		fmt.Fprintf(f.Err(), "%s\n%s? [y/N] ", q.Text, q.Choices[0].Title)
	} else {
		fmt.Fprintln(f.Err(), q.Text)
		for i, c := range q.Choices {
			fmt.Fprintf(f.Err(), "  %d  %s\n", i+1, c.Title)
		}
		fmt.Fprint(f.Err(), "number, or Enter for none: ")
	}
	line, _ := bufio.NewReader(f.Streams.In).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	if len(q.Choices) == 1 {
		if answer == "y" || answer == "yes" {
			return q.Choices[0].ID
		}
		return ""
	}
	if number, err := strconv.Atoi(answer); err == nil && number >= 1 && number <= len(q.Choices) {
		return q.Choices[number-1].ID
	}
	return ""
}

// Confirm asks a question of a command itself, whose answer is yes or no; without a terminal it is no.
func (f *Factory) Confirm(question string) bool {
	return f.Ask(problem.YesTo("", question)) == problem.Yes
}

// asking makes a call, and again with the user's answer for as long as it asks something that was not answered yet. As
// JSON, the question is part of the error.
func (f *Factory) asking(params any, call func(params any) error) error {
	if f.JSON() {
		return call(params)
	}
	return repeat(params, call, f.Ask)
}

func repeat(params any, call func(params any) error, ask func(problem.Question) string) error {
	answers := problem.Answers{}
	for {
		err := call(params)
		if err == nil {
			return nil
		}
		q := problem.From(err).Question
		if q == nil || answers[q.ID] != "" {
			return err
		}
		answer := ask(*q)
		if answer == "" {
			return err
		}
		answers[q.ID] = answer
		if params, err = with(params, answers); err != nil {
			return err
		}
	}
}

// with is a call's parameters with answers.
func with(params any, answers problem.Answers) (any, error) {
	text, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{} // as they are: a float has no room for nanoseconds
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	fields["answers"], err = json.Marshal(answers)
	return fields, err
}
