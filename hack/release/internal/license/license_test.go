package license

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/licenseclassifier/v2/assets"

	"github.com/nhctl/nhctl/hack/release/internal/linked"
)

var finder = sync.OnceValues(NewFinder)

// text is a license by its SPDX name.
func text(t *testing.T, name string) string {
	t.Helper()
	file := "pristine"
	if name == "GPL-2.0" {
		file = "license"
	}
	data, err := assets.ReadLicenseFile("License/" + name + "/" + file + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// module writes files below a directory, and returns it as a module with the packages that are named.
func module(t *testing.T, path string, files map[string]string, packages ...string) linked.Module {
	t.Helper()
	m := linked.Module{Path: path, Version: "v1.2.3", Dir: t.TempDir()}
	for name, data := range files {
		name = filepath.Join(m.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range packages {
		m.Packages = append(m.Packages, filepath.Join(m.Dir, filepath.FromSlash(p)))
	}
	return m
}

// header names a license in place of its text.
const header = `Copyright 2026 Ada Lovelace

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
`

func TestFind(t *testing.T) {
	t.Parallel()
	f, err := finder()
	if err != nil {
		t.Fatal(err)
	}
	mit, apache, mpl := text(t, "MIT"), text(t, "Apache-2.0"), text(t, "MPL-2.0")
	tests := []struct {
		name  string
		files map[string]string
		pkgs  []string
		names []string
		texts []string
		fails string
	}{
		{name: "one license", files: map[string]string{"LICENSE": mit, "license.go": "package license"},
			names: []string{"MIT"}, texts: []string{"LICENSE"}},
		{name: "the header alone", files: map[string]string{"LICENSE": header}, names: []string{"Apache-2.0"},
			texts: []string{"LICENSE"}},
		{name: "a notice goes with it", files: map[string]string{"LICENSE.txt": apache, "NOTICE": "made by Ada"},
			names: []string{"Apache-2.0"}, texts: []string{"LICENSE.txt", "NOTICE"}},
		{name: "of a directory above a package", pkgs: []string{"third_party/a/b"},
			files: map[string]string{"COPYING": mpl, "third_party/a/LICENSE": mit, "third_party/a/b/b.go": "",
				"third_party/c/LICENSE": text(t, "GPL-2.0")},
			names: []string{"MIT", "MPL-2.0"}, texts: []string{"COPYING", "third_party/a/LICENSE"}},
		{name: "none", files: map[string]string{"README.md": mit}, fails: "none of its 0 files"},
		{name: "unknown", files: map[string]string{"LICENSE": "ask me first"}, fails: "none of its 1 files"},
		{name: "not allowed", files: map[string]string{"LICENSE": text(t, "GPL-2.0")}, fails: "its license GPL-2.0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found, err := f.Find([]linked.Module{module(t, "example.com/m", test.files, test.pkgs...)})
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), "example.com/m v1.2.3: "+test.fails) {
					t.Errorf("got %v, want %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, text := range found[0].Texts {
				texts = append(texts, text.Name)
			}
			if diff := cmp.Diff(test.names, found[0].Names); diff != "" {
				t.Errorf("licenses (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.texts, texts); diff != "" {
				t.Errorf("texts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	licensed := func(path, name, data string) Licensed {
		return Licensed{
			Module: linked.Module{Path: path, Version: "v1.0.0"},
			Names:  []string{name},
			Texts:  []Text{{Name: "LICENSE", Data: data}},
		}
	}
	got := Notices("nhctl v0.1.0", []Licensed{
		licensed("example.org/a", "MIT", "do what you want"),
		licensed("github.com/b/b/v2", "MIT", "do what you want"),
		licensed("github.com/c/c", "MPL-2.0", "share what you change"),
	})
	want := `nhctl v0.1.0 contains the following software of others, unmodified. Each entry names its version, its
licenses, and where its source code is; the texts follow below.

example.org/a v1.0.0 (MIT)
    https://example.org/a
github.com/b/b/v2 v1.0.0 (MIT)
    https://github.com/b/b
github.com/c/c v1.0.0 (MPL-2.0)
    https://github.com/c/c
    Under the Mozilla Public License 2.0 you can get its source code form, at that
    address and version, without charge.

================================================================================
example.org/a v1.0.0: LICENSE
github.com/b/b/v2 v1.0.0: LICENSE

do what you want

================================================================================
github.com/c/c v1.0.0: LICENSE

share what you change
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}
