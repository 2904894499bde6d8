// Package packages makes packages of Linux distributions. They have what an archive has, in the places where a
// distribution's users look for it.
package packages

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // the formats register themselves
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"

	"github.com/nhctl/nhctl/hack/release/internal/archive"
)

// Formats are the packages that are made for each architecture.
func Formats() []string { return []string{"deb", "rpm", "apk"} }

// Package is what a package is made of.
type Package struct {
	// Version is the release's, such as v0.1.0; Arch Go's name of the architecture.
	Version, Arch string
	Released      time.Time
	// Files are those of the archive.
	Files []archive.File
}

// places are where a package has the archive's files. A name that ends in a slash is a directory.
func places(format string) map[string]string {
	zsh := "/usr/share/zsh/site-functions/_nhctl"
	if format == "deb" {
		zsh = "/usr/share/zsh/vendor-completions/_nhctl"
	}
	return map[string]string{
		"nhctl":                  "/usr/bin/nhctl",
		"LICENSE":                "/usr/share/doc/nhctl/copyright",
		"THIRD_PARTY_NOTICES":    "/usr/share/doc/nhctl/THIRD_PARTY_NOTICES",
		"completions/nhctl.bash": "/usr/share/bash-completion/completions/nhctl",
		"completions/_nhctl":     zsh,
		"completions/nhctl.fish": "/usr/share/fish/vendor_completions.d/nhctl.fish",
		"completions/nhctl.ps1":  "", // no distribution has a place for it
		"man/":                   "/usr/share/man/man1/",
	}
}

// Write writes the package, and returns the name that its format gives to its file.
func Write(w io.Writer, format string, p Package) (string, error) {
	staged, err := os.MkdirTemp("", "nhctl-package-")
	if err != nil {
		return "", fmt.Errorf("make a %s package: %w", format, err)
	}
	defer func() { _ = os.RemoveAll(staged) }()
	contents, err := stage(staged, format, p)
	if err != nil {
		return "", fmt.Errorf("make a %s package: %w", format, err)
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name:        "nhctl",
		Arch:        p.Arch,
		Platform:    "linux",
		Version:     strings.TrimPrefix(p.Version, "v"),
		Section:     "devel",
		Priority:    "optional",
		Maintainer:  "The nhctl maintainers <https://github.com/nhctl/nhctl>",
		Vendor:      "nhctl",
		Homepage:    "https://github.com/nhctl/nhctl",
		License:     "Apache-2.0",
		Description: "Develop inside Kubernetes from your own editor",
		MTime:       p.Released,
		Overridables: nfpm.Overridables{
			Contents: contents,
			RPM:      nfpm.RPM{BuildHost: "nhctl"}, // the default is this machine's name
		},
	})
	packager, err := nfpm.Get(format)
	if err != nil {
		return "", err
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return "", fmt.Errorf("make a %s package: %w", format, err)
	}
	if err := packager.Package(info, w); err != nil {
		return "", fmt.Errorf("make a %s package: %w", format, err)
	}
	return packager.ConventionalFileName(info), nil
}

// stage writes the files to a directory, since packages are made of files.
func stage(dir, format string, p Package) (files.Contents, error) {
	places := places(format)
	info := func(mode fs.FileMode) *files.ContentFileInfo {
		return &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: p.Released}
	}
	contents := files.Contents{{
		Source:      "nhctl",
		Destination: "/usr/bin/kubectl-nhctl",
		Type:        files.TypeSymlink,
		FileInfo:    info(fs.ModeSymlink | 0o777),
	}}
	for _, f := range p.Files {
		place, known := places[f.Name]
		if folder := path.Dir(f.Name) + "/"; !known && places[folder] != "" {
			place, known = places[folder]+path.Base(f.Name)+".gz", true
			f.Data = compressed(f.Data)
		}
		if !known {
			return nil, fmt.Errorf("no one has said where %s is to be installed", f.Name)
		}
		if place == "" {
			continue
		}
		source := filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(f.Name, "/", "-")))
		if err := os.WriteFile(source, f.Data, 0o600); err != nil {
			return nil, err
		}
		contents = append(contents, &files.Content{Source: source, Destination: place, FileInfo: info(f.Mode.Perm())})
	}
	return contents, nil
}

// compressed is a man page as distributions have it.
func compressed(page []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // that level exists
	_, _ = w.Write(page)                                  // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
