package enclosure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// pointsSize limits what is in memory for all points.
const pointsSize = "size=64m,mode=0755"

// hidden are the flags of what appears inside: nothing of it is a program.
const hidden = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// points makes mount points in the helper's namespace.
type points struct {
	// stage is the file system in memory, while it is made, below a descriptor of the directory that it covers.
	stage string
	below int
	// extended are the directories that show their own entries and new ones, by whether the user may write there.
	extended map[string]bool
}

// mountPoints makes the points, and returns a descriptor of the directory that has what appears there.
func mountPoints(all []Point) (dir int, reasons []string, err error) {
	cwd, _ := os.Getwd()
	defer func() { _ = os.Chdir(cwd) }() // by the mounts as they are then
	reasons = make([]string, len(all))
	paths := make([]string, len(all))
	for i, p := range all {
		if paths[i], err = resolve(p.Path); err != nil {
			reasons[i] = err.Error()
		}
	}
	p := &points{extended: map[string]bool{}}
	if p.stage, p.below, err = makeStage(pointsSize, func(dir string) bool {
		return slices.ContainsFunc(paths, func(path string) bool {
			return path != "" && (within(path, dir) || within(dir, path))
		})
	}); err != nil {
		return -1, nil, err
	}
	defer func() { _ = unix.Unmount(p.stage, unix.MNT_DETACH); _ = unix.Close(p.below) }()
	// The root first: what is mounted below it comes along.
	order := make([]int, 0, len(all))
	for i := range all {
		if reasons[i] == "" {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(existing(paths[a])) - len(existing(paths[b])) })
	for _, i := range order {
		if err := p.make(paths[i], strconv.Itoa(i), all[i].File); err != nil {
			reasons[i] = err.Error()
		}
	}
	for dir, writable := range p.extended {
		if !writable {
			_ = unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|hidden, "")
		}
	}
	dir, err = unix.Open(p.stage, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("open the file system in memory: %w", err)
	}
	return dir, reasons, nil
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// existing is the longest part of a path that is there.
func existing(path string) string {
	for path != "/" {
		if _, err := os.Lstat(path); err == nil {
			return path
		}
		path = filepath.Dir(path)
	}
	return path
}

// resolve is a path without the links that its existing part goes through.
func resolve(path string) (string, error) {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
		return "", fmt.Errorf("%q is no place for a mount", path)
	}
	there := existing(path)
	real, err := filepath.EvalSymlinks(there)
	if err != nil {
		return "", err
	}
	return filepath.Join(real, strings.TrimPrefix(path, there)), nil
}

// make has the stage's entry with a name appear at a path.
func (p *points) make(path, name string, file bool) error {
	source := filepath.Join(p.stage, name)
	if err := create(source, file); err != nil {
		return err
	}
	there := existing(path)
	info, err := os.Stat(there)
	switch {
	case err != nil:
		return err
	case there == path && info.IsDir() == file:
		return fmt.Errorf("%s is of another type on this computer", path)
	case there != path && !info.IsDir():
		return fmt.Errorf("%s is no directory on this computer", there)
	case there != path:
		if err := p.extend(there); err != nil {
			return fmt.Errorf("extend %s: %w", there, err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := create(path, file); err != nil {
			return err
		}
	}
	if err := unix.Mount(source, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|hidden, "")
}

func create(path string, file bool) error {
	if !file {
		return os.Mkdir(path, 0o755)
	}
	return os.WriteFile(path, nil, 0o600)
}

// extend lets entries be made in a directory, which the computer does not get: the directory is replaced by one in
// memory, in which everything that it has is mounted. That needs no right to write there, and no overlay, which would
// hide what is mounted below it.
func (p *points) extend(dir string) error {
	for known := range p.extended {
		if dir == known || p.made(dir, known) {
			return nil
		}
	}
	writable := unix.Access(dir, unix.W_OK) == nil
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	copied := filepath.Join(p.stage, "extended-"+strconv.Itoa(len(p.extended)))
	if err := os.Mkdir(copied, 0o700); err != nil {
		return err
	}
	if err := unix.Mount(copied, copied, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		from := filepath.Join(dir, e.Name())
		if from == p.stage { // what is below it, with the stage on top
			from = fmt.Sprintf("/proc/self/fd/%d", p.below)
		}
		if err := show(from, filepath.Join(copied, e.Name()), e.Type()); err != nil {
			return fmt.Errorf("show %s: %w", e.Name(), err)
		}
	}
	if err := os.Chmod(copied, info.Mode().Perm()|info.Mode()&fs.ModeSticky); err != nil {
		return err
	}
	p.extended[dir] = writable
	if dir == "/" {
		return p.changeRoot(copied)
	}
	return unix.Mount(copied, dir, "", unix.MS_BIND|unix.MS_REC, "")
}

// made says whether a directory is one that was made in an extended one: then it is in memory already.
func (p *points) made(dir, extended string) bool {
	var a, b unix.Stat_t
	return within(dir, extended) && unix.Stat(dir, &a) == nil && unix.Stat(p.stage, &b) == nil && a.Dev == b.Dev
}

// show has an entry of a directory appear elsewhere, with all that is mounted below it.
func show(from, to string, mode fs.FileMode) error {
	switch {
	case mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case mode.IsDir():
		if err := os.Mkdir(to, 0o700); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(to, nil, 0o600); err != nil {
			return err
		}
	}
	err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
	if errors.Is(err, fs.ErrNotExist) { // it has gone in the meantime
		return os.Remove(to)
	}
	return err
}

// changeRoot makes a directory the root. The stage is at its place there, too.
func (p *points) changeRoot(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil { // the former root, which lies over the new one
		return fmt.Errorf("remove the former root: %w", err)
	}
	return os.Chdir("/")
}
