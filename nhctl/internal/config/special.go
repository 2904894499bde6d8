package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// special is a type that may be written in several ways.
type special interface {
	// decodeNode sets the value from a node of any kind.
	decodeNode(d *decoder, n *yaml.Node)
	// schema is the JSON Schema of all ways.
	schema() map[string]any
}

// Command is a command line for the container's shell, or a program and its arguments for images without a shell.
type Command struct {
	// Line is joined with spaces and run by the shell.
	Line []string `json:"line,omitempty"`
	// Argv is run as it is.
	Argv []string `json:"argv,omitempty"`
}

// Empty says that there is nothing to run.
func (c Command) Empty() bool { return c.String() == "" }

// Args is the command as a program and its arguments, nil for none; shell runs a line.
func (c Command) Args(shell string) []string {
	if len(c.Argv) > 0 || c.Empty() {
		return c.Argv
	}
	if shell == "" {
		shell = "sh"
	}
	return []string{shell, "-c", strings.Join(c.Line, " ")}
}

// String is the command as it is shown.
func (c Command) String() string {
	return strings.TrimSpace(strings.Join(append(c.Line, c.Argv...), " "))
}

// With is the command with further arguments of its last program.
func (c Command) With(args []string) Command {
	if len(args) == 0 {
		return c
	}
	if len(c.Argv) > 0 {
		return Command{Argv: slices.Concat(c.Argv, args)}
	}
	return Command{Line: append(slices.Clone(c.Line), shellquote.Join(args...))}
}

func (c *Command) decodeNode(d *decoder, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		var form commandForm
		d.decode(n, reflect.ValueOf(&form).Elem())
		if len(form.Argv) == 0 && len(n.Content) > 0 {
			d.missing(source.Error, n, "argv",
				"a command as a mapping needs argv, such as {argv: [/app/server, --port, \"80\"]}")
		}
		*c = Command{Argv: form.Argv}
	case yaml.SequenceNode:
		*c = Command{}
		d.decode(n, reflect.ValueOf(&c.Line).Elem())
	default:
		*c = Command{Line: []string{n.Value}}
	}
}

// commandForm is a command as a mapping.
type commandForm struct {
	Argv arguments `json:"argv" doc:"A program and its arguments, run as they are, without a shell." required:"true"`
}

func (*Command) schema() map[string]any {
	text := typeSchema(reflect.TypeFor[string]())
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "array", "items": text,
			"description": "Joined with spaces and run by the container's shell."},
		map[string]any{"type": []string{"string", "number", "boolean", "null"},
			"description": "Run by the container's shell."},
		map[string]any{"type": "object", "additionalProperties": false,
			"properties":  map[string]any{"argv": (*arguments)(nil).schema()},
			"description": "Run as it is, without a shell."},
	}}
}

// arguments are a program's: an empty one counts, unlike an empty item of any other list.
type arguments []string

func (a *arguments) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, "a list")
		return
	}
	*a = make(arguments, len(n.Content))
	for i, item := range n.Content {
		d.decode(item, reflect.ValueOf(&(*a)[i]).Elem())
	}
}

func (*arguments) schema() map[string]any {
	return map[string]any{"type": "array", "minItems": 1, "items": typeSchema(reflect.TypeFor[string]())}
}

// Syncs are the synced folders; one is written without a list.
type Syncs []Sync

func (s *Syncs) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind == yaml.SequenceNode && len(node.Items(n)) == 0 {
		return
	}
	if n.Kind == yaml.SequenceNode {
		d.decode(n, reflect.ValueOf((*[]Sync)(s)).Elem())
		return
	}
	one := make([]Sync, 1)
	value := reflect.ValueOf(&one[0]).Elem()
	value.Set(d.empty(value.Type()))
	d.decode(n, value)
	*s = one
}

func (*Syncs) schema() map[string]any {
	one := objectSchema(reflect.TypeFor[Sync]())
	return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one, "maxItems": maxSyncs}}}
}

// Profiles are overlays by name. They are laid over their service before it is decoded; here they are only named.
type Profiles []string

func (p *Profiles) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, "a mapping of names to overlays")
		return
	}
	if d.overlaying {
		d.fail(n, "a profile has no profiles of its own")
		return
	}
	d.overlaying = true
	defer func() { d.overlaying = false }()
	*p = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		*p = append(*p, n.Content[i].Value)
		// An overlay's mistakes count, chosen or not.
		var overlay Service
		d.decode(n.Content[i+1], reflect.ValueOf(&overlay).Elem())
	}
}

func (*Profiles) schema() map[string]any {
	return orBlank(map[string]any{"type": "object", "additionalProperties": map[string]any{"$ref": "#/$defs/service"}})
}
