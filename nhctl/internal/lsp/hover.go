package lsp

import (
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// hover is what a field means; nil where there is none.
func (s *server) hover(p protocol.At) *protocol.Hover {
	d := s.described(p.TextDocument.URI)
	if d == nil || !s.settings.schema() {
		return nil
	}
	offset := s.client.offset(d.text, p.Position)
	tree := d.tree()
	e := tree.At(offset)
	if e == nil || e.Bare || tree.Commented(offset) {
		return nil
	}
	shape, ok := d.shape(e.Path())
	if !ok || shape.Doc == "" {
		return nil
	}
	at := e.Key
	if e.List() {
		at = e.Value
	}
	return &protocol.Hover{Contents: *s.content(shape.Field), Range: s.client.span(d.text, at.Start, at.End)}
}

// content is what there is to say about a field.
func (s *server) content(f config.Field) *protocol.Content {
	var b strings.Builder
	code := func(text string) string { return text }
	kind := protocol.PlainText
	if s.client.markdown {
		kind = protocol.Markdown
		code = func(text string) string { return "`" + text + "`" }
	}
	b.WriteString(code(f.Path) + " (" + f.Type + ")\n\n" + f.Doc)
	var facts []string
	if len(f.Enum) > 0 {
		var values []string
		for _, v := range f.Enum {
			values = append(values, code(v))
		}
		facts = append(facts, "One of "+strings.Join(values, ", ")+".")
	}
	if f.Default != "" {
		facts = append(facts, "Default: "+code(f.Default)+".")
	}
	if f.Example != "" {
		facts = append(facts, "Example: "+code(f.Example)+".")
	}
	if len(facts) > 0 {
		b.WriteString("\n\n" + strings.Join(facts, " "))
	}
	switch {
	case f.Unused:
		b.WriteString("\n\nnhctl does not use it.")
	case f.Added:
		b.WriteString("\n\nA field of nhctl's own, which Nocalhost does not have.")
	default:
		b.WriteString("\n\nNocalhost's field, with the same meaning.")
	}
	return &protocol.Content{Kind: kind, Value: b.String()}
}
