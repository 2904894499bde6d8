package factory

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Of the environment, a call brings what its kubeconfig may need, and what the folder's config names.
func TestCaller(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "name: web\ncontainers:\n- dev: {image: dev, env: [{name: A, value: \"${FEATURE:-none} $OTHER\"}]}\n"
	if err := os.WriteFile(filepath.Join(dir, ".dev", "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &Factory{Dir: dir, Namespace: "shop",
		Environ: []string{"HOME=/home/ada", "AWS_PROFILE=dev", "FEATURE=on", "GITHUB_TOKEN=secret"}}
	want := rpc.Caller{Dir: dir, Namespace: "shop",
		Env: map[string]string{"HOME": "/home/ada", "AWS_PROFILE": "dev", "FEATURE": "on"}}
	if diff := cmp.Diff(want, f.Caller()); diff != "" {
		t.Error(diff)
	}
	f.Dir = t.TempDir()
	if _, there := f.Caller().Env["FEATURE"]; there {
		t.Error("a folder without a config gets the variables of another's")
	}
	if _, there := f.CallerAt(filepath.Join(dir, "below")).Env["FEATURE"]; !there {
		t.Error("the config of the folder that is meant does not count")
	}
}
