package folderfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// protectedFS is the folder as the model may see and change it, by what may come from a pod. On the computer's end it
// refuses what must not come from there. On the pod's end it shows such files as the index has them, whatever became
// of them: so the model has nothing to tell of, both ends stay in step, and what the pod made of them stays its own
// until the computer sends another version.
type protectedFS struct {
	fs.Filesystem
	protection *protection
}

func (f *protectedFS) Stat(name string) (fs.FileInfo, error) {
	if name == IgnoreFile { // what the model asks for first
		f.protection.begin()
	}
	info, err := f.Filesystem.Stat(name)
	// the model is about to write into it
	if fs.IsNotExist(err) && !Internal(name) && f.remake(filepath.Join(name, "file")) == nil {
		return f.Filesystem.Stat(name)
	}
	return info, err
}

func (f *protectedFS) Lstat(name string) (fs.FileInfo, error) {
	info, err := f.Filesystem.Lstat(name)
	if !f.protection.inPod || Internal(name) || fs.IsTemporary(name) || name == "." || err != nil &&
		!fs.IsNotExist(err) {
		return info, err
	}
	return f.protection.shown(f.Filesystem, name, info)
}

func (f *protectedFS) ReadSymlink(name string) (string, error) {
	if info, err := f.Lstat(name); err == nil {
		if shown, ok := info.(entryInfo); ok {
			return string(shown.entry.SymlinkTarget), nil
		}
	}
	return f.Filesystem.ReadSymlink(name)
}

func (f *protectedFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	if flags&(os.O_WRONLY|os.O_RDWR|os.O_CREATE) == 0 {
		return f.Filesystem.OpenFile(name, flags, mode)
	}
	if err := f.protection.refuse(wanted(name)); err != nil {
		return nil, err
	}
	file, err := f.Filesystem.OpenFile(name, flags, mode)
	if fs.IsNotExist(err) && f.remake(name) == nil {
		return f.Filesystem.OpenFile(name, flags, mode)
	}
	return file, err
}

// remake makes a folder that is shown though it is gone.
func (f *protectedFS) remake(name string) error {
	dir := filepath.Dir(name)
	if info, err := f.Lstat(dir); !f.protection.inPod || err != nil || !info.IsDir() {
		return fs.ErrNotExist
	}
	return f.Filesystem.MkdirAll(dir, 0o755)
}

func (f *protectedFS) Create(name string) (fs.File, error) {
	if err := f.protection.refuse(wanted(name)); err != nil {
		return nil, err
	}
	return f.Filesystem.Create(name)
}

func (f *protectedFS) Mkdir(name string, perm fs.FileMode) error {
	if err := f.protection.refuse(name); err != nil {
		return err
	}
	err := f.Filesystem.Mkdir(name, perm)
	if fs.IsNotExist(err) && f.remake(name) == nil {
		err = f.Filesystem.Mkdir(name, perm)
	}
	if real, there := os.Lstat(f.protection.path(name)); err != nil && there == nil && real.IsDir() &&
		f.protection.oneWay(name, nil) != "" {
		err = nil // the pod has one of its own already
	}
	if err == nil {
		f.protection.came(name)
	}
	return err
}

func (f *protectedFS) MkdirAll(name string, perm fs.FileMode) error {
	if err := f.protection.refuse(name); err != nil {
		return err
	}
	return f.Filesystem.MkdirAll(name, perm)
}

func (f *protectedFS) CreateSymlink(target, name string) error {
	if err := f.protection.refuse(name); err != nil {
		return err
	}
	if !f.protection.inPod && !f.protection.mayLeadOut() && leadsOut(f.protection.root, name, target) {
		return fmt.Errorf("%w to %s", ErrLeadsOut, target)
	}
	f.protection.came(name)
	return f.Filesystem.CreateSymlink(target, name)
}

func (f *protectedFS) Remove(name string) error {
	if err := f.protection.refuseRemoval(name); err != nil {
		return err
	}
	err := f.Filesystem.Remove(name)
	if fs.IsNotExist(err) && f.protection.oneWay(name, nil) != "" {
		return nil // the pod had removed it, which the model does not know
	}
	return err
}

func (f *protectedFS) RemoveAll(name string) error {
	if err := f.protection.refuseRemoval(name); err != nil {
		return err
	}
	return f.Filesystem.RemoveAll(name)
}

func (f *protectedFS) Rename(from, to string) error {
	if err := errors.Join(f.protection.refuseRemoval(from), f.protection.refuse(wanted(to))); err != nil {
		return err
	}
	if fs.IsTemporary(to) || !f.protection.inPod {
		return f.Filesystem.Rename(from, to)
	}
	if err := f.protection.makeWay(from, to); err != nil {
		return err
	}
	f.protection.came(to)
	return f.Filesystem.Rename(from, to)
}

func (f *protectedFS) Chmod(name string, mode fs.FileMode) error {
	if err := f.protection.refuse(wanted(name)); err != nil || f.protection.changed(name) {
		return err
	}
	f.protection.came(name)
	return f.Filesystem.Chmod(name, mode)
}

func (f *protectedFS) Chtimes(name string, atime, mtime time.Time) error {
	if err := f.protection.refuse(wanted(name)); err != nil || f.protection.changed(name) {
		return err
	}
	f.protection.came(name)
	return f.Filesystem.Chtimes(name, atime, mtime)
}

// wanted is the name that a temporary file is to get.
func wanted(name string) string {
	dir, base := filepath.Split(name)
	if !fs.IsTemporary(name) {
		return name
	}
	for _, prefix := range []string{goingPrefix, fs.UnixTempPrefix, fs.WindowsTempPrefix} {
		if rest, is := strings.CutPrefix(base, prefix); is {
			return filepath.Join(dir, strings.TrimSuffix(rest, ".tmp"))
		}
	}
	return name
}

// entryInfo shows a file as the index has it.
type entryInfo struct{ entry protocol.FileInfo }

func (i entryInfo) Name() string               { return filepath.Base(i.entry.Name) }
func (i entryInfo) Size() int64                { return i.entry.Size }
func (i entryInfo) ModTime() time.Time         { return i.entry.ModTime() }
func (i entryInfo) IsDir() bool                { return i.entry.IsDirectory() }
func (i entryInfo) IsRegular() bool            { return i.entry.Type == protocol.FileInfoTypeFile }
func (i entryInfo) IsSymlink() bool            { return i.entry.IsSymlink() }
func (i entryInfo) Sys() any                   { return nil }
func (i entryInfo) Owner() int                 { return -1 }
func (i entryInfo) Group() int                 { return -1 }
func (i entryInfo) InodeChangeTime() time.Time { return i.entry.InodeChangeTime() }

func (i entryInfo) Mode() fs.FileMode {
	mode := os.FileMode(i.entry.Permissions) & os.ModePerm
	switch {
	case i.IsDir():
		mode |= os.ModeDir
	case i.IsSymlink():
		mode |= os.ModeSymlink
	}
	return fs.FileMode(mode)
}

// makeWay keeps a file of the pod's own that the index does not know, before another takes its place.
func (p *protection) makeWay(temporary, name string) error {
	if p.oneWay(name, nil) == "" || p.entry(name) != nil {
		return nil
	}
	info, err := os.Lstat(p.path(name))
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if sameContent(p.path(temporary), p.path(name)) {
		p.folder.judge(name, info)
		return nil
	}
	return p.folder.keepVersion(name, kept.Replaced)
}

func sameContent(a, b string) bool {
	one, err := os.ReadFile(a)
	other, err2 := os.ReadFile(b)
	return err == nil && err2 == nil && string(one) == string(other)
}
