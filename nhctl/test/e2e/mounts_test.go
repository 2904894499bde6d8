//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// nested is a Deployment that mounts a ConfigMap, one file of it and an emptyDir below its work directory.
func nested() string {
	return shape{
		before: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: appcfg}\n" +
			"data: {app.ini: \"mode=cluster\\n\", extra.ini: \"x=1\\n\"}\n---\n",
		spec: "      volumes:\n      - {name: cfg, configMap: {name: appcfg}}\n      - {name: scratch, emptyDir: {}}\n",
		container: "\n        volumeMounts:\n        - {name: cfg, mountPath: /app/config}\n" +
			"        - {name: cfg, mountPath: /app/settings.ini, subPath: extra.ini}\n" +
			"        - {name: scratch, mountPath: /app/var/cache}",
	}.manifest()
}

func nestedConfig(dev string) string {
	return "name: it\nserviceType: Deployment\ncontainers:\n- name: main\n  dev:\n" +
		"    image: ghcr.io/nhctl/dev-go:v0.1.0\n    workDir: /app\n" + dev
}

// here lists the files of a folder and their content; folders end with a slash.
func here(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		if rel == ".dev" {
			return fs.SkipDir
		}
		if d.IsDir() {
			all[rel+"/"] = ""
			return nil
		}
		all[rel] = read(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (d *developer) podHas(src, name, want string) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, name+" is in the pod", func(context.Context) error {
		out, err := d.inPod(src, "cat", name)
		if err == nil && out != want {
			err = fmt.Errorf("%s holds %q", name, out)
		}
		return err
	})
}

// What the container has mounted below its work directory is no part of sync: whatever the sources have of those names,
// dev mode starts and ends, the cluster's content stays, and nothing of it comes to the computer.
func TestMountsBelowWorkDir(t *testing.T) {
	t.Parallel()
	for name, sources := range map[string]map[string]string{
		"sources with the same names": {
			"main.txt": "one", "config/": "", "config/app.ini": "mode=mine\n", "settings.ini": "mine\n", "var/": "",
			"var/cache/": "", "var/cache/c.txt": "c",
		},
		"sources without them": {"main.txt": "one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			shared.create(t, ns, []byte(nested()))
			shared.deploymentReady(t, ns, "it")
			dev := shared.developer(t, ns)
			before := shared.mustSnapshot(t, ns)
			src := filepath.Join(dev.home, "src", "nested")
			write(t, filepath.Join(src, ".dev/config.yaml"), nestedConfig(""))
			for file, text := range sources {
				if !strings.HasSuffix(file, "/") {
					write(t, filepath.Join(src, file), text)
				}
			}
			dev.must(src, "dev", "start", "--no-terminal")
			dev.podHas(src, "main.txt", "one")
			same := func() {
				t.Helper()
				dev.must(src, "dev", "sync", "wait")
				if diff := cmp.Diff(sources, here(t, src)); diff != "" {
					t.Errorf("the sources (-want +got)\n%s", diff)
				}
				dev.podHas(src, "config/app.ini", "mode=cluster\n")
				dev.podHas(src, "settings.ini", "x=1\n")
			}
			same()

			write(t, filepath.Join(src, "config/new.ini"), "made while dev mode is on")
			write(t, filepath.Join(src, "main.txt"), "two")
			dev.podHas(src, "main.txt", "two")
			if _, err := dev.inPod(src, "sh", "-c",
				"echo cached > var/cache/x && echo three > main.txt && echo made > var/here.txt"); err != nil {
				t.Fatal(err)
			}
			maps.Copy(sources, map[string]string{
				"config/": "", "config/new.ini": "made while dev mode is on", "main.txt": "three\n", "var/": "",
				"var/here.txt": "made\n",
			})
			eventually(t, 30*time.Second, "the pod's edits are here", func(context.Context) error {
				if diff := cmp.Diff(sources, here(t, src)); diff != "" {
					return fmt.Errorf("%s", diff)
				}
				return nil
			})
			same()
			mounts := map[string]string{"config/": "ConfigMap appcfg", "settings.ini": "ConfigMap appcfg (extra.ini)",
				"var/cache/": "emptyDir scratch"}
			status := query[[]event.SyncData](dev, src, "dev", "sync", "status")
			if diff := cmp.Diff(mounts, status[0].Mounts); diff != "" || len(status[0].Errors) > 0 {
				t.Errorf("status (-want +got)\n%s%v", diff, status[0].Errors)
			}
			if out := dev.must(src, "dev", "status"); !strings.Contains(out, "config/: ConfigMap appcfg") {
				t.Errorf("dev status: %s", out)
			}
			if r := query[[]ignore.Reason](dev, src, "dev", "sync", "explain", "config/app.ini"); r[0].Synced ||
				r[0].Mount != "ConfigMap appcfg" {
				t.Errorf("explain: %+v", r)
			}
			dev.must(src, "dev", "end")
			if diff := cmp.Diff(sources, here(t, src)); diff != "" {
				t.Errorf("the sources after the end (-want +got)\n%s", diff)
			}
			shared.restored(t, ns, before)
		})
	}
}

// A start that fails leaves nothing of the pod's in the sources.
func TestAFailedStartLeavesNoMountPoints(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(nested()))
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "nested")
	write(t, filepath.Join(src, ".dev/config.yaml"), nestedConfig("    mounts: {drop: [/app/configs]}\n"))
	write(t, filepath.Join(src, "main.txt"), "one")
	r := dev.nhctl(src, "dev", "start", "--no-terminal")
	if r.code == 0 || !strings.Contains(r.stderr, "nothing is mounted at /app/configs") ||
		!strings.Contains(r.stderr, "/app/config, /app/settings.ini, /app/var/cache") {
		t.Errorf("a mount that is not there: %s", r)
	}
	write(t, filepath.Join(src, ".dev/config.yaml"), nestedConfig(""))
	if r := dev.interruptAt(src, "sync the sources", "dev", "start", "--no-terminal", "-o", "json"); r.code == 0 {
		t.Errorf("it was interrupted: %s", r)
	}
	if diff := cmp.Diff(map[string]string{"main.txt": "one"}, here(t, src)); diff != "" {
		t.Errorf("the sources (-want +got)\n%s", diff)
	}
}

// dev.mounts.drop lets the developer's own files take a mount's place.
func TestDroppedMounts(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(nested()))
	shared.deploymentReady(t, ns, "it")
	dev := shared.developer(t, ns)
	before := shared.mustSnapshot(t, ns)
	src := filepath.Join(dev.home, "src", "nested")
	write(t, filepath.Join(src, ".dev/config.yaml"), nestedConfig("    mounts: {drop: [/app/config]}\n"))
	write(t, filepath.Join(src, "config/app.ini"), "mode=mine\n")
	write(t, filepath.Join(src, "settings.ini"), "mine\n")
	dev.must(src, "dev", "start", "--no-terminal")
	t.Run("dev.mounts.drop", func(*testing.T) { dev.podHas(src, "config/app.ini", "mode=mine\n") })
	dev.podHas(src, "settings.ini", "x=1\n")
	if _, err := dev.inPod(src, "sh", "-c", "echo mode=pod > config/app.ini"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the pod's edit is here", func(context.Context) error {
		data, err := os.ReadFile(filepath.Join(src, "config/app.ini"))
		if err == nil && string(data) != "mode=pod\n" {
			err = fmt.Errorf("%q", data)
		}
		return err
	})
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
	if diff := cmp.Diff(map[string]string{"config/": "", "config/app.ini": "mode=pod\n", "settings.ini": "mine\n"},
		here(t, src)); diff != "" {
		t.Errorf("the sources (-want +got)\n%s", diff)
	}
}
