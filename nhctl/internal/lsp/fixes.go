package lsp

import (
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/config/outline"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// codeAction is what repairs the findings of a range.
func (s *server) codeAction(p protocol.AskActions) []protocol.Action {
	actions := []protocol.Action{}
	d := s.document(p.TextDocument.URI)
	if d == nil || !wanted(p.Context.Only) {
		return actions
	}
	main, _ := s.main(d.path)
	s.upToDate(main)
	start, end := s.client.offset(d.text, p.Range.Start), s.client.offset(d.text, p.Range.End)
	older := false
	for _, x := range s.about(d.path) {
		from, to := place(d.text, x)
		if to < start || from > end {
			continue
		}
		older = older || x.Code == source.OlderFormat
		for i, f := range fixes(d, x, from, to) {
			actions = append(actions, protocol.Action{
				Title:       f.title,
				Kind:        protocol.QuickFix,
				Diagnostics: []protocol.Diagnostic{s.diagnostic(d.text, x)},
				IsPreferred: i == 0 && !f.removes,
				Edit: &protocol.Edit{Changes: map[string][]protocol.TextEdit{d.uri: {{
					Range:   s.client.span(d.text, f.start, f.end),
					NewText: f.text,
				}}}},
			})
		}
	}
	if older || p.Range.Start.Line == 0 {
		actions = append(actions, s.imports(d)...)
	}
	return actions
}

// wanted says whether a client wants actions of this kind.
func wanted(only []string) bool {
	for _, kind := range only {
		if kind == protocol.QuickFix || kind == "" {
			return true
		}
	}
	return len(only) == 0
}

// upToDate checks a config now that has changed, so that fixes fit the text.
func (s *server) upToDate(main string) {
	if c := s.found[main]; c != nil && c.changes != c.seen {
		findings, read := s.findingsOf(&s.files, main)
		s.take(main, c, findings, read)
	}
}

// imports offers to take Nocalhost's config over.
func (s *server) imports(d *document) []protocol.Action {
	folder := filepath.Dir(filepath.Dir(d.path))
	if filepath.Base(filepath.Dir(d.path)) != ".nocalhost" || !has(s.settings.Commands, importCommand) ||
		s.exists(filepath.Join(folder, ".dev", "config.yaml")) {
		return nil
	}
	title := "Import into .dev/config.yaml"
	return []protocol.Action{{
		Title:   title,
		Kind:    protocol.QuickFix,
		Command: &protocol.Command{Title: title, Command: importCommand, Arguments: []any{folder}},
	}}
}

// fix replaces a part of a text.
type fix struct {
	title      string
	start, end int
	text       string
	removes    bool
}

// fixes are those of one finding, which is at a place; the best one first.
func fixes(d *document, x source.Finding, start, end int) []fix {
	tree := d.tree()
	var list []fix
	switch x.Code {
	case source.UnknownField, source.NotOneOf, source.Variable:
		if text := x.Suggestion; text != "" && (x.Code == source.Variable || literal(tree, start, end)) {
			list = append(list, fix{title: fmt.Sprintf("Change to %q", text), start: start, end: end, text: text})
		}
	case source.Tab:
		list = append(list, fix{title: "Replace the tab by spaces", start: start, end: end, text: x.Suggestion})
	case source.Pasted:
		list = append(list, fix{
			title: fmt.Sprintf("Replace by %q", x.Suggestion),
			start: start,
			end:   end,
			text:  x.Suggestion,
		})
	case source.MissingField:
		list = append(list, insertion(d, x.Suggestion, start))
	}
	switch x.Code {
	case source.UnknownField, source.UnusedField, source.MisplacedField:
		if e := tree.At(start); e != nil && e.Key.Start == start && e.Parent != nil && !e.List() {
			from, to := removal(d.text, e)
			list = append(list, fix{title: "Remove " + e.Name, start: from, end: to, removes: true})
		}
	}
	return list
}

// literal says whether a key or a value is what lies between two places, as opposed to text that is rendered.
func literal(tree *outline.Tree, start, end int) bool {
	e := tree.At(start)
	at := outline.Span{Start: start, End: end}
	return e != nil && (e.Key == at || e.Value == at) && !strings.Contains(tree.Text[start:end], "$")
}

// insertion puts a field before what a mapping has at a place.
func insertion(d *document, field string, at int) fix {
	value := ""
	if folder := filepath.Base(filepath.Dir(filepath.Dir(d.path))); field == "name" &&
		len(validation.IsDNS1123Label(folder)) == 0 {
		value = folder
	}
	f := fix{title: "Add " + field, start: at, end: at}
	if at < len(d.all) && d.all[at] == '{' {
		f.start, f.end = at+1, at+1
		f.text = field + ": " + scalar(value, `"`) + ", "
		return f
	}
	line := d.lines[d.lineOf(at)]
	f.text = field + ": " + value + d.lineBreak() + strings.Repeat(" ", at-line)
	return f
}

// lineBreak is the one that a text has.
func (t *text) lineBreak() string {
	if strings.Contains(t.all, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// removal is the part of a text to remove with an entry, so that what is around it goes on.
func removal(t *text, e *outline.Entry) (start, end int) {
	siblings := e.Parent.Children
	i := 0
	for siblings[i] != e {
		i++
	}
	start, end = e.Start(), e.End
	begin := t.lines[t.lineOf(start)]
	switch alone := strings.TrimLeft(t.all[begin:start], " \t") == ""; {
	case alone && !e.Flow: // with its lines
		start = begin
		if line := t.lineOf(end) + 1; line < len(t.lines) {
			return start, t.lines[line]
		}
		return start, len(t.all)
	case i+1 < len(siblings):
		return start, siblings[i+1].Start()
	case e.Flow && i > 0:
		return siblings[i-1].End, end
	default:
		return start, end
	}
}
