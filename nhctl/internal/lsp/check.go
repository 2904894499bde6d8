package lsp

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// pause is how long the server waits for the next change before it checks a config.
const pause = 150 * time.Millisecond

// checker knows what was found in configs, by the file of each.
type checker struct {
	found map[string]*checked
	// wake tells that a config has changed.
	wake chan struct{}
	// told are the files that the editor has findings of.
	told map[string]bool
}

// checked is what is known of one config.
type checked struct {
	// changes counts those of its files; seen is the count that the findings are of.
	changes, seen int
	// findings are all, hints included; files are those that were read, and those that it lacks.
	findings source.Findings
	files    map[string]bool
}

func newChecker() checker {
	return checker{found: map[string]*checked{}, wake: make(chan struct{}, 1), told: map[string]bool{}}
}

// changed tells of a change of a file.
func (s *server) changed(path string) {
	if path == "" {
		return
	}
	if main, _ := s.main(path); main != "" {
		s.mark(main)
	}
	for main, c := range s.found {
		if c.files[path] {
			s.mark(main)
		}
	}
}

// mark has a config checked soon.
func (s *server) mark(main string) {
	if s.found[main] == nil {
		s.found[main] = &checked{}
	}
	s.found[main].changes++
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// check checks configs some time after they have changed, until the connection ends.
func (s *server) check() {
	timer := time.NewTimer(pause)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-s.wake:
			timer.Reset(pause)
		case <-timer.C:
			s.checkAll()
		}
	}
}

// checkAll checks the configs that have changed.
func (s *server) checkAll() {
	s.mu.Lock()
	var changed []string
	for main, c := range s.found {
		if c.changes != c.seen {
			changed = append(changed, main)
		}
	}
	slices.Sort(changed)
	s.mu.Unlock()
	for _, main := range changed {
		s.mu.Lock()
		c := s.found[main]
		if c == nil || !s.watched(main, c) {
			s.forget(main)
			s.mu.Unlock()
			continue
		}
		changes, files := c.changes, s.snapshot()
		s.mu.Unlock()
		findings, read := s.findingsOf(&files, main)
		s.mu.Lock()
		// What has changed since then is checked again.
		if c := s.found[main]; c != nil && c.changes == changes {
			s.take(main, c, findings, read)
		}
		s.mu.Unlock()
	}
}

// watched says whether the editor has a file of a config open.
func (s *server) watched(main string, c *checked) bool {
	for path := range s.open {
		if own, _ := s.main(path); own == main || c.files[path] {
			return true
		}
	}
	return false
}

// findingsOf checks a config, and says which files it consists of, with those that it names in vain. A fault in there
// goes to the editor's log.
func (s *server) findingsOf(f *files, main string) (found source.Findings, read map[string]bool) {
	defer func() {
		if r := recover(); r != nil {
			s.log("check %s: %v", main, r)
			found, read = nil, map[string]bool{main: true}
		}
	}()
	open := f.reader(main)
	data, err := open(main)
	if err != nil {
		return nil, map[string]bool{main: true}
	}
	var mu sync.Mutex // services are decoded side by side
	read = map[string]bool{main: true}
	file := config.Check(main, data, config.Options{Env: s.options.Env, Read: func(path string) ([]byte, error) {
		mu.Lock()
		read[filepath.Clean(path)] = true
		mu.Unlock()
		return open(path)
	}})
	return slices.Concat(file.Findings, file.Unused), read
}

// take keeps what was found in a config, and tells the editor.
func (s *server) take(main string, c *checked, findings source.Findings, read map[string]bool) {
	before := maps.Clone(c.files)
	c.seen, c.findings, c.files = c.changes, findings, read
	for path := range read {
		if before == nil {
			before = map[string]bool{}
		}
		before[path] = true
	}
	s.tell(before)
}

// forget drops what was found in a config that no one looks at.
func (s *server) forget(main string) {
	if c := s.found[main]; c != nil {
		delete(s.found, main)
		s.tell(c.files)
	}
}

// tell sends the editor all that there is to say of some files.
func (s *server) tell(paths map[string]bool) {
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		list := s.diagnostics(path)
		if len(list) == 0 && !s.told[path] && s.open[path] == nil {
			continue
		}
		if s.told[path] = len(list) > 0; !s.told[path] {
			delete(s.told, path)
		}
		d := protocol.Diagnostics{URI: s.uri(path), Diagnostics: list}
		if open := s.open[path]; open != nil {
			d.Version = &open.version
		}
		_ = s.conn.Notify(s.life, protocol.MethodPublishDiagnostics, d)
	}
}

// about are the findings of a file, of all configs that it is part of, in the order of its lines.
func (s *server) about(path string) (all source.Findings) {
	seen := map[source.Finding]bool{} // a file may be part of several configs
	for _, main := range slices.Sorted(maps.Keys(s.found)) {
		for _, x := range s.found[main].findings {
			if filepath.Clean(x.File) == path && !seen[x] {
				seen[x] = true
				all = append(all, x)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b source.Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all
}

// bySchema says whether the schema shows a finding, too.
func bySchema(x source.Finding) bool {
	switch x.Code {
	case source.UnknownField, source.WrongType, source.NotOneOf, source.Syntax, source.Tab:
		return true
	}
	return false
}

// maxDiagnostics limits those of one file: editors become slow of many.
const maxDiagnostics = 500

// diagnostics are a file's findings as the editor shows them.
func (s *server) diagnostics(path string) []protocol.Diagnostic {
	list := []protocol.Diagnostic{}
	var t *text
	for _, x := range s.about(path) {
		if !s.settings.schema() && bySchema(x) {
			continue
		}
		if len(list) == maxDiagnostics {
			break
		}
		if t == nil {
			if t = s.textOf(path, path); t == nil {
				t = newText("")
			}
		}
		list = append(list, s.diagnostic(t, x))
	}
	return list
}

func (s *server) diagnostic(t *text, x source.Finding) protocol.Diagnostic {
	start, end := place(t, x)
	d := protocol.Diagnostic{
		Range:    s.client.span(t, start, end),
		Severity: protocol.SeverityError,
		Code:     x.Code,
		Source:   "nhctl",
		Message:  x.Message,
	}
	switch x.Severity {
	case source.Warning:
		d.Severity = protocol.SeverityWarning
	case source.Hint:
		d.Severity, d.Tags = protocol.SeverityHint, []int{protocol.TagUnnecessary}
	}
	if at := x.Related; at.File != "" {
		if other := s.textOf(at.File, at.File); other != nil {
			start, end := place(other, source.Finding{Line: at.Line, Column: at.Column, EndColumn: at.Column + 1})
			d.RelatedInformation = []protocol.Related{{
				Location: protocol.Location{URI: s.uri(at.File), Range: s.client.span(other, start, end)},
				Message:  "the first one is here",
			}}
		}
	}
	return d
}

// place is where a finding is, in bytes. One that is about a mapping or a whole line has the place where that begins;
// the key, the word or the line there is what an editor should mark.
func place(t *text, x source.Finding) (start, end int) {
	start, end = t.runes(x.Line, x.Column), t.runes(x.Line, x.EndColumn)
	if x.EndColumn-x.Column > 1 {
		return start, end
	}
	if x.Code == source.Syntax {
		return start, max(end, t.runes(x.Line, 1+len(t.line(x.Line-1))))
	}
	if e := t.tree().At(start); e != nil && e.Key.Start == start && x.Code != source.Tab && x.Code != source.Pasted {
		return start, max(end, e.Key.End)
	}
	return start, end
}
