package enclosure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	resolvConf = "/etc/resolv.conf"
	nsswitch   = "/etc/nsswitch.conf"
)

// sockets are those of programs that would resolve names in the computer's network.
func sockets() []string {
	return []string{
		"/run/nscd/socket", "/var/run/nscd/socket",
		"/run/systemd/resolve/io.systemd.Resolve", "/run/systemd/resolve/io.systemd.Resolve.Monitor",
		"/run/avahi-daemon/socket", "/var/run/avahi-daemon/socket",
	}
}

// stages are directories that every system has. One is covered for a moment, while only the helper sees it.
func stages() []string { return []string{"/tmp", "/run", "/mnt", "/var"} }

// replaceFiles puts the files in place that say how names are resolved, and covers what would resolve them elsewhere.
// The computer's own files stay as they are: the mounts are in this namespace alone.
func replaceFiles(resolv string) error {
	stage, below, err := makeStage("size=1m,mode=0755", func(string) bool { return false })
	if err != nil {
		return err
	}
	_ = unix.Close(below)
	defer func() { _ = unix.Unmount(stage, unix.MNT_DETACH) }()
	if err := replace(stage, resolvConf, resolv); err != nil {
		return err
	}
	switch data, err := os.ReadFile(nsswitch); {
	case err == nil:
		if err := replace(stage, nsswitch, onlyFilesAndDNS(string(data))); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist): // a C library without the file uses just those two
		return err
	}
	covers := filepath.Join(stage, "cover")
	if err := os.WriteFile(covers, nil, 0o444); err != nil {
		return err
	}
	for _, socket := range sockets() {
		if _, err := os.Lstat(socket); err != nil {
			continue
		}
		if err := unix.Mount(covers, socket, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cover %s: %w", socket, err)
		}
	}
	return nil
}

// makeStage mounts an empty file system, from which files are mounted, where nothing else is needed at that moment. It
// returns a descriptor of the directory below, too.
func makeStage(options string, needed func(dir string) bool) (stage string, below int, err error) {
	err = errors.New("there is no place for it")
	for _, dir := range stages() {
		if needed(dir) {
			continue
		}
		if below, err = unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
			continue
		}
		err = unix.Mount("nhctl", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options)
		if err == nil {
			return dir, below, nil
		}
		_ = unix.Close(below)
	}
	return "", -1, fmt.Errorf("mount a file system in memory: %w", err)
}

// replace mounts a file with a text over another.
func replace(stage, name, text string) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) { // or a link to nothing
		return overlay(stage, name, text)
	}
	file := filepath.Join(stage, filepath.Base(name))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(file, name, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	return nil
}

// overlay puts a file into a directory that lacks it: nothing can be mounted on what is not there.
func overlay(stage, name, text string) error {
	dir := filepath.Dir(name)
	upper, work := filepath.Join(stage, "upper"), filepath.Join(stage, "work")
	for _, d := range []string{upper, work} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(upper, filepath.Base(name)), []byte(text), 0o644); err != nil {
		return err
	}
	options := "lowerdir=" + dir + ",upperdir=" + upper + ",workdir=" + work + ",userxattr"
	if err := unix.Mount("overlay", dir, "overlay", 0, options); err != nil {
		return fmt.Errorf("put %s in place: %w", name, err)
	}
	return nil
}

// onlyFilesAndDNS is a nsswitch.conf by which names of hosts come from the hosts file and DNS.
func onlyFilesAndDNS(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if database, _, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(database) == "hosts" {
			continue
		}
		b.WriteString(line)
	}
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
		b.WriteByte('\n')
	}
	b.WriteString("hosts: files dns\n")
	return b.String()
}
