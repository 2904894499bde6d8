package filesync

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"
)

// foldsCase says whether the file system of a folder takes names that differ in case only for the same. It asks for
// what is there by a spelling that is not; where nothing has letters, it goes by what is usual on the system.
func foldsCase(root string) bool {
	for _, dir := range []string{root, filepath.Dir(root)} {
		var names []string
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		for _, name := range names {
			other := strings.Map(swapCase, name)
			if other != name && !slices.Contains(names, other) {
				_, err := os.Lstat(filepath.Join(dir, other))
				return err == nil
			}
		}
	}
	return runtime.GOOS != "linux"
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}
