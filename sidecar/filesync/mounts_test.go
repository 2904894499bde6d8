//go:build linux

package filesync

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

func testMounts() contract.Mounts {
	return contract.Mounts{
		{Path: "config", Source: "ConfigMap appcfg", Folder: true},
		{Path: "settings.ini", Source: "ConfigMap appcfg (extra.ini)"},
		{Path: "var/cache", Source: "emptyDir scratch", Folder: true},
	}
}

// mountPoints makes what a container runtime makes in the pod's folder.
func mountPoints(t *testing.T, root string) {
	t.Helper()
	for _, dir := range []string{"config", "var/cache"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	foldertest.Put(t, root, "settings.ini", "")
}

func mountPair(t *testing.T) (p *pair, local, remote string) {
	t.Helper()
	p, a, b := newPair(t, Settings{Type: SendReceive, GitIgnore: true, DeleteProtection: true, Mounts: testMounts()})
	mountPoints(t, b)
	return p, a, b
}

// tidy checks the folder's files on both sides, and that there is nothing to tell of.
func (p *pair) tidy(local, remote map[string]string) {
	p.t.Helper()
	p.wait()
	for _, side := range []struct {
		*end
		want map[string]string
	}{{p.local, local}, {p.remote, remote}} {
		if diff := cmp.Diff(side.want, list(p.t, side.config.Root)); diff != "" {
			p.t.Errorf("%s (-want +got)\n%s", side.config.Side, diff)
		}
		side.flawless()
	}
}

const file = "-rw-r--r-- "

// points are the mount points, as the pod's folder has them, and what else there is.
func points(more map[string]string) map[string]string {
	all := map[string]string{"config": "folder", "settings.ini": file, "var": "folder", "var/cache": "folder"}
	for name, text := range more {
		all[name] = text
	}
	return all
}

func TestMountPointsStayInThePod(t *testing.T) {
	t.Parallel()
	p, _, _ := mountPair(t)
	p.start()
	p.tidy(map[string]string{}, points(nil))
}

func TestTheComputersOwnFilesAtMountsStay(t *testing.T) {
	t.Parallel()
	p, a, _ := mountPair(t)
	home := map[string]string{"config": "folder", "config/app.ini": file + "mine", "settings.ini": file + "mine too",
		"var": "folder", "var/cache": "folder",
		"var/cache/c.txt": file + "c", "main.go": file + "package main"}
	foldertest.Put(t, a, "config/app.ini", "mine")
	foldertest.Put(t, a, "settings.ini", "mine too")
	foldertest.Put(t, a, "var/cache/c.txt", "c")
	foldertest.Put(t, a, "main.go", "package main")
	p.start()
	p.tidy(home, points(map[string]string{"main.go": file + "package main"}))

	foldertest.Put(t, a, "config/new.ini", "while it is on")
	foldertest.Put(t, a, "main.go", "package main // edited")
	arrives(t, p.remote.config.Root, "main.go", "package main // edited")
	home["config/new.ini"], home["main.go"] = file+"while it is on", file+"package main // edited"
	p.tidy(home, points(map[string]string{"main.go": file + "package main // edited"}))

	for _, name := range []string{"config", "settings.ini", "var"} {
		if err := os.RemoveAll(filepath.Join(a, name)); err != nil {
			t.Fatal(err)
		}
	}
	edited := map[string]string{"main.go": file + "package main // edited"}
	p.tidy(edited, points(edited))
}

func TestAFolderAroundAMount(t *testing.T) {
	t.Parallel()
	p, a, b := mountPair(t)
	p.start()
	p.tidy(map[string]string{}, points(nil))

	foldertest.Put(t, a, "var/x.txt", "from home")
	arrives(t, b, "var/x.txt", "from home")
	p.tidy(map[string]string{"var": "folder", "var/x.txt": file + "from home"},
		points(map[string]string{"var/x.txt": file + "from home"}))

	if err := os.RemoveAll(filepath.Join(a, "var")); err != nil {
		t.Fatal(err)
	}
	p.tidy(map[string]string{}, points(nil))

	foldertest.Put(t, b, "var/y.txt", "from the pod")
	arrives(t, a, "var/y.txt", "from the pod")
	p.tidy(map[string]string{"var": "folder", "var/y.txt": file + "from the pod"},
		points(map[string]string{"var/y.txt": file + "from the pod"}))

	if err := os.Mkdir(filepath.Join(a, "var/cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(b, "var/y.txt")); err != nil {
		t.Fatal(err)
	}
	p.tidy(map[string]string{"var": "folder", "var/cache": "folder"}, points(nil))
}

func TestAnEmptyFolderAroundAMount(t *testing.T) {
	t.Parallel()
	p, a, b := mountPair(t)
	p.start()
	p.wait()
	if err := os.Mkdir(filepath.Join(a, "var"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.tidy(map[string]string{"var": "folder"}, points(nil))
	foldertest.Put(t, b, "var/z.txt", "z")
	p.tidy(map[string]string{"var": "folder", "var/z.txt": file + "z"},
		points(map[string]string{"var/z.txt": file + "z"}))
}

func TestAFileInThePlaceOfAFolderAroundAMount(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(path string) error{
		"file": func(path string) error { return os.WriteFile(path, []byte("a file"), 0o644) },
		"link": func(path string) error { return os.Symlink("elsewhere", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, _ := mountPair(t)
			if err := make(filepath.Join(a, "var")); err != nil {
				t.Fatal(err)
			}
			home := list(t, a)
			p.start()
			p.tidy(home, points(nil))
		})
	}
}

func TestFillAroundMounts(t *testing.T) {
	t.Parallel()
	p, a, b := mountPair(t)
	foldertest.Put(t, a, "config/app.ini", "mine")
	foldertest.Put(t, a, "var/x.txt", "x")
	foldertest.Put(t, a, "var/cache/c.txt", "c")
	foldertest.Put(t, a, "main.go", "package main")
	home := list(t, a)
	p.local.start()
	t.Cleanup(func() { p.cut(); p.local.kill(); p.remote.kill() })
	if pour, fill := p.fill(0); pour != nil || fill != nil {
		t.Fatalf("pour %v, fill %v", pour, fill)
	}
	there := points(map[string]string{"main.go": file + "package main", "var/x.txt": file + "x"})
	if diff := cmp.Diff(there, list(t, b)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	p.remote.start()
	p.connect()
	p.tidy(home, there)
}

func TestUnusedNextToMounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		add  string
		want bool
	}{
		"mount points alone":              {"", true},
		"below a mount":                   {"config/x", true},
		"a file":                          {"main.go", false},
		"a file in a folder of a mount's": {"var/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, b := mountPair(t)
			if tt.add != "" {
				foldertest.Put(t, b, tt.add, "x")
			}
			if unused, err := Unused(p.remote.config); err != nil || unused != tt.want {
				t.Errorf("unused: %v, %v", unused, err)
			}
		})
	}
}

// Mounts that only the pod itself shows, as those that a webhook adds, are known once the engine runs.
func TestMountsThatAreFoundLater(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "config/app.ini", "mine")
	foldertest.Put(t, a, "main.go", "package main")
	p.start()
	p.same()
	s := Settings{Type: SendReceive, Mounts: testMounts()}
	for _, e := range []*Engine{p.local.engine, p.remote.engine} {
		if err := e.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	foldertest.Put(t, a, "config/app.ini", "edited at home")
	foldertest.Put(t, a, "settings.ini", "mine")
	foldertest.Put(t, b, "config/app.ini", "the cluster's")
	p.tidy(map[string]string{"config": "folder", "config/app.ini": file + "edited at home",
		"main.go": file + "package main", "settings.ini": file + "mine"},
		map[string]string{"config": "folder", "config/app.ini": file + "the cluster's",
			"main.go": file + "package main"})
}

func TestExplainMounts(t *testing.T) {
	t.Parallel()
	s := Settings{Type: SendReceive, Mounts: testMounts()}
	for rel, want := range map[string]string{
		"config":          "no part of sync: config/ is mounted in the container (ConfigMap appcfg)",
		"config/app.ini":  "no part of sync: config/ is mounted in the container (ConfigMap appcfg)",
		"settings.ini":    "no part of sync: settings.ini is mounted in the container (ConfigMap appcfg (extra.ini))",
		"var/cache/c.txt": "no part of sync: var/cache/ is mounted in the container (emptyDir scratch)",
		"var/x":           "synced: no rule is about it",
		"configs":         "synced: no rule is about it",
	} {
		if got := s.Explain(t.TempDir(), rel, ignore.Rules{}); got.Text != want || got.Synced != (got.Mount == "") {
			t.Errorf("%s: %+v", rel, got)
		}
	}
}
