package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/schema"
)

// Check says which lines are not as the schema, or the types of this build, have them, such as one with a field that a
// type has lost, or an event without what belongs to its type.
func Check(lines []Line) error {
	c := &checker{compiler: jsonschema.NewCompiler(), methods: Methods(lines)}
	c.compiler.AssertFormat()
	for name, text := range map[string][]byte{"rpc": schema.RPC, "events": schema.Events} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = c.compiler.AddResource(name, document)
		}
		if err != nil {
			return err
		}
	}
	var failed []error
	for i, l := range lines {
		var err error
		if l.Client != nil {
			err = c.said(l.Client)
		} else {
			err = c.heard(l.Daemon)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("line %d: %w", i+1, err))
		}
	}
	return errors.Join(failed...)
}

type checker struct {
	compiler *jsonschema.Compiler
	methods  map[string]string // of calls, by their ids
}

// valid checks a value against a part of a schema, and against a type.
func (c *checker) valid(text json.RawMessage, part string, as any) error {
	compiled, err := c.compiler.Compile(part)
	if err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = compiled.Validate(instance)
	}
	return errors.Join(err, decode(text, as))
}

// said checks a request.
func (c *checker) said(m *Message) error {
	method, err := described(m.Method)
	if err != nil || len(m.Params) == 0 || method.Params == nil {
		return err
	}
	return c.valid(m.Params, "rpc#/methods/"+m.Method+"/params", method.Params)
}

// heard checks an answer or a notification.
func (c *checker) heard(m *Message) error {
	name, answers := c.methods[string(m.ID)]
	if m.Method != "" {
		name = m.Method
	}
	method, err := described(name)
	if err != nil {
		return err
	}
	switch {
	case m.Error != nil:
		return c.valid(m.Error.Data, "rpc#/$defs/Error", new(problem.Error))
	case answers && !method.Notifies:
		return c.valid(m.Result, "rpc#/methods/"+name+"/result", method.Result)
	case m.Method == "event":
		err = c.valid(m.Params, "events", nil)
	}
	return errors.Join(err, c.valid(m.Params, "rpc#/methods/"+name+"/params", method.Params))
}
