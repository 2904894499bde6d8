package image

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Contents are what an image has, read from its finished layers.
type Contents struct {
	// Compressed and Unpacked are its sizes in bytes.
	Compressed, Unpacked int64
	// Tools are its programs with their versions, without those that every dev image has.
	Tools []string
}

// everywhere are the packages of every dev image.
var everywhere = [...]string{"bash", "bash-completion", "ca-certificates", "curl", "git", "less", "make", "procps",
	"vim-tiny"}

// Contents reads what an image has on this machine's architecture; missing layers are made.
func (b *Builder) Contents(ctx context.Context, d Definition) (Contents, error) {
	var c Contents
	for _, l := range d.Layers {
		file, err := b.layer(ctx, l, Host())
		if err != nil {
			return c, err
		}
		versions, err := c.add(file)
		if err != nil {
			return c, fmt.Errorf("read layer %s: %w", l.describe(), err)
		}
		for _, p := range l.Debian {
			if !slices.Contains(everywhere[:], p) {
				c.Tools = append(c.Tools, p+" "+versions[p])
			}
		}
		switch {
		case l.GoToolchain != "":
			c.Tools = append(c.Tools, "go "+strings.TrimPrefix(runtime.Version(), "go"))
		case l.Npm != nil:
			c.Tools = append(c.Tools, "npm "+l.Npm.Version)
		case l.GoBuild != nil && l.GoBuild.Dir == "":
			version, err := b.moduleVersion(ctx, l.GoBuild.Package)
			if err != nil {
				return c, err
			}
			c.Tools = append(c.Tools, path.Base(l.GoBuild.To)+" "+strings.TrimPrefix(version, "v"))
		}
	}
	return c, nil
}

// add counts a layer's bytes, and returns the versions of its Debian packages.
func (c *Contents) add(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	c.Compressed += info.Size()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return versions, nil
		}
		if err != nil {
			return nil, err
		}
		c.Unpacked += h.Size
		if path.Clean(h.Name) == "var/lib/dpkg/status" {
			if err := readStatus(t, versions); err != nil {
				return nil, err
			}
		}
	}
}

// readStatus reads dpkg's list of packages, with upstream's part of each version.
func readStatus(r io.Reader, versions map[string]string) error {
	name, lines := "", bufio.NewScanner(r)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "Package":
			name = value
		case "Version":
			if _, after, found := strings.Cut(value, ":"); found { // without Debian's epoch
				value = after
			}
			versions[name] = value[:strings.IndexAny(value+"-", "-+")]
		}
	}
	return lines.Err()
}
