// Package image builds OCI images out of Debian packages, Go programs and folders, without Docker, and caches every
// layer by its content's inputs. It knows nothing of clusters.
package image

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

// Definition says what an image is made of.
type Definition struct {
	// Name is the definition's file name without its ending; it names the archive too.
	Name string `json:"-"`
	// About is a sentence for those who choose an image; dev images have one.
	About string `json:"about,omitempty"`
	// Ref is the image's reference, with its tag.
	Ref string `json:"ref"`
	// Scenarios says that only scenarios use the image: it is made where it is asked for by its name, or by All.
	Scenarios  bool              `json:"scenarios,omitempty"`
	Layers     []Layer           `json:"layers"`
	User       string            `json:"user"`
	WorkDir    string            `json:"workDir,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
	Entrypoint []string          `json:"entrypoint,omitempty"`
}

// Layer is one layer; exactly one field is set, besides those that say more of Debian's.
type Layer struct {
	// Debian is a root file system of these Debian packages and what they need.
	Debian []string `json:"debian,omitempty"`
	// Suite is the Debian release; empty means the one of all other images. Exclude are paths of packages to leave out,
	// with dpkg's patterns.
	Suite   string   `json:"suite,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Busybox is the folder for a shell and its tools in one static program, as in an image without Debian's.
	Busybox string `json:"busybox,omitempty"`
	// GoToolchain is the folder to put the Go toolchain in that builds the image.
	GoToolchain string `json:"goToolchain,omitempty"`
	// GoCache is the folder for a build cache of the standard library, plain and for debugging, writable by any user.
	GoCache string `json:"goCache,omitempty"`
	// GoBuild is a static Go program.
	GoBuild *GoBuild `json:"goBuild,omitempty"`
	// Npm is Node's package manager.
	Npm *Npm `json:"npm,omitempty"`
	// NpmPackages are packages of npm's registry.
	NpmPackages *Copy `json:"npmPackages,omitempty"`
	// Copy is a folder of the repository.
	Copy *Copy `json:"copy,omitempty"`
	// Sidecar is where to put the sidecar's binary, which the caller names.
	Sidecar string `json:"sidecar,omitempty"`
}

// GoBuild names a package, the folder of its module (relative to the repository) and the program's path in the image. A
// package that no module of the repository requires has a version.
type GoBuild struct {
	Dir     string `json:"dir,omitempty"`
	Package string `json:"package"`
	Version string `json:"version,omitempty"`
	To      string `json:"to"`
}

// Npm names a version of npm, its archive's integrity as the registry has it, and the folder that gets its bin and lib.
type Npm struct {
	Version   string `json:"version"`
	Integrity string `json:"integrity"`
	To        string `json:"to"`
}

// Copy names a folder of the repository and its path in the image. A folder of npmPackages has a package.json and its
// package-lock.json; the image gets the node_modules that follow from them.
type Copy struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Definitions reads every definition of a file system, sorted by name.
func Definitions(files fs.FS) ([]Definition, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	all := make([]Definition, 0, len(names))
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		d := Definition{Name: strings.TrimSuffix(path.Base(name), ".yaml")}
		if err := yaml.UnmarshalStrict(data, &d); err != nil {
			return nil, fmt.Errorf("definition %s: %w", name, err)
		}
		if d.Ref == "" || len(d.Layers) == 0 {
			return nil, fmt.Errorf("definition %s: it needs a ref and layers", name)
		}
		all = append(all, d)
	}
	return all, nil
}

// All is the name that stands for every definition.
const All = "all"

// Select picks definitions by name; no names mean all but those for scenarios.
func Select(all []Definition, names []string) ([]Definition, error) {
	switch {
	case len(names) == 0:
		return slices.DeleteFunc(slices.Clone(all), func(d Definition) bool { return d.Scenarios }), nil
	case slices.Equal(names, []string{All}):
		return all, nil
	}
	var picked []Definition
next:
	for _, name := range names {
		for _, d := range all {
			if d.Name == name {
				picked = append(picked, d)
				continue next
			}
		}
		var known []string
		for _, d := range all {
			known = append(known, d.Name)
		}
		return nil, fmt.Errorf("no image is called %q; the images are %s", name, strings.Join(known, ", "))
	}
	return picked, nil
}
