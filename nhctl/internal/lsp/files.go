package lsp

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// document is a file that the editor has open, of a config or not: any may be included. Its text wins over the disk's.
type document struct {
	uri     string
	path    string
	version int
	*text
}

// files are those that may be read: what is open in the editor, and what is below its folders.
type files struct {
	folders []string
	open    map[string]*document
}

// Opened at most, so that a client that goes mad fills no memory.
const (
	maxDocuments = 1000
	maxFolders   = 1000
)

func (f *files) addFolder(uri string) {
	if path := pathOf(uri); path != "" && len(f.folders) < maxFolders && !slices.Contains(f.folders, path) {
		f.folders = append(f.folders, path)
	}
}

// document is the open document of a URI; nil for one that is no config's.
func (f *files) document(uri string) *document { return f.open[pathOf(uri)] }

// snapshot are the files as they are now, for a reader that goes on while they change.
func (f *files) snapshot() files {
	return files{folders: slices.Clone(f.folders), open: maps.Clone(f.open)}
}

// allowed are the folders below which files of a config may be read: those that the editor has open, or without one
// around the config its own.
func (f *files) allowed(main string) []string {
	own := filepath.Dir(filepath.Dir(main))
	for _, folder := range f.folders {
		if below(folder, own) {
			return f.folders
		}
	}
	return append(slices.Clone(f.folders), own)
}

func below(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// reader reads the files of a config.
func (f *files) reader(main string) func(path string) ([]byte, error) {
	folders := f.allowed(main)
	return func(path string) ([]byte, error) {
		if d := f.open[filepath.Clean(path)]; d != nil {
			return []byte(d.all), nil
		}
		return readBelow(folders, path)
	}
}

// readBelow reads a regular file that lies in one of the folders, also once links are followed.
func readBelow(folders []string, path string) ([]byte, error) {
	root, rel, err := rootOf(folders, path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(rel)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > source.MaxSize:
		return nil, errors.New("it is larger than " + strconv.Itoa(source.MaxSize) + " bytes")
	}
	file, err := root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, source.MaxSize))
}

// rootOf is the folder that a path lies in, and the path in there.
func rootOf(folders []string, path string) (*os.Root, string, error) {
	if !slices.ContainsFunc(folders, func(folder string) bool { return below(folder, path) }) {
		return nil, "", source.ErrUnread // not even whether it exists
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fs.ErrNotExist
	}
	if err != nil {
		return nil, "", err
	}
	for _, folder := range folders {
		if folder, err = filepath.EvalSymlinks(folder); err != nil || !below(folder, real) {
			continue
		}
		rel, err := filepath.Rel(folder, real)
		if err != nil {
			return nil, "", err
		}
		root, err := os.OpenRoot(folder)
		return root, rel, err
	}
	return nil, "", source.ErrUnread
}

// list are the entries of a folder that a config may name, of which there may be many.
func (f *files) list(main, dir string) []fs.DirEntry {
	const most = 500
	root, rel, err := rootOf(f.allowed(main), dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	folder, err := root.Open(rel)
	if err != nil {
		return nil
	}
	defer folder.Close()
	if info, err := folder.Stat(); err != nil || !info.IsDir() {
		return nil
	}
	entries, _ := folder.ReadDir(most)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// main is the config that a file belongs to; "" for none.
func (f *files) main(path string) (string, config.Role) {
	role, mains := config.RoleOf(path)
	for _, main := range mains {
		if role == config.Main || f.exists(main) {
			return main, role
		}
	}
	return "", role
}

func (f *files) exists(path string) bool {
	if f.open[path] != nil {
		return true
	}
	root, rel, err := rootOf(f.allowed(path), path)
	if err != nil {
		return false
	}
	defer root.Close()
	info, err := root.Stat(rel)
	return err == nil && info.Mode().IsRegular()
}

// described is a file whose text may have fields of a config.
type described struct {
	*document
	main string
	role config.Role
	// around are the keys of the place that includes the file; none for the config and its layers.
	around []string
}

// base is the folder that paths of the config are relative to.
func (d *described) base() string { return filepath.Dir(cmp.Or(d.main, d.path)) }

// shape is what may stand at a path of the file.
func (d *described) shape(path []string) (config.Shape, bool) {
	return config.ShapeAt(slices.Concat(d.around, path))
}

// described is the open document of a URI, where it is a config, a layer of one, or included by one.
func (s *server) described(uri string) *described {
	d := s.document(uri)
	if d == nil {
		return nil
	}
	main, role := s.main(d.path)
	if role == config.Main || role == config.Layer {
		return &described{document: d, main: main, role: role}
	}
	for _, main := range slices.Sorted(maps.Keys(s.found)) {
		if !s.found[main].files[d.path] {
			continue
		}
		if around, ok := s.including(main, d.path, maxIncludes); ok {
			return &described{document: d, main: main, role: config.Part, around: around}
		}
	}
	return nil
}

// maxIncludes limits files that include each other, on the way to one that the editor asks about.
const maxIncludes = 5

// including are the keys of the place of a config that includes a file.
func (s *server) including(main, path string, depth int) (keys []string, ok bool) {
	if depth == 0 {
		return nil, false
	}
	for _, file := range slices.Sorted(maps.Keys(s.found[main].files)) {
		t := s.textOf(main, file)
		if t == nil || file == path || !strings.Contains(t.all, filepath.Base(path)) {
			continue
		}
		for _, include := range source.Includes(file, t.all) {
			e := t.tree().At(include.Start)
			if include.Path != path || e == nil {
				continue
			}
			if e.Bare { // a line of its own
				e = e.Parent
			}
			if _, role := s.main(file); role == config.Main || role == config.Layer {
				return e.Path(), true
			}
			if outer, ok := s.including(main, file, depth-1); ok {
				return append(outer, e.Path()...), true
			}
		}
	}
	return nil, false
}

// family are a config and its layers, as far as they can be read, by file; those of d first.
func (f *files) family(d *described) []*document {
	all := []*document{d.document}
	if d.main == "" {
		return all
	}
	read := f.reader(d.main)
	for _, path := range append([]string{d.main}, config.LayersOf(d.main)...) {
		if path == d.path {
			continue
		}
		if open := f.open[path]; open != nil {
			all = append(all, open)
		} else if data, err := read(path); err == nil {
			all = append(all, &document{uri: uriOf(path), path: path, text: newText(string(data))})
		}
	}
	return all
}

// textOf is a file's text, open or not; nil where there is none.
func (f *files) textOf(main, path string) *text {
	if d := f.open[path]; d != nil {
		return d.text
	}
	data, err := f.reader(main)(path)
	if err != nil {
		return nil
	}
	return newText(string(data))
}

// uri is a file's, as the editor writes it.
func (f *files) uri(path string) string {
	if d := f.open[path]; d != nil {
		return d.uri
	}
	return uriOf(path)
}

func (s *server) didOpen(p protocol.DidOpen) {
	path := pathOf(p.TextDocument.URI)
	if path == "" || len(s.open) >= maxDocuments {
		return
	}
	s.open[path] = &document{
		uri:     p.TextDocument.URI,
		path:    path,
		version: p.TextDocument.Version,
		text:    newText(p.TextDocument.Text),
	}
	s.changed(path)
}

func (s *server) didChange(p protocol.DidChange) {
	d := s.document(p.TextDocument.URI)
	if d == nil {
		return
	}
	// A new one: whoever has a snapshot keeps the old one.
	s.open[d.path] = &document{
		uri:     d.uri,
		path:    d.path,
		version: p.TextDocument.Version,
		text:    s.client.apply(d.text, p.ContentChanges),
	}
	s.changed(d.path)
}

func (s *server) didSave(p protocol.DidSave) { s.changed(pathOf(p.TextDocument.URI)) }

func (s *server) didClose(p protocol.DidClose) {
	if d := s.document(p.TextDocument.URI); d != nil {
		delete(s.open, d.path)
		s.changed(d.path)
	}
}

func (s *server) didChangeFolders(p protocol.DidChangeFolders) {
	for _, f := range p.Event.Removed {
		s.folders = slices.DeleteFunc(s.folders, func(path string) bool { return path == pathOf(f.URI) })
	}
	for _, f := range p.Event.Added {
		s.addFolder(f.URI)
	}
	for main := range s.found {
		s.mark(main)
	}
}

func (s *server) didChangeFiles(p protocol.DidChangeFiles) {
	for _, c := range p.Changes {
		s.changed(pathOf(c.URI))
	}
}
