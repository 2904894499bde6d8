// Package sbom writes what a program is made of in the form of CycloneDX, which scanners for vulnerabilities read.
package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/nhctl/nhctl/hack/release/internal/license"
	"github.com/nhctl/nhctl/hack/release/internal/linked"
)

// module is nhctl's own.
const module = "github.com/nhctl/nhctl"

// Program is what a bill of materials is about.
type Program struct {
	Version  string
	Platform linked.Platform
	// Binary is the program's file.
	Binary []byte
	// Released is the time of the release.
	Released time.Time
}

// Write writes the bill of materials of a program with these modules.
func Write(w io.Writer, p Program, modules []license.Licensed) error {
	hash := sha256.Sum256(p.Binary)
	self := cdx.Component{
		BOMRef:     purl(module, p.Version, p.Platform),
		Type:       cdx.ComponentTypeApplication,
		Name:       "nhctl",
		Version:    p.Version,
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(hash[:])}},
		Licenses:   licenses([]string{"Apache-2.0"}),
		PackageURL: purl(module, p.Version, p.Platform),
	}
	var components []cdx.Component
	var refs []string
	for _, m := range modules {
		url := purl(m.Path, m.Version, linked.Platform{})
		refs = append(refs, url)
		components = append(components, cdx.Component{
			BOMRef:     url,
			Type:       cdx.ComponentTypeLibrary,
			Name:       m.Path,
			Version:    m.Version,
			Scope:      cdx.ScopeRequired,
			Licenses:   licenses(m.Names),
			PackageURL: url,
		})
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: p.Released.UTC().Format(time.RFC3339), Component: &self}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: self.BOMRef, Dependencies: &refs}}
	encoder := cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true)
	if err := encoder.EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return fmt.Errorf("write the bill of materials for %s: %w", p.Platform, err)
	}
	return nil
}

// purl names a Go module in the way of package URLs.
func purl(path, version string, p linked.Platform) string {
	url := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	if p != (linked.Platform{}) {
		url += "?goarch=" + p.Arch + "&goos=" + p.OS
	}
	return url
}

func licenses(names []string) *cdx.Licenses {
	var list cdx.Licenses
	for _, name := range names {
		list = append(list, cdx.LicenseChoice{License: &cdx.License{ID: name}})
	}
	return &list
}
