package image

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// subordinate is how many users a Debian system's own ones are: those are mapped where a layer is made without root.
const subordinate = 65536

// machine is what making Debian layers needs to know of this computer.
type machine struct {
	files  fs.FS // from its root
	look   func(program string) (string, error)
	uid    int
	user   string
	native Arch
}

func thisMachine() machine {
	m := machine{files: os.DirFS("/"), look: exec.LookPath, uid: os.Geteuid(), native: Host()}
	m.user = strconv.Itoa(m.uid)
	if u, err := user.Current(); err == nil {
		m.user = u.Username
	}
	return m
}

// Check says what this machine lacks to make images, before anything is made. Layers in the cache need nothing.
func (b *Builder) Check(ctx context.Context, targets []Target) error {
	arches, err := b.unmade(ctx, targets)
	if err != nil {
		return err
	}
	return thisMachine().check(arches)
}

// unmade are the architectures of Debian layers that the cache lacks.
func (b *Builder) unmade(ctx context.Context, targets []Target) ([]Arch, error) {
	var arches []Arch
	for _, t := range targets {
		for _, arch := range t.Arches {
			for _, l := range t.Layers {
				if len(l.Debian) == 0 || slices.Contains(arches, arch) {
					continue
				}
				cached, err := b.cached(ctx, l, arch)
				if err != nil {
					return nil, err
				}
				if _, err := os.Stat(cached); err != nil {
					arches = append(arches, arch)
				}
			}
		}
	}
	return arches, nil
}

// check says what the machine lacks to make Debian layers for some architectures.
func (m machine) check(arches []Arch) error {
	if len(arches) == 0 {
		return nil
	}
	var lacks []string
	if _, err := m.look("mmdebstrap"); err != nil {
		lacks = append(lacks, "mmdebstrap: as root, hack/packages.sh images")
	}
	for _, arch := range arches {
		if arch != m.native && !m.emulates(arch) {
			lacks = append(lacks, fmt.Sprintf("QEMU for the programs of %s packages, registered with the kernel for "+
				"containers, too (binfmt_misc, flag F): as root, hack/packages.sh foreign; or choose "+
				"--platform linux/%s", arch, m.native))
		}
	}
	if m.uid != 0 {
		if without := m.lacksNamespaces(); len(without) > 0 {
			lacks = append(append(lacks, "root; or, without root:"), without...)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return errors.New("making Debian layers needs what is missing here:\n  " + strings.Join(lacks, "\n  "))
}

// lacksNamespaces says what a user lacks to be root in a user namespace.
func (m machine) lacksNamespaces() []string {
	var lacks []string
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := m.look(program); err != nil {
			lacks = append(lacks, "  "+program+": as root, hack/packages.sh rootless")
		}
	}
	for _, file := range []struct{ name, flag string }{
		{"etc/subuid", "--add-subuids"},
		{"etc/subgid", "--add-subgids"},
	} {
		if m.subordinates(file.name) < subordinate {
			lacks = append(lacks, fmt.Sprintf("  %d ids of %s in /%s: as root, usermod %s 100000-165535 %[2]s (or "+
				"another range that no one has)", subordinate, m.user, file.name, file.flag))
		}
	}
	for _, setting := range []struct{ key, forbids, wanted, unless string }{
		{"kernel.unprivileged_userns_clone", "0", "1", ""},
		{"user.max_user_namespaces", "0", "10000", ""},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0", "etc/apparmor.d/mmdebstrap"}, // Ubuntu's exception
	} {
		allowed := setting.unless != "" && m.exists(setting.unless)
		if !allowed && m.read("proc/sys/"+strings.ReplaceAll(setting.key, ".", "/")) == setting.forbids {
			lacks = append(lacks, fmt.Sprintf("  user namespaces: as root, sysctl %s=%s", setting.key, setting.wanted))
		}
	}
	return lacks
}

// subordinates is the largest range of ids that a file gives the user.
func (m machine) subordinates(file string) int {
	largest := 0
	for line := range strings.Lines(m.read(file)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 || fields[0] != m.user && fields[0] != strconv.Itoa(m.uid) {
			continue
		}
		if count, err := strconv.Atoi(fields[2]); err == nil {
			largest = max(largest, count)
		}
	}
	return largest
}

// emulates says whether the kernel starts programs of another architecture, by an interpreter that it opened when it
// was registered: a root file system that is being made has none.
func (m machine) emulates(arch Arch) bool {
	const dir = "proc/sys/fs/binfmt_misc"
	if m.read(dir+"/status") != "enabled" {
		return false
	}
	entries, err := fs.ReadDir(m.files, dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return interprets(m.read(dir+"/"+e.Name()), arch) })
}

// interprets reads a registered format: is it an ELF file of the architecture (its bytes 18 and 19), and is the
// interpreter open?
func interprets(format string, arch Arch) bool {
	const elf, machine = "7f454c46", 2 * 18
	fields, enabled := map[string]string{}, false
	for lines := bufio.NewScanner(strings.NewReader(format)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		fields[strings.TrimSuffix(name, ":")] = value
		enabled = enabled || name == "enabled"
	}
	magic := fields["magic"]
	number := map[Arch]string{AMD64: "3e00", ARM64: "b700"}[arch]
	return enabled && strings.Contains(fields["flags"], "F") && strings.HasPrefix(magic, elf) &&
		len(magic) >= machine+4 && magic[machine:machine+4] == number
}

// read is the text of a small file, or nothing.
func (m machine) read(file string) string {
	data, err := fs.ReadFile(m.files, file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (m machine) exists(file string) bool {
	_, err := fs.Stat(m.files, file)
	return err == nil
}
