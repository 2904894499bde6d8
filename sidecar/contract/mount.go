package contract

import (
	"path"
	"strings"
)

// Mount is something of the cluster's that a dev container has mounted below a synced folder. It is no part of sync.
type Mount struct {
	// Path is relative to the folder, with slashes.
	Path string `json:"path"`
	// Source says what is mounted, such as "ConfigMap web".
	Source string `json:"source"`
	// Folder says that it is known to be a folder.
	Folder bool `json:"folder,omitempty"`
}

// Name is the path, with a slash at the end of what is known to be a folder.
func (m Mount) Name() string {
	if m.Folder {
		return m.Path + "/"
	}
	return m.Path
}

// Within says whether a path of the container is a folder or is below it. Both are clean, with slashes.
func Within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// Mounts are all below one folder.
type Mounts []Mount

// Covering is the mount that a path is at or below, if there is one.
func (all Mounts) Covering(rel string) (Mount, bool) {
	for _, m := range all {
		if Within(rel, m.Path) {
			return m, true
		}
	}
	return Mount{}, false
}

// Above says whether there are mounts below a path.
func (all Mounts) Above(rel string) bool {
	for _, m := range all {
		if strings.HasPrefix(m.Path, rel+"/") {
			return true
		}
	}
	return false
}

// Parents are the folders that mounts need, each after those that it is in.
func (all Mounts) Parents() []string {
	var parents []string
	known := map[string]bool{".": true}
	var add func(dir string)
	add = func(dir string) {
		if _, covered := all.Covering(dir); known[dir] || covered {
			return
		}
		known[dir] = true
		add(path.Dir(dir))
		parents = append(parents, dir)
	}
	for _, m := range all {
		add(path.Dir(m.Path))
	}
	return parents
}
