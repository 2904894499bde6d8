package lsp

import (
	"path/filepath"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/config/outline"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// definition is where the thing at a place is described: an included file, an env file, an anchor, the service,
// container or profile that an overlay is for.
func (s *server) definition(p protocol.At) []protocol.Location {
	d := s.described(p.TextDocument.URI)
	if d == nil {
		return s.included(s.document(p.TextDocument.URI), p.Position)
	}
	if found := s.included(d.document, p.Position); found != nil {
		return found
	}
	offset := s.client.offset(d.text, p.Position)
	tree := d.tree()
	e := tree.At(offset)
	switch {
	case e == nil || tree.Commented(offset):
		return nil
	case e.Style == outline.Alias && offset >= e.Value.Start:
		return s.anchor(d.document, e)
	}
	shape, ok := d.shape(e.Path())
	if !ok {
		return nil
	}
	value := tree.Scalar(e)
	switch {
	case shape.Names == "file" && value != "":
		return s.fileAt(d.main, resolved(d.base(), value))
	case shape.Names == "service" && d.role == config.Layer:
		return s.named(d, nil, value)
	case shape.Names == "container":
		return s.named(d, e, value)
	case e.Parent != nil && e.Parent.Name == "profiles" && e.Name != outline.Item:
		return s.profile(d, e)
	}
	return nil
}

// included is the file of an include at a position.
func (s *server) included(d *document, p protocol.Position) []protocol.Location {
	if d == nil {
		return nil
	}
	main, _ := s.main(d.path)
	offset := s.client.offset(d.text, p)
	for _, include := range source.Includes(d.path, d.all) {
		if include.Start <= offset && offset <= include.End {
			return s.fileAt(main, include.Path)
		}
	}
	return nil
}

// fileAt is the beginning of a file that may be read.
func (s *server) fileAt(main, path string) []protocol.Location {
	path = filepath.Clean(path)
	if main == "" || s.textOf(main, path) == nil {
		return nil
	}
	return []protocol.Location{{URI: s.uri(path)}}
}

// anchor is what an alias stands for: the last anchor of its name before it.
func (s *server) anchor(d *document, alias *outline.Entry) []protocol.Location {
	tree := d.tree()
	name := tree.Text[alias.Value.Start+1 : alias.Value.End]
	var found *outline.Entry
	for _, e := range tree.Entries {
		if e.Start() >= alias.Start() {
			break
		}
		if e.Anchor == name && e.Root() == alias.Root() {
			found = e
		}
	}
	if found == nil {
		return nil
	}
	return []protocol.Location{s.location(d, found.Key)}
}

func (s *server) location(d *document, at outline.Span) protocol.Location {
	return protocol.Location{URI: d.uri, Range: s.client.span(d.text, at.Start, at.End)}
}

// named is where the config itself describes a service, or the container that an entry names.
func (s *server) named(d *described, container *outline.Entry, name string) (found []protocol.Location) {
	var service string
	if container != nil {
		within := serviceOf(d.tree(), container)
		if within == nil {
			return nil
		}
		service = d.tree().Scalar(within.Child("name"))
	}
	for _, other := range s.family(d) {
		if other.path != d.main {
			continue // a layer is laid over what the config has
		}
		tree := other.tree()
		for _, e := range config.ServicesIn(tree) {
			at := e.Child("name")
			if container == nil {
				if at != nil && tree.Scalar(at) == name {
					found = append(found, s.location(other, at.Value))
				}
				continue
			}
			list := e.Child("containers")
			if list == nil || service != "" && tree.Scalar(at) != service {
				continue
			}
			for _, c := range list.Children {
				if at := c.Child("name"); at != nil && tree.Scalar(at) == name && at != container {
					found = append(found, s.location(other, at.Value))
				}
			}
		}
	}
	return found
}

// serviceOf is the service that an entry belongs to; nil for none.
func serviceOf(tree *outline.Tree, e *outline.Entry) *outline.Entry {
	services := config.ServicesIn(tree)
	for ; e != nil; e = e.Parent {
		if slices.Contains(services, e) {
			return e
		}
	}
	return nil
}

// profile are all places that have a profile of a name, but the one that asks.
func (s *server) profile(d *described, asks *outline.Entry) (found []protocol.Location) {
	for _, other := range s.family(d) {
		for _, service := range config.ServicesIn(other.tree()) {
			if list := service.Child("profiles"); list != nil {
				if e := list.Child(asks.Name); e != nil && e != asks {
					found = append(found, s.location(other, e.Key))
				}
			}
		}
	}
	return found
}
