// Package license finds the licenses of modules, and writes the notices that go with a program that has them.
package license

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"

	"github.com/nhctl/nhctl/hack/release/internal/linked"
)

// allowed are the licenses, by their SPDX names, under which nhctl may be given to others as a program. A license that
// is not here ends the release, until someone has read it.
var allowed = [...]string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense"}

// likely is how sure the classifier has to be that a text is a license.
const likely = 0.9

// Text is a file of a module that its users must get.
type Text struct {
	// Name is its path in the module, with slashes.
	Name string
	Data string
}

// Licensed is a module with its licenses.
type Licensed struct {
	linked.Module
	// Names are the SPDX names of its licenses, sorted.
	Names []string
	// Texts are its licenses and notices, sorted by name.
	Texts []Text
}

// Finder finds licenses; it knows the texts of all that are in use.
type Finder struct {
	classifier *classifier.Classifier
}

// NewFinder reads the known licenses, which takes a second.
func NewFinder() (*Finder, error) {
	c, err := assets.DefaultClassifier()
	if err != nil {
		return nil, fmt.Errorf("read the known licenses: %w", err)
	}
	return &Finder{c}, nil
}

// Find returns the modules with their licenses. Every module must have one, and only those that are allowed.
func (f *Finder) Find(modules []linked.Module) ([]Licensed, error) {
	var all []Licensed
	var failed []error
	for _, m := range modules {
		l, err := f.find(m)
		all, failed = append(all, l), append(failed, err)
	}
	return all, errors.Join(failed...)
}

func (f *Finder) find(m linked.Module) (Licensed, error) {
	l := Licensed{Module: m}
	dirs := []string{m.Dir}
	for _, dir := range m.Packages {
		for ; dir != m.Dir; dir = filepath.Dir(dir) {
			if rel, err := filepath.Rel(m.Dir, dir); err != nil || !filepath.IsLocal(rel) {
				return l, fmt.Errorf("%s %s: its package %s is not in %s", m.Path, m.Version, dir, m.Dir)
			}
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		texts, err := textsOf(m.Dir, dir)
		if err != nil {
			return l, fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
		l.Texts = append(l.Texts, texts...)
	}
	slices.SortFunc(l.Texts, func(a, b Text) int { return cmp.Compare(a.Name, b.Name) })
	for _, text := range l.Texts {
		for _, match := range f.classifier.Match([]byte(text.Data)).Matches {
			// Some have no more than the header that names a license and where its text is.
			if (match.MatchType == "License" || match.MatchType == "Header") && match.Confidence >= likely {
				l.Names = append(l.Names, match.Name)
			}
		}
	}
	slices.Sort(l.Names)
	l.Names = slices.Compact(l.Names)
	if len(l.Names) == 0 {
		return l, fmt.Errorf("%s %s: none of its %d files in %s is a known license", m.Path, m.Version, len(l.Texts),
			m.Dir)
	}
	for _, name := range l.Names {
		if !slices.Contains(allowed[:], name) {
			return l, fmt.Errorf("%s %s: its license %s is not one of %s", m.Path, m.Version, name,
				strings.Join(allowed[:], ", "))
		}
	}
	return l, nil
}

// legal are the names of files with licenses, or with what licenses want to be passed on. Sources aren't among them.
var legal = regexp.MustCompile(`(?i)^(un)?licen[cs]e([-.](?:\w+))*$|^(copying|copyright|notice|patents)(\.(md|txt))?$`)

// textsOf are the legal texts of one directory of a module.
func textsOf(module, dir string) ([]Text, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts []Text
	for _, e := range entries {
		if !e.Type().IsRegular() || !legal.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(module, path)
		if err != nil {
			return nil, err
		}
		text := strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
		texts = append(texts, Text{Name: filepath.ToSlash(name), Data: text})
	}
	return texts, nil
}
