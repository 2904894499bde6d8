package folderfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

func TestNothingIsPutOverAMount(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.InPod = true
	o.Mounts = contract.Mounts{{Path: "config/app.ini"}, {Path: "settings.ini"}, {Path: "var/cache", Folder: true}}
	for _, name := range []string{"config/app.ini", "settings.ini"} {
		foldertest.Put(t, o.Root, name, "")
	}
	if err := os.MkdirAll(filepath.Join(o.Root, "var/cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	foldertest.Put(t, o.Root, "from", "x")
	f, err := Open("nhctl-test-over-a-mount", o)
	if err != nil {
		t.Fatal(err)
	}
	f.index = known{}
	before := snapshot(t, o.Root)
	model := &modelFS{folder: f}
	for _, name := range []string{"config", "config/app.ini", "settings.ini", "var", "var/cache"} {
		if err := model.Rename("from", name); err == nil {
			t.Errorf("%s was put in place", name)
		}
	}
	if after := snapshot(t, o.Root); after != before {
		t.Errorf("there is\n%s, instead of\n%s", after, before)
	}
}
