package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/examples/playground/internal/node"
)

// module is a module file that requires a version of Kubernetes.
func module(version string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("module m\n\nrequire (\n\tk8s.io/kubectl v0.0.0\n\tk8s.io/kubernetes " +
		version + "\n)\n\nreplace (\n\tk8s.io/api => k8s.io/api v0.34.4\n)\n")}
}

func TestReadVersions(t *testing.T) {
	t.Parallel()
	got, err := readVersions(fstest.MapFS{"go.mod": module("v1.99.4"), "kubernetes/1.100.mod": module("v1.100.0"),
		"kubernetes/1.98.mod": module("v1.98.12")})
	want := versions{standard: "v1.99.4", all: []string{"v1.98.12", "v1.99.4", "v1.100.0"}}
	if err != nil || !cmp.Equal(want, got, cmp.AllowUnexported(versions{})) {
		t.Errorf("%+v, %v", got, err)
	}
	for says, files := range map[string]fstest.MapFS{
		"its name should be 1.36.mod": {"go.mod": module("v1.34.4"), "kubernetes/1.35.mod": module("v1.36.1")},
		"go.mod requires no version":  {"go.mod": {Data: []byte("module m\n")}},
		"kubernetes/1.35.mod requires no version": {"go.mod": module("v1.34.4"),
			"kubernetes/1.35.mod": module("v1.35.0-rc.0")},
		"go.mod: " + os.ErrNotExist.Error(): {"kubernetes/1.35.mod": module("v1.35.4")},
	} {
		if _, err := readVersions(files); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error that says %q, got %v", says, err)
		}
	}
}

func TestFindVersion(t *testing.T) {
	t.Parallel()
	v := versions{standard: "v1.34.4", all: []string{"v1.34.4", "v1.35.4", "v1.36.3"}}
	for _, tt := range []struct{ wanted, has, want, says string }{
		{want: "v1.34.4"},
		{wanted: "1.36", want: "v1.36.3"},
		{wanted: "1.34", want: "v1.34.4"},
		{has: "v1.35.2", want: "v1.35.4"}, // another patch release of it is known now
		{wanted: "1.36", has: "v1.35.4", want: "v1.36.3"},
		{wanted: "1.33", says: "a playground can't run Kubernetes 1.33; there are 1.34 (the default), 1.35, 1.36"},
		{wanted: "1.3", says: "can't run Kubernetes 1.3;"},
		{wanted: "1.36.3", says: "can't run Kubernetes 1.36.3;"},
		{has: "v1.33.1", says: "can't run Kubernetes 1.33;"},
	} {
		got, err := v.find(tt.wanted, tt.has)
		if got != tt.want || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %s, %v", tt, got, err)
		}
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	bin, cache := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(bin, "playground.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(cache, filepath.Join(bin, "playground.d", "v1.36.3")); err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(cache)
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := programs(bin, "v1.36.3"); dir != want || err != nil {
		t.Errorf("%s, %v", dir, err)
	}
	if dir, err := programs(bin, "v1.37.2"); err == nil ||
		!strings.Contains(err.Error(), "make bin/playground KUBERNETES=1.37") {
		t.Errorf("%s, %v", dir, err)
	}
}

// A playground that is up keeps its range, and its minor version.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	at := netip.MustParsePrefix("198.18.16.0/20")
	for name, tt := range map[string]struct {
		old, wanted node.Plan
		want        netip.Prefix
		says        string
	}{
		"a new one": {wanted: node.Plan{Range: at, Kubernetes: "v1.34.4"}, want: at},
		"nothing else wanted": {old: node.Plan{Range: at, Kubernetes: "v1.34.3"},
			wanted: node.Plan{Kubernetes: "v1.34.4"}, want: at},
		"the same range": {old: node.Plan{Range: at}, wanted: node.Plan{Range: netip.MustParsePrefix("198.18.16.1/20"),
			Kubernetes: "v1.34.4"}, want: at},
		"another range": {old: node.Plan{Name: "a", Range: at, Kubernetes: "v1.34.4"},
			wanted: node.Plan{Range: netip.MustParsePrefix("198.18.32.0/20"), Kubernetes: "v1.34.4"},
			says:   "playground a has the range 198.18.16.0/20; take it down first"},
		"another version": {old: node.Plan{Name: "a", Range: at, Kubernetes: "v1.34.4"},
			wanted: node.Plan{Kubernetes: "v1.36.3"},
			says:   "playground a has Kubernetes v1.34.4; take it down first"},
	} {
		got, err := unchanged(&tt.old, tt.wanted)
		if got != tt.want || (err == nil) != (tt.says == "") || err != nil && err.Error() != tt.says {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// Further versions differ from go.mod in what Kubernetes is and needs, and in nothing else that this module requires.
func TestModuleFiles(t *testing.T) {
	t.Parallel()
	known, err := readVersions(moduleFiles)
	if err != nil {
		t.Fatal(err)
	}
	if len(known.all) < 4 {
		t.Errorf("only %v", known.all)
	}
	want := names(t, "go.mod")
	for _, version := range known.all {
		if version == known.standard {
			continue
		}
		file := "kubernetes/" + minor(version) + ".mod"
		if diff := cmp.Diff(want, names(t, file)); diff != "" {
			t.Errorf("%s requires other modules than go.mod: write it again with kubernetes/add.sh %s\n%s", file,
				version, diff)
		}
		text, err := moduleFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		staging := "v0." + strings.TrimPrefix(version, "v1.")
		for line := range strings.Lines(string(text)) {
			if _, with, ok := strings.Cut(line, " => "); ok && !strings.HasSuffix(with, " "+staging+"\n") {
				t.Errorf("%s: %s is not %s", file, line, staging)
			}
		}
	}
}

// names are the modules that a module file requires for this module's own sources.
func names(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := moduleFiles.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require ")) // one by one, and in blocks
		if len(fields) == 2 && strings.HasPrefix(fields[1], "v") {
			all[fields[0]] = true
		}
	}
	return all
}
