package source

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Reader reads one config: its main file, and those that it includes or is laid together with. Documents is for one
// goroutine at a time, the other methods are for any number.
type Reader struct {
	// Main is the config's own file.
	Main string
	// Env looks up a variable that a text names. It has to be set before Documents is called.
	Env func(name string) (string, bool)

	open  func(path string) ([]byte, error)
	found *Collector
	// files names the file (a string) of each node that is not of the main one.
	files sync.Map
	// named are the variables that were asked for, opened the files that were read, both as keys.
	named, opened sync.Map
	// tabs are the places where the text that is read is indented by a tab.
	tabs []Position
}

// NewReader returns a reader of the config whose main file has that name. open reads the other files; found collects
// what there is to say of all.
func NewReader(main string, open func(path string) ([]byte, error), found *Collector) *Reader {
	r := &Reader{Main: main, open: open, found: found}
	r.opened.Store(main, nil)
	return r
}

// Read reads a file of the config.
func (r *Reader) Read(path string) ([]byte, error) {
	data, err := r.open(path)
	if err == nil {
		r.opened.Store(filepath.Clean(path), nil)
	}
	return data, err
}

// Files are the main file and all that were read, sorted.
func (r *Reader) Files() []string { return keys(&r.opened) }

// Variables are the names of the variables that a text asked for, sorted.
func (r *Reader) Variables() []string { return keys(&r.named) }

// keys are those of a map with names, sorted.
func keys(m *sync.Map) (names []string) {
	m.Range(func(key, _ any) bool {
		names = append(names, key.(string))
		return true
	})
	slices.Sort(names)
	return names
}

// Documents renders and parses a file's text: it returns the roots of its documents, none when it is empty or can't be
// parsed.
func (r *Reader) Documents(file, text string) []*yaml.Node {
	if strings.IndexByte(text, 0) >= 0 {
		r.found.Add(Finding{Severity: Error, Code: Syntax}, Start(file), 1, "this is no text")
		return nil
	}
	r.found.SetText(file, text)
	rendered := newRenderer()
	rendered.report = r.found.Add
	rendered.env = func(name string) (string, bool) {
		r.named.Store(name, nil)
		return r.Env(name)
	}
	rendered.read = func(path string) ([]byte, error) {
		data, err := r.Read(path)
		if err == nil {
			r.found.SetText(path, string(data))
			r.pasted(path, string(data))
		}
		return data, err
	}
	r.tabs = nil
	r.pasted(file, text)
	rendered.render(file, text, nil, 0, true)
	if r.found.Failed() {
		return nil // what follows would only confuse
	}
	roots, err := parseYAML(rendered.out.String(), func(n *yaml.Node, before int) { r.place(rendered, n, before) })
	if err != nil {
		r.syntax(rendered, file, err)
	}
	return roots
}

// place gives nodes the places where they were written; before is the number of rendered lines before their own.
func (r *Reader) place(rendered *renderer, n *yaml.Node, before int) {
	at := rendered.origin(n.Line+before, n.Column)
	n.Line, n.Column = at.Line, at.Column
	if at.File != r.Main {
		r.files.Store(n, at.File)
	}
	for _, child := range n.Content {
		r.place(rendered, child, before)
	}
}

// Copied says that a node is a copy of another, and was written where that was.
func (r *Reader) Copied(n, from *yaml.Node) {
	if file, ok := r.files.Load(from); ok {
		r.files.Store(n, file)
	}
}

// At is where a node was written.
func (r *Reader) At(n *yaml.Node) Position {
	file := r.Main
	if other, ok := r.files.Load(n); ok {
		file = other.(string)
	}
	return Position{file, n.Line, n.Column}
}
