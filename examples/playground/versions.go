package main

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// moduleFiles name the versions of Kubernetes that build.sh can build.
//
//go:embed go.mod kubernetes/*.mod
var moduleFiles embed.FS

// versions are those of Kubernetes that a playground can run, such as v1.34.4: one for each minor version.
type versions struct {
	standard string // the one of go.mod
	all      []string
}

var (
	required      = regexp.MustCompile(`(?m)^\tk8s\.io/kubernetes (v1\.\d+\.\d+)$`)
	versionSyntax = regexp.MustCompile(`^v1\.(\d+)\.\d+$`)
)

// readVersions reads module files: go.mod, and one of each further version in the folder kubernetes.
func readVersions(files fs.FS) (versions, error) {
	further, err := fs.Glob(files, "kubernetes/*.mod")
	if err != nil {
		return versions{}, err
	}
	v := versions{}
	for _, file := range append([]string{"go.mod"}, further...) {
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return versions{}, err
		}
		m := required.FindSubmatch(text)
		if m == nil {
			return versions{}, fmt.Errorf("%s requires no version of k8s.io/kubernetes", file)
		}
		version := string(m[1])
		if file == "go.mod" {
			v.standard = version
		} else if name := minor(version) + ".mod"; name != path.Base(file) {
			return versions{}, fmt.Errorf("%s requires k8s.io/kubernetes %s: its name should be %s", file,
				version, name)
		}
		v.all = append(v.all, version)
	}
	slices.SortFunc(v.all, func(a, b string) int { return cmp.Compare(minorNumber(a), minorNumber(b)) })
	return v, nil
}

// minorNumber is 34 for v1.34.4.
func minorNumber(version string) int {
	m := versionSyntax.FindStringSubmatch(version)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// minor is 1.34 for v1.34.4.
func minor(version string) string { return fmt.Sprintf("1.%d", minorNumber(version)) }

// find returns the version that a playground gets: of the wanted minor version, or else of the one that it has (a
// version, empty for a playground that there is not yet), or else the default one.
func (v versions) find(wanted, has string) (string, error) {
	if wanted == "" {
		wanted = minor(cmp.Or(has, v.standard))
	}
	var choice []string
	for _, version := range v.all {
		if minor(version) == wanted {
			return version, nil
		}
		name := minor(version)
		if version == v.standard {
			name += " (the default)"
		}
		choice = append(choice, name)
	}
	return "", fmt.Errorf("a playground can't run Kubernetes %s; there are %s", wanted, strings.Join(choice, ", "))
}

// programs is the folder with the node's programs of a version, below that of this program.
func programs(bin, version string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(bin, "playground.d", version))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("the node's programs of Kubernetes %s are not built (%w); build them with: "+
			"make bin/playground KUBERNETES=%s", version, err, minor(version))
	}
	return dir, err
}
