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
	writeConfig(t, dir)
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

// A call from elsewhere, such as an editor's, brings the variables that the config there names; what it leaves out is
// the invocation's.
func TestCallerFrom(t *testing.T) {
	t.Parallel()
	f := &Factory{
		Dir:        t.TempDir(),
		Kubeconfig: "kubeconfig",
		Context:    "dev",
		Namespace:  "shop",
		Environ:    []string{"HOME=/home/ada", "FEATURE=on", "GITHUB_TOKEN=secret"},
	}
	dir := filepath.Join(f.Dir, "web")
	writeConfig(t, dir)
	given := map[string]string{"HOME": "/h", "FEATURE": "off", "GITHUB_TOKEN": "secret"}
	kubeconfig := filepath.Join(f.Dir, "kubeconfig")
	for name, tt := range map[string]struct{ given, want rpc.Caller }{
		"a folder": {rpc.Caller{Dir: "web"}, rpc.Caller{
			Env:        map[string]string{"HOME": "/home/ada", "FEATURE": "on"},
			Dir:        dir,
			Kubeconfig: kubeconfig,
			Context:    "dev",
			Namespace:  "shop",
		}},
		"a context and an environment": {rpc.Caller{Dir: "web", Context: "prod", Env: given}, rpc.Caller{
			Env:        map[string]string{"HOME": "/h", "FEATURE": "off"},
			Dir:        dir,
			Kubeconfig: kubeconfig,
			Context:    "prod",
		}},
		"an empty environment": {rpc.Caller{Env: map[string]string{}}, rpc.Caller{
			Env:        map[string]string{},
			Dir:        f.Dir,
			Kubeconfig: kubeconfig,
			Context:    "dev",
			Namespace:  "shop",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, f.CallerFrom(tt.given)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// writeConfig gives a folder a config that names the variables FEATURE and OTHER.
func writeConfig(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, ".dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "name: web\ncontainers:\n- dev: {image: dev, env: [{name: A, value: \"${FEATURE:-none} $OTHER\"}]}\n"
	if err := os.WriteFile(filepath.Join(dir, ".dev", "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
