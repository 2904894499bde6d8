package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

// variable is a variable of the Makefile.
func variable(t *testing.T, name string) string {
	t.Helper()
	makefile := read(t, "Makefile")
	m := regexp.MustCompile(`(?m)^` + name + ` \??:?= (\S+)$`).FindStringSubmatch(makefile)
	if m == nil {
		t.Fatalf("the Makefile has no %s", name)
	}
	return m[1]
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// definitions are the references of the images that a release pushes, by their names; those for scenarios are not.
func definitions(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "devimages/definitions/*.yaml"))
	if err != nil || len(files) < 10 {
		t.Fatalf("definitions: %q, %v", files, err)
	}
	refs := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Ref string `yaml:"ref"`
		}
		if err := yaml.Unmarshal(data, &d); err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); !strings.HasPrefix(name, "test-") {
			refs[name] = d.Ref
		}
	}
	return refs
}

// Images are pushed to REGISTRY under the name and tag of their definitions: a release's images have its version.
func TestDefinitionsNameTheRelease(t *testing.T) {
	t.Parallel()
	registry, release := variable(t, "REGISTRY"), variable(t, "RELEASE")
	want := map[string]string{}
	got := definitions(t)
	for name := range got {
		want[name] = registry + "/" + name + ":" + release
	}
	want["sidecar"] = registry + "/sidecar:devel" // the build gives it the hash of its programs as a tag
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What nhctl, its documents and its examples name is what a release pushes.
func TestNamedImagesArePushed(t *testing.T) {
	t.Parallel()
	registry, release := variable(t, "REGISTRY"), variable(t, "RELEASE")
	list := exec.Command("git", "ls-files", "*.go", "*.md", "*.yaml", "*.json", "*.txtar", "*.Dockerfile")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(regexp.QuoteMeta(registry) + `/([a-z-]*[a-z])(?::([\w.-]*\w))?`)
	ending := regexp.MustCompile(`":(v\d+\.\d+\.\d+)"`) // where nhctl puts a name together
	images, seen := definitions(t), 0
	for _, file := range strings.Fields(string(out)) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "devimages/definitions/") {
			continue
		}
		text := read(t, file)
		for _, m := range ending.FindAllStringSubmatch(text, -1) {
			if strings.Contains(text, registry) && m[1] != release {
				t.Errorf("%s names images of %s, and the release is %s", file, m[1], release)
			}
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			seen++
			if _, known := images[m[1]]; !known && m[1] != "dev" { // nhctl completes "dev-" by the language
				t.Errorf("%s names %s, which has no definition", file, m[0])
			}
			if m[2] != "" && m[2] != release {
				t.Errorf("%s names %s, and the release is %s", file, m[0], release)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d images are named: the test looks in the wrong place", seen)
	}
}

// commands are what make would run for some arguments.
func commands(t *testing.T, args ...string) string {
	t.Helper()
	dry := exec.Command("make", append([]string{"-n", "--no-print-directory"}, args...)...)
	dry.Dir = root
	for _, variable := range os.Environ() {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "REGISTRY", "VERSION", "IMAGES", "IMAGE_PLATFORMS":
		default:
			dry.Env = append(dry.Env, variable)
		}
	}
	out, err := dry.CombinedOutput()
	if err != nil {
		t.Fatalf("make -n %q: %v: %s", args, err, out)
	}
	return string(out)
}

// A release's programs and its images are made apart, on several machines: the sidecar's image has the name that nhctl
// looks for because both come from the same sidecars.
func TestReleaseAndImagesHaveTheSameSidecar(t *testing.T) {
	t.Parallel()
	registry, release := variable(t, "REGISTRY"), variable(t, "RELEASE")
	made, pushed := commands(t, "release"), commands(t, pushCommand(t)...)
	sidecars := regexp.MustCompile(`hack/sidecars\.sh \S+ (\S+) \S+ (\S+)`)
	programs, images := sidecars.FindStringSubmatch(made), sidecars.FindStringSubmatch(pushed)
	if diff := cmp.Diff(programs, images); diff != "" || programs == nil {
		t.Fatalf("the sidecars of programs and images differ: %s", diff)
	}
	if diff := cmp.Diff([]string{release, registry + "/sidecar:" + release}, programs[1:]); diff != "" {
		t.Error(diff)
	}
	if want := `buildinfo.SidecarImage=$(cat bin/sidecar.ref)`; !strings.Contains(made, want) {
		t.Errorf("nhctl is not stamped with %s:\n%s", want, made)
	}
	push := regexp.MustCompile(`(?m)^bin/devimages push .*$`).FindString(pushed)
	for _, want := range []string{`--sidecar-ref "$(cat bin/sidecar.ref)"`, "--registry " + registry + " "} {
		if !strings.Contains(push, want) {
			t.Errorf("the push has no %s: %q", want, push)
		}
	}
	if strings.Contains(push, "--platform") {
		t.Errorf("the push is not for all platforms: %q", push)
	}
	for name := range definitions(t) {
		if scenarios := strings.HasPrefix(name, "test-"); strings.Contains(push+" ", " "+name+" ") == scenarios {
			t.Errorf("%s: pushed: %v, for scenarios: %v: %q", name, !scenarios, scenarios, push)
		}
	}
}

// Only what an image is made of is installed: nothing for the sidecar's, and QEMU only for another architecture.
func TestPushInstallsWhatItNeeds(t *testing.T) {
	t.Parallel()
	host := "IMAGE_PLATFORMS=linux/" + runtime.GOARCH
	packages := regexp.MustCompile(`hack/packages\.sh(.*)`)
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"IMAGES=sidecar bookshop-catalog"}, nil},
		{[]string{"IMAGES=sidecar dev-base"}, []string{"images", "foreign"}},
		{[]string{"IMAGES=sidecar dev-base", host}, []string{"images"}},
		{[]string{"IMAGES=dev-node", host + " linux/other"}, []string{"images", "foreign", "node"}},
		{[]string{"IMAGES=dev-node", host}, []string{"images", "node"}},
	} {
		m := packages.FindStringSubmatch(commands(t, append([]string{"push"}, tt.args...)...))
		if m == nil {
			t.Fatalf("%q installs nothing", tt.args)
		}
		got := slices.DeleteFunc(strings.Fields(m[1]), func(part string) bool { return part == "rootless" })
		if !slices.Equal(tt.want, got) {
			t.Errorf("%q installs %q, want %q", tt.args, got, tt.want)
		}
		if rootless := strings.Contains(m[1], "rootless"); rootless != (len(tt.want) > 0 && os.Getuid() != 0) {
			t.Errorf("%q as user %d: %s", tt.args, os.Getuid(), m[1])
		}
	}
}

// pushCommand are the arguments of make with which the release's workflow pushes images.
func pushCommand(t *testing.T) []string {
	t.Helper()
	m := regexp.MustCompile(`\bmake (push\b[^\n|]*)`).FindStringSubmatch(read(t, ".github/workflows/release.yml"))
	if m == nil {
		t.Fatal("the release's workflow pushes no images")
	}
	return strings.Fields(strings.NewReplacer(`"`, "", "$GITHUB_REF_NAME", variable(t, "RELEASE")).Replace(m[1]))
}

// The workflow logs in to the registry that the images are pushed to, and may write there.
func TestWorkflowMayPush(t *testing.T) {
	t.Parallel()
	host, _, _ := strings.Cut(variable(t, "REGISTRY"), "/")
	pushes := 0
	for name, job := range releaseJobs(t) {
		login := ""
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "docker/login-action@") {
				login = step.With["registry"]
			}
			if !strings.Contains(step.Run, "make push") {
				continue
			}
			pushes++
			if login != host || job.Permissions["packages"] != "write" {
				t.Errorf("job %s pushes to %s: it is logged in to %q, with the permissions %v", name, host, login,
					job.Permissions)
			}
		}
	}
	if pushes != 1 {
		t.Errorf("%d steps push images", pushes)
	}
}
