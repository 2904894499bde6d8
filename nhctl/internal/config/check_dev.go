package config

import (
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// made leaves out the items of a list that lack the field that makes them, which Nocalhost's editor writes, and tells
// of those that have other fields. It returns the others with their nodes.
func made[T any](d *decoder, n *yaml.Node, field string, list []T, of func(T) string) (kept []T, nodes []*yaml.Node) {
	item := node.Indexed(n)
	for i, x := range list {
		written := item(i)
		switch {
		case of(x) != "":
			kept, nodes = append(kept, x), append(nodes, written)
		case !reflect.DeepEqual(x, d.empty(reflect.TypeFor[T]()).Interface()):
			d.missing(source.Warning, written, field, "an item without %s is left out", field)
		}
	}
	return kept, nodes
}

// missing tells of a field that a mapping lacks.
func (d *decoder) missing(severity string, n *yaml.Node, field, format string, args ...any) {
	d.tell(source.Finding{Severity: severity, Code: source.MissingField, Suggestion: field}, n, format, args...)
}

func nameOf(e EnvVar) string { return e.Name }

// variablesOf checks variables, and returns those that have a name.
func (d *decoder) variablesOf(n *yaml.Node, list []EnvVar) []EnvVar {
	own, nodes := made(d, n, "name", list, nameOf)
	for i, e := range own {
		if msgs := validation.IsEnvVarName(e.Name); len(msgs) > 0 {
			d.fail(nodes[i], "env: %q is no name of a variable: %s", e.Name, msgs[0])
		}
	}
	return own
}

// environment checks the variables, and puts those of env files below the others.
func (d *decoder) environment(n *yaml.Node, dev *Dev) {
	own := d.variablesOf(node.At(n, "env"), dev.Env)
	var vars []EnvVar
	places := map[string]int{}
	set := func(v EnvVar) {
		if i, there := places[v.Name]; there {
			vars[i] = v
			return
		}
		places[v.Name] = len(vars)
		vars = append(vars, v)
	}
	files, nodes := made(d, node.At(n, "envFrom", "envFile"), "path", dev.EnvFrom.EnvFile,
		func(f EnvFile) string { return f.Path })
	for i, file := range files {
		read, err := d.envFile(file.Path)
		if err != nil {
			d.tell(source.UnreadableFile(err), nodes[i], "envFrom: %s", err)
			continue
		}
		for _, name := range sortedKeys(read) {
			set(EnvVar{name, read[name]})
		}
	}
	for _, v := range own {
		set(v)
	}
	dev.Env, dev.EnvFrom.EnvFile = vars, files
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// complete fills in what depends on other fields.
func complete(dev *Dev) {
	dev.WorkDir = path.Clean(dev.WorkDir)
	dev.Sync = slices.Clone(dev.Sync) // the defaults are shared
	for i := range dev.Sync {
		s := &dev.Sync[i]
		if s.Mode == "" {
			s.Mode = ModeGitIgnore
			if len(s.FilePattern)+len(s.IgnoreFilePattern) > 0 {
				s.Mode = ModePattern
			}
		}
		if s.Local == "" {
			s.Local = "."
		}
		if s.Remote = path.Clean(s.Remote); !path.IsAbs(s.Remote) {
			s.Remote = path.Join(dev.WorkDir, s.Remote)
		}
	}
}

// mounts checks the paths of mounts that the dev container goes without.
func (d *decoder) mounts(n *yaml.Node, dev *Dev) {
	item := node.Indexed(node.At(n, "mounts", "drop"))
	for i, p := range dev.Mounts.Drop {
		if !path.IsAbs(p) {
			d.fail(item(i), "mounts.drop: want the absolute path of a mount, got %q", p)
		}
		dev.Mounts.Drop[i] = path.Clean(p)
	}
}

// volumes checks the folders that outlive dev mode. One that holds a synced folder is fine, since mounts lie inside
// each other; one that is a synced folder is left out, since its files come from this computer.
func (d *decoder) volumes(n *yaml.Node, dev *Dev) {
	list, nodes := made(d, node.At(n, "persistentVolumeDirs"), "path", dev.PersistentVolumeDirs,
		func(v PersistentVolumeDir) string { return v.Path })
	dev.PersistentVolumeDirs = nil
	seen := map[string]*yaml.Node{}
	for i, v := range list {
		written, clean := node.At(nodes[i], "path"), path.Clean(v.Path)
		d.quantity(node.At(nodes[i], "capacity"), "capacity", v.Capacity)
		switch synced := slices.ContainsFunc(dev.Sync, func(s Sync) bool { return s.Remote == clean }); {
		case !path.IsAbs(v.Path) || clean == "/":
			d.fail(written, "persistentVolumeDirs: want an absolute path below /, got %q", v.Path)
		case seen[clean] != nil:
			d.twiceAt(written, seen[clean], "persistentVolumeDirs: %s is there twice", clean)
		case ours(clean):
			d.fail(written, "persistentVolumeDirs: nhctl has files of its own in %s; name another folder", clean)
		case synced:
			d.warn(written, "persistentVolumeDirs: %s is synced, so its files are on this computer and it needs no "+
				"volume; name the folders below it that shall outlive dev mode", clean)
			continue
		}
		seen[clean] = written
		v.Path = clean
		dev.PersistentVolumeDirs = append(dev.PersistentVolumeDirs, v)
	}
}

// ours says whether a folder holds, or is below, one that nhctl mounts into the dev container.
func ours(folder string) bool {
	return slices.ContainsFunc([]string{contract.BinDir, contract.RunDir}, func(own string) bool {
		return contract.Within(own, folder) || contract.Within(folder, own)
	})
}

// maxSyncs limits the folders of one container: each has an engine of its own.
const maxSyncs = 50

func (d *decoder) syncs(n *yaml.Node, dev *Dev) {
	if len(dev.Sync) == 0 || len(dev.Sync) > maxSyncs {
		d.fail(node.At(n, "sync"), "sync: want from 1 to %d folders, got %d", maxSyncs, len(dev.Sync))
		return
	}
	for i, s := range dev.Sync {
		written := node.At(n, "sync")
		if node.Deref(written).Kind == yaml.SequenceNode {
			written = node.Item(written, i)
		}
		if filepath.IsAbs(s.Local) {
			d.warn(node.At(written, "local"),
				"sync.local: an absolute path is another one on a colleague's computer; keep it in .dev/%s", localFile)
		}
		for _, other := range dev.Sync[:i] {
			if contract.Within(s.Remote, other.Remote) || contract.Within(other.Remote, s.Remote) {
				d.fail(node.At(written, "remote"), "sync: %s and %s lie inside each other in the container",
					other.Remote, s.Remote)
			}
		}
	}
}

// foreign are the images of Nocalhost's own sidecar, in any registry and of any tag.
var foreign = regexp.MustCompile(`(^|/)[^/]*nocalhost-sidecar[^/]*$`)

// sidecar leaves out a sidecar image that is Nocalhost's: it has nothing of this sidecar in it.
func (d *decoder) sidecar(n *yaml.Node, dev *Dev) {
	if foreign.MatchString(dev.SidecarImage) {
		d.warn(n, "sidecarImage: %s is Nocalhost's own sidecar, which is not used here; nhctl takes its own",
			dev.SidecarImage)
		dev.SidecarImage = ""
	}
}
