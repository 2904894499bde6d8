package problem

import "encoding/json"

// Question is what the user must decide before nhctl does something.
type Question struct {
	// ID names the question and all that it is about: the answer to one is none to any other.
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Choices []Choice `json:"choices"`
}

// Choice is an answer that a question takes.
type Choice struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Yes is the id of the choice that nhctl goes on. Whoever does not want that does not repeat the call.
const Yes = "yes"

// YesTo is a question that has one answer.
func YesTo(id, text string) Question {
	return Question{ID: id, Text: text, Choices: []Choice{{ID: Yes, Title: "go on"}}}
}

// Has says whether a choice is one of the question's.
func (q Question) Has(choice string) bool {
	for _, c := range q.Choices {
		if c.ID == choice {
			return true
		}
	}
	return false
}

// Answers are choices by the ids of questions.
type Answers map[string]string

// To is the answer to a question; "" where there is none, or none that the question takes.
func (a Answers) To(q Question) string {
	if answer := a[q.ID]; q.Has(answer) {
		return answer
	}
	return ""
}

// Remedy is a way out: a call, a link, or a command.
type Remedy struct {
	Title string `json:"title"`
	// Method is that of the call; empty means the one that failed. Params are laid over the parameters of the call that
	// failed. A remedy of something else than an error has a Method, and Params that lack the caller alone.
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Link   string          `json:"link,omitempty"`
	// Command is a program with its arguments for a terminal of the user's, where it may ask them. What failed is tried
	// again once it has ended.
	Command []string `json:"command,omitempty"`
}

// WithQuestion returns the problem with a question.
func (e *Error) WithQuestion(q Question) *Error {
	c := *e
	c.Question = &q
	return &c
}

// WithRemedy returns the problem with one more way out.
func (e *Error) WithRemedy(r Remedy) *Error {
	c := *e
	c.Remedies = append(c.Remedies[:len(c.Remedies):len(c.Remedies)], r)
	return &c
}
