package lsp

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/config/outline"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// The commands that a client may have.
const (
	startCommand  = "nhctl.start"
	debugCommand  = "nhctl.debug"
	importCommand = "nhctl.import"
)

// lensCommands are those above services that the client has, with their titles.
func (s *server) lensCommands() (all []protocol.Command) {
	for _, c := range []protocol.Command{
		{Title: "Start", Command: startCommand},
		{Title: "Debug", Command: debugCommand},
	} {
		if slices.Contains(s.settings.Commands, c.Command) {
			all = append(all, c)
		}
	}
	return all
}

// codeLens has commands above each service of a config.
func (s *server) codeLens(p protocol.Of) []protocol.Lens {
	lenses := []protocol.Lens{}
	d := s.described(p.TextDocument.URI)
	if d == nil || d.role != config.Main {
		return lenses
	}
	tree := d.tree()
	for _, service := range config.ServicesIn(tree) {
		name := service.Child("name")
		ref := reference(tree, service)
		if ref == "" {
			continue
		}
		for _, command := range s.lensCommands() {
			command.Arguments = []any{ref, filepath.Dir(filepath.Dir(d.path))}
			lenses = append(lenses, protocol.Lens{
				Range:   s.client.span(d.text, name.Key.Start, name.Value.End),
				Command: &command,
			})
		}
	}
	return lenses
}

// reference is the workload of a service, as commands take it; "" where the text alone does not say which.
func reference(tree *outline.Tree, service *outline.Entry) string {
	name := tree.Scalar(service.Child("name"))
	kind, ok := workload.ParseKind(cmp.Or(tree.Scalar(service.Child("serviceType")), string(workload.Deployment)))
	if name == "" || !ok || strings.Contains(name, "$") {
		return ""
	}
	return workload.Ref{Kind: kind, Name: name}.String()
}

// documentSymbol is the outline of a config: services with their containers and profiles.
func (s *server) documentSymbol(p protocol.Of) []protocol.Symbol {
	symbols := []protocol.Symbol{}
	d := s.described(p.TextDocument.URI)
	if d == nil || d.role == config.Part {
		return symbols
	}
	for _, service := range config.ServicesIn(d.tree()) {
		symbols = append(symbols, s.service(d.document, service, "service"))
	}
	return symbols
}

// service is the symbol of a service, or of a profile's overlay of one.
func (s *server) service(d *document, e *outline.Entry, detail string) protocol.Symbol {
	symbol := s.symbol(d, e, e.Child("name"), detail, protocol.SymbolClass)
	if list := e.Child("containers"); list != nil {
		for _, c := range list.Children {
			if c.List() {
				symbol.Children = append(symbol.Children,
					s.symbol(d, c, c.Child("name"), "container", protocol.SymbolObject))
			}
		}
	}
	if list := e.Child("profiles"); list != nil {
		for _, p := range list.Children {
			if !p.Bare && !p.List() {
				profile := s.service(d, p, "profile")
				profile.Name, profile.Kind = p.Name, protocol.SymbolNamespace
				profile.SelectionRange = s.client.span(d.text, p.Key.Start, p.Key.End)
				symbol.Children = append(symbol.Children, profile)
			}
		}
	}
	return symbol
}

// symbol is one that an entry below it names.
func (s *server) symbol(d *document, e, name *outline.Entry, detail string, kind int) protocol.Symbol {
	symbol := protocol.Symbol{
		Name:           d.tree().Scalar(name),
		Detail:         detail,
		Kind:           kind,
		Range:          s.client.span(d.text, e.Start(), e.End),
		SelectionRange: s.client.span(d.text, e.Start(), max(e.Start(), min(e.Key.End, e.End))),
	}
	if symbol.Name == "" {
		symbol.Name = "(" + detail + ")"
	} else {
		symbol.SelectionRange = s.client.span(d.text, name.Value.Start, name.Value.End)
	}
	return symbol
}

// foldingRange are the lines that can be hidden: what is below a key or a dash, texts, and comments.
func (s *server) foldingRange(p protocol.Of) []protocol.Fold {
	folds := []protocol.Fold{}
	d := s.described(p.TextDocument.URI)
	if d == nil {
		return folds
	}
	tree := d.tree()
	last := -1
	for _, e := range tree.Entries {
		start, end := d.lineOf(e.Start()), d.lineOf(e.End)
		if end > start && start > last { // one for each line
			folds = append(folds, protocol.Fold{StartLine: start, EndLine: end})
			last = start
		}
	}
	first, before := -1, -2
	for _, c := range append(tree.Comments, outline.Span{Start: -1}) {
		line := -1
		if c.Start >= 0 {
			line = d.lineOf(c.Start)
			if strings.TrimSpace(d.all[d.lines[line]:c.Start]) != "" {
				continue // behind a value
			}
		}
		if line != before+1 {
			if before > first && first >= 0 {
				folds = append(folds, protocol.Fold{StartLine: first, EndLine: before, Kind: protocol.FoldComment})
			}
			first = line
		}
		before = line
	}
	return folds
}
