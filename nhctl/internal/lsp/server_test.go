package lsp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// mark is the cursor in a test's text.
const mark = "‸"

// workspace is a server with a folder, of which some files are open.
type workspace struct {
	*server
	folder string
}

// newWorkspace makes a workspace with files on the disk, by name.
func newWorkspace(t testing.TB, disk map[string]string) *workspace {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "shop")
	for name, text := range disk {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{
		files:    files{open: map[string]*document{}, folders: []string{folder}},
		checker:  newChecker(),
		phase:    up,
		settings: settings{Commands: []string{startCommand, debugCommand, importCommand}},
		client:   client{encoding: protocol.UTF16, snippets: true},
	}
	return &workspace{s, folder}
}

// eachIn runs a test of each case, by its name, in a workspace of its own with files on the disk.
func eachIn[C any](
	t *testing.T, disk map[string]string, cases map[string]C, test func(t *testing.T, w *workspace, c C),
) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorkspace(t, disk), c)
		})
	}
}

// edit opens a file with a text, and returns the place of the mark in it.
func (w *workspace) edit(name, text string) protocol.At {
	before, after, marked := strings.Cut(text, mark)
	path := filepath.Join(w.folder, filepath.FromSlash(name))
	var p protocol.DidOpen
	p.TextDocument.URI, p.TextDocument.Text = uriOf(path), before+after
	w.didOpen(p)
	at := protocol.At{TextDocument: protocol.Document{URI: uriOf(path)}}
	if marked {
		at.Position = w.client.position(newText(before+after), len(before))
	}
	return at
}

// applied is a text after an edit.
func (w *workspace) applied(uri string, edit protocol.TextEdit) string {
	return w.client.apply(w.document(uri).text, []protocol.Change{{Range: &edit.Range, Text: edit.NewText}}).all
}

// relative is a location as FILE:LINE:CHARACTER, below the folder.
func (w *workspace) relative(uri string) string {
	rel, err := filepath.Rel(w.folder, pathOf(uri))
	if err != nil {
		return uri
	}
	return filepath.ToSlash(rel)
}
