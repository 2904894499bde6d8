package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestDockerfile(t *testing.T) {
	t.Parallel()
	b := Builder{Repository: "../../.."}
	d := Definition{
		Name:    "dev-x",
		About:   "For x.",
		Ref:     "example.com/dev-x:1",
		User:    "1000",
		WorkDir: "/home/dev",
		Env:     map[string]string{"B": "2", "A": "a b"},
		Layers: []Layer{{Debian: []string{"gcc", "lldb"}, Suite: "trixie", Exclude: []string{"/usr/lib/*.a"}},
			{Copy: &Copy{From: "devimages/files/java", To: "/home/dev/.m2"}}},
	}
	want := `# For x.
# Written by ` + "`go generate ./devimages`" +
		` of devimages/definitions/dev-x.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-x.Dockerfile -t example.com/dev-x:1 .
FROM debian:trixie-slim
RUN printf 'path-exclude=/usr/lib/*.a\n' > /etc/dpkg/dpkg.cfg.d/exclude
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends gcc lldb \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
COPY --chmod=0777 devimages/files/java /home/dev/.m2
ENV A="a b"
ENV B="2"
USER 1000
WORKDIR /home/dev
`
	got, err := b.Dockerfile(t.Context(), d)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	d.Layers = []Layer{{Sidecar: "/sidecar"}}
	if _, err := b.Dockerfile(t.Context(), d); err == nil ||
		!strings.Contains(err.Error(), "no Dockerfile can have the layer: sidecar") {
		t.Errorf("a layer that only the builder has: %v", err)
	}
}

func TestReadStatus(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	text := "Package: git\nStatus: install ok installed\nVersion: 1:2.39.5-0+deb12u2\n\nPackage: bash\n" +
		"Version: 5.2.15-2+b8\nDescription: Version: 9\n\nPackage: native\nVersion: 7\n"
	if err := readStatus(strings.NewReader(text), got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"git": "2.39.5", "bash": "5.2.15", "native": "7"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"b.yaml": {Data: []byte("ref: x\nlayers: [{debian: [a]}]")},
		"a.yaml":    {Data: []byte("ref: y\nlayers: [{sidecar: /s}]")},
		"test.yaml": {Data: []byte("ref: z\nscenarios: true\nlayers: [{debian: [a]}]")}}
	all, err := Definitions(files)
	if err != nil || len(all) != 3 || all[0].Name != "a" {
		t.Fatalf("%+v, %v", all, err)
	}
	if chosen, err := Select(all, []string{"b"}); err != nil || len(chosen) != 1 || chosen[0].Ref != "x" {
		t.Errorf("%+v, %v", chosen, err)
	}
	for names, want := range map[string][]string{"": {"a", "b"}, "all": {"a", "b", "test"}, "test a": {"test", "a"}} {
		chosen, err := Select(all, strings.Fields(names))
		var got []string
		for _, d := range chosen {
			got = append(got, d.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", names, err, diff)
		}
	}
	if _, err := Select(all, []string{"c"}); err == nil || !strings.Contains(err.Error(), "the images are a, b, test") {
		t.Error(err)
	}
	for _, broken := range []string{"ref: x", "layers: [{debian: [a]}]", "ref: x\nlayers: [{nonsense: 1}]"} {
		if _, err := Definitions(fstest.MapFS{"a.yaml": {Data: []byte(broken)}}); err == nil {
			t.Errorf("%q is taken", broken)
		}
	}
}

// Another checkout may be reading what it made first, and a layer made twice is not the same to the byte.
func TestSettleKeepsTheFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	place := filepath.Join(dir, "layer.tar.gz")
	for _, content := range []string{"the first", "made at the same time"} {
		complete := filepath.Join(dir, content)
		if err := os.WriteFile(complete, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := publish(complete, place); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(place); err != nil || string(got) != "the first" {
		t.Errorf("%q, %v", got, err)
	}
}
