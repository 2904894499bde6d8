package plan

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// CommandFiles are the files below a folder whose names don't travel, though a command of the config names them: it
// could not run without. A repository's own files are no such.
func CommandFiles(root string, dev config.Dev) []string {
	var found []string
	c := dev.Command
	for _, command := range []config.Command{c.Build, c.Run, c.Debug, c.HotReloadRun, c.HotReloadDebug} {
		separates := func(r rune) bool { return strings.ContainsRune(" \t\n\"'`=;&|()<>$", r) }
		words := strings.FieldsFunc(command.String(), separates)
		for _, word := range words {
			rel := path.Clean(strings.TrimPrefix(word, strings.TrimSuffix(dev.WorkDir, "/")+"/"))
			name := ignore.Protection{}.Of(rel)
			if name.Class != ignore.Never || name.OfRepository() || !filepath.IsLocal(filepath.FromSlash(rel)) ||
				slices.Contains(found, rel) {
				continue
			}
			info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(rel)))
			if err == nil && info.Mode().IsRegular() {
				found = append(found, rel)
			}
		}
	}
	return found
}
