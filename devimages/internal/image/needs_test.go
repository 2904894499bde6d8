package image

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// registered is how the kernel shows QEMU for programs of arm64.
const registered = `enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`

// complete is a machine of amd64 that makes every layer without root.
func complete() machine {
	return machine{
		files: fstest.MapFS{
			"etc/subuid": {Data: []byte("else:100000:65536\njo:165536:65536\n")},
			"etc/subgid": {Data: []byte("1000:165536:65536\n")},
			"proc/sys/kernel/unprivileged_userns_clone":   {Data: []byte("1\n")},
			"proc/sys/user/max_user_namespaces":           {Data: []byte("96365\n")},
			"proc/sys/fs/binfmt_misc/status":              {Data: []byte("enabled\n")},
			"proc/sys/fs/binfmt_misc/register":            {},
			"proc/sys/fs/binfmt_misc/python3.11":          {Data: []byte("enabled\nflags: F\nmagic a70d0d0a\n")},
			"proc/sys/fs/binfmt_misc/qemu-aarch64-static": {Data: []byte(registered)},
		},
		look:   func(string) (string, error) { return "", nil },
		uid:    1000,
		user:   "jo",
		native: AMD64,
	}
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	const (
		qemu = "QEMU for the programs of arm64 packages, registered with the kernel for containers, too " +
			"(binfmt_misc, flag F): as root, hack/packages.sh foreign; or choose --platform linux/amd64"
		root     = "root; or, without root:"
		other    = " (or another range that no one has)"
		apparmor = "proc/sys/kernel/apparmor_restrict_unprivileged_userns"
		qemuFile = "proc/sys/fs/binfmt_misc/qemu-aarch64-static"
	)
	without := func(programs ...string) func(*machine) {
		return func(m *machine) {
			m.look = func(program string) (string, error) {
				if slices.Contains(programs, program) {
					return "", os.ErrNotExist
				}
				return "/usr/bin/" + program, nil
			}
		}
	}
	set := func(file, text string) func(*machine) {
		return func(m *machine) { m.files.(fstest.MapFS)[file] = &fstest.MapFile{Data: []byte(text)} }
	}
	all := func(changes ...func(*machine)) func(*machine) {
		return func(m *machine) {
			for _, change := range changes {
				change(m)
			}
		}
	}
	asRoot := func(m *machine) { m.uid, m.user = 0, "root" }
	both := []Arch{AMD64, ARM64}
	changed := func(old, new string) func(*machine) {
		return set(qemuFile, strings.Replace(registered, old, new, 1))
	}
	for _, tt := range []struct {
		name   string
		change func(*machine)
		arches []Arch
		want   []string
	}{
		{"a complete machine", all(), both, nil},
		{"no layers", all(without("mmdebstrap"), set("etc/subuid", "")), nil, nil},
		{"root needs no namespace", all(asRoot, without("newuidmap"), set("etc/subuid", "")), both, nil},
		{"no mmdebstrap", all(asRoot, without("mmdebstrap")), both, []string{
			"mmdebstrap: as root, hack/packages.sh images"}},
		{"no mapping programs", without("newuidmap", "newgidmap"), both, []string{root,
			"  newuidmap: as root, hack/packages.sh rootless", "  newgidmap: as root, hack/packages.sh rootless"}},
		{"no ids", all(set("etc/subuid", "jo:1:99\nelse:1:65536"), set("etc/subgid", "")), both, []string{root,
			"  65536 ids of jo in /etc/subuid: as root, usermod --add-subuids 100000-165535 jo" + other,
			"  65536 ids of jo in /etc/subgid: as root, usermod --add-subgids 100000-165535 jo" + other}},
		{"Debian forbids namespaces", set("proc/sys/kernel/unprivileged_userns_clone", "0\n"), both, []string{root,
			"  user namespaces: as root, sysctl kernel.unprivileged_userns_clone=1"}},
		{"no namespaces left", set("proc/sys/user/max_user_namespaces", "0\n"), both, []string{root,
			"  user namespaces: as root, sysctl user.max_user_namespaces=10000"}},
		{"Ubuntu forbids namespaces", set(apparmor, "1\n"), both, []string{root,
			"  user namespaces: as root, sysctl kernel.apparmor_restrict_unprivileged_userns=0"}},
		{"Ubuntu excepts mmdebstrap", all(set(apparmor, "1\n"), set("etc/apparmor.d/mmdebstrap", "")), both, nil},
		{"QEMU of another machine", changed("b700", "f300"), both, []string{qemu}},
		{"QEMU is not opened", changed("POF", "PO"), both, []string{qemu}},
		{"QEMU is disabled", changed("enabled", "disabled"), both, []string{qemu}},
		{"all is disabled", set("proc/sys/fs/binfmt_misc/status", "disabled\n"), both, []string{qemu}},
		{"its own packages need no QEMU", set(qemuFile, ""), []Arch{AMD64}, nil},
		{"a machine of arm64", func(m *machine) { m.native = ARM64 }, both, []string{
			strings.NewReplacer("arm64", "amd64", "amd64", "arm64").Replace(qemu)}},
		{"everything is missing", all(without("mmdebstrap", "newgidmap"), set(qemuFile, "")), both, []string{
			"mmdebstrap: as root, hack/packages.sh images", qemu, root,
			"  newgidmap: as root, hack/packages.sh rootless"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := complete()
			tt.change(&m)
			var got []string
			if err := m.check(tt.arches); err != nil {
				head, list, _ := strings.Cut(err.Error(), "\n  ")
				if head != "making Debian layers needs what is missing here:" {
					t.Errorf("it says %q", head)
				}
				got = strings.Split(list, "\n  ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A layer that the cache has needs nothing, and images without Debian's packages need nothing.
func TestCheckIsForWhatHasToBeMade(t *testing.T) {
	t.Parallel()
	b := Builder{Repository: t.TempDir(), Cache: t.TempDir()}
	debian := Layer{Debian: []string{"bash"}}
	targets := []Target{
		{Definition: Definition{Layers: []Layer{debian, {Npm: &Npm{}}}}, Arches: []Arch{AMD64, ARM64}},
		{Definition: Definition{Layers: []Layer{debian}}, Arches: []Arch{ARM64}},
		{Definition: Definition{Layers: []Layer{{Npm: &Npm{}}}}, Arches: []Arch{AMD64}},
	}
	for _, step := range []struct {
		made Arch
		want []Arch
	}{{"", []Arch{AMD64, ARM64}}, {AMD64, []Arch{ARM64}}, {ARM64, nil}} {
		if step.made != "" {
			file, err := b.cached(t.Context(), debian, step.made)
			if err := errors.Join(err, os.WriteFile(file, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := b.unmade(t.Context(), targets)
		if diff := cmp.Diff(step.want, got); diff != "" || err != nil {
			t.Errorf("%q is made: %v %s", step.made, err, diff)
		}
	}
}

func TestMmdebstrapFlags(t *testing.T) {
	t.Parallel()
	foreign := ARM64
	if Host() == ARM64 {
		foreign = AMD64
	}
	for name, tt := range map[string]struct {
		arch Arch
		uid  int
		want []string
	}{
		"root":    {Host(), 0, []string{"--mode=root"}},
		"a user":  {Host(), 1000, []string{"--mode=unshare"}},
		"foreign": {foreign, 0, []string{"--mode=root", "--architectures=" + string(foreign), "--skip=check/qemu"}},
	} {
		want := append([]string{"--quiet", "--variant=minbase"}, tt.want...)
		if diff := cmp.Diff(want, mmdebstrap(tt.arch, tt.uid)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
