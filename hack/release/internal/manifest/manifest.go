// Package manifest writes how package managers get a release: a formula for Homebrew, a plugin's manifest for krew, an
// app's for Scoop. Each names an archive for every platform, with its hash.
package manifest

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/nhctl/nhctl/hack/release/internal/linked"
)

// Archive is an archive of a release.
type Archive struct {
	linked.Platform
	// URL is where it is published, SHA256 its hash in hex.
	URL, SHA256 string
}

// Release is what all manifests are about.
type Release struct {
	// Tag is the release's, such as v0.1.0.
	Tag string
	// Archives has one for each platform.
	Archives []Archive
}

// Version is the release without the letter that tags begin with.
func (r Release) Version() string { return strings.TrimPrefix(r.Tag, "v") }

// On are the archives for an operating system.
func (r Release) On(system string) []Archive {
	var list []Archive
	for _, a := range r.Archives {
		if a.OS == system {
			list = append(list, a)
		}
	}
	return list
}

//go:embed templates
var templates embed.FS

// Write returns the manifests by their files' names.
func Write(r Release) (map[string][]byte, error) {
	functions := template.FuncMap{
		"homebrew": func(arch string) string { return map[string]string{"amd64": "intel", "arm64": "arm"}[arch] },
		"scoop":    func(arch string) string { return map[string]string{"amd64": "64bit", "arm64": "arm64"}[arch] },
		"extension": func(system string) string {
			return map[string]string{"windows": ".exe"}[system]
		},
	}
	files := map[string][]byte{}
	for name, from := range map[string]string{
		"nhctl.rb":   "homebrew.rb.tmpl",
		"nhctl.yaml": "krew.yaml.tmpl",
		"nhctl.json": "scoop.json.tmpl",
	} {
		t, err := template.New(from).Funcs(functions).Option("missingkey=error").ParseFS(templates, "templates/"+from)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", from, err)
		}
		var b bytes.Buffer
		if err := t.Execute(&b, r); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		files[name] = b.Bytes()
	}
	return files, nil
}
