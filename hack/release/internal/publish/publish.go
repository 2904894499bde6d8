// Package publish writes all files of a release: what it gets is compiled, generated and licensed already.
package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/hack/release/internal/archive"
	"github.com/nhctl/nhctl/hack/release/internal/license"
	"github.com/nhctl/nhctl/hack/release/internal/linked"
	"github.com/nhctl/nhctl/hack/release/internal/manifest"
	"github.com/nhctl/nhctl/hack/release/internal/packages"
	"github.com/nhctl/nhctl/hack/release/internal/sbom"
)

// downloads is where the files of a release are published.
const downloads = "https://github.com/nhctl/nhctl/releases/download/"

// Names of files of a release.
const (
	checksums = "checksums.txt"
	notices   = "THIRD_PARTY_NOTICES"
	installer = "install.sh"
)

// Release is what a release is made of.
type Release struct {
	// Tag is its version, such as v0.1.0.
	Tag string
	// Time is the time of all its files.
	Time      time.Time
	Platforms []linked.Platform
	// Binaries has nhctl-OS-ARCH for each platform, with .exe for Windows.
	Binaries string
	// Installed has what is installed next to nhctl, below completions and man.
	Installed string
	// License and Installer are nhctl's license and the script that installs it.
	License, Installer string
	// Modules are those of nhctl on each platform.
	Modules map[linked.Platform][]license.Licensed
	// All are the modules of all platforms.
	All []license.Licensed
}

// Binary is the file of a platform's program.
func (r Release) Binary(p linked.Platform) string {
	return filepath.Join(r.Binaries, "nhctl-"+p.OS+"-"+p.Arch+extension(p))
}

func extension(p linked.Platform) string {
	if p.OS == "windows" {
		return ".exe"
	}
	return ""
}

// version is the tag without the letter that tags begin with.
func (r Release) version() string { return strings.TrimPrefix(r.Tag, "v") }

// Write writes the release's files into a directory, which must not exist yet: whatever is in it gets published.
func Write(out string, r Release) error {
	if err := os.Mkdir(out, 0o755); err != nil {
		return fmt.Errorf("make the release's directory: %w", err)
	}
	shared, err := r.shared()
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	manifests := manifest.Release{Tag: r.Tag}
	for _, p := range r.Platforms {
		name, err := r.platform(p, shared, files)
		if err != nil {
			return err
		}
		manifests.Archives = append(manifests.Archives, manifest.Archive{
			Platform: p,
			URL:      downloads + r.Tag + "/" + name,
			SHA256:   hash(files[name]),
		})
	}
	more, err := manifest.Write(manifests)
	if err != nil {
		return err
	}
	maps.Copy(files, more)
	if files[installer], err = os.ReadFile(r.Installer); err != nil {
		return err
	}
	files[notices] = []byte(r.notices())
	files[checksums] = sums(files)
	for name, data := range files {
		mode := fs.FileMode(0o644)
		if name == installer {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(out, name), data, mode); err != nil {
			return err
		}
	}
	return nil
}

func (r Release) notices() string { return license.Notices("nhctl "+r.Tag, r.All) }

// shared are the files that the archives of all platforms have.
func (r Release) shared() ([]archive.File, error) {
	text, err := os.ReadFile(r.License)
	if err != nil {
		return nil, err
	}
	shared := []archive.File{
		{Name: "LICENSE", Mode: 0o644, Data: text},
		{Name: notices, Mode: 0o644, Data: []byte(r.notices())},
	}
	for _, folder := range []string{"completions", "man"} {
		entries, err := os.ReadDir(filepath.Join(r.Installed, folder))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(r.Installed, folder, e.Name()))
			if err != nil {
				return nil, err
			}
			shared = append(shared, archive.File{Name: folder + "/" + e.Name(), Mode: 0o644, Data: data})
		}
	}
	return shared, nil
}

// platform adds a platform's archive, packages and bill of materials to the files, and returns the archive's name.
func (r Release) platform(p linked.Platform, shared []archive.File, files map[string][]byte) (string, error) {
	binary, err := os.ReadFile(r.Binary(p))
	if err != nil {
		return "", err
	}
	content := append([]archive.File{{Name: "nhctl" + extension(p), Mode: 0o755, Data: binary}}, shared...)
	base := "nhctl_" + r.version() + "_" + p.OS + "_" + p.Arch
	name, write := base+".tar.gz", archive.TarGz
	if p.OS == "windows" {
		name, write = base+".zip", archive.Zip
	}
	var b bytes.Buffer
	if err := write(&b, content, r.Time); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	files[name] = b.Bytes()

	var bill bytes.Buffer
	program := sbom.Program{Version: r.Tag, Platform: p, Binary: binary, Released: r.Time}
	if err := sbom.Write(&bill, program, r.Modules[p]); err != nil {
		return "", err
	}
	files[base+".cdx.json"] = bill.Bytes()

	if p.OS != "linux" {
		return name, nil
	}
	for _, format := range packages.Formats() {
		var b bytes.Buffer
		made := packages.Package{Version: r.Tag, Arch: p.Arch, Released: r.Time, Files: content}
		file, err := packages.Write(&b, format, made)
		if err != nil {
			return "", err
		}
		files[file] = b.Bytes()
	}
	return name, nil
}

// sums has a line for each file, as sha256sum writes and checks it.
func sums(files map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%s  %s\n", hash(files[name]), name)
	}
	return b.Bytes()
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
