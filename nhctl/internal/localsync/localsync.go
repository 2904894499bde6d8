// Package localsync has what only the computer's end of file sync needs: which folders may be synced at all, and the
// ignore rules that git keeps outside of a folder.
package localsync

import (
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// CheckRoot refuses folders that no pod should ever see: the root, a home folder, whatever holds one, its folders with
// keys and credentials and everything in them, system folders, and trees that look like a home folder. Folders are
// compared by what they are, not by their names: links and another case make no difference. It returns the folder's
// real, absolute path.
func CheckRoot(dir, home string) (string, error) {
	root, err := filepath.Abs(dir)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return "", problem.New(problem.Usage, "the folder to sync: %w", err).
			WithHint("name an existing folder with --dir")
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return "", problem.New(problem.Usage, "%s is not a folder", root).
			WithHint("name the folder of the sources with --dir")
	}
	if why := unfit(root, homes(home)); why != "" {
		return "", problem.New(problem.Refused, "%s is not synced: %s", root, why).
			WithHint("name the folder of this one service's sources: with --dir, or as `local` of the config's sync")
	}
	return root, nil
}

// homes are the user's home folders: the caller's, and the one that the system knows.
func homes(callers string) []string {
	var list []string
	if callers != "" {
		list = append(list, callers)
	}
	if own, err := os.UserHomeDir(); err == nil && own != callers {
		list = append(list, own)
	}
	return list
}

// credentials are the folders of a home folder with keys, tokens and the settings of other programs.
var credentials = [...]string{".ssh", ".gnupg", ".kube", ".aws", ".azure", ".docker", ".config"}

// telling are names that, in a folder, tell that it is a home folder, whosever it is. Others of the credentials are in
// repositories, too.
var telling = [...]string{".ssh", ".kube", ".gnupg", ".aws"}

// unfit says why a folder must not be synced, or "". The root is a real, absolute path.
func unfit(root string, homes []string) string {
	if filepath.Dir(root) == root {
		return "it is the root of the file system"
	}
	ownFolder := false
	for _, home := range homes {
		if real, err := filepath.EvalSymlinks(home); err == nil {
			home = real
		}
		if isOrIsBelow(home, root) {
			return "it is or holds your home folder"
		}
		for _, name := range credentials {
			if folder := filepath.Join(home, name); isOrIsBelow(root, folder) {
				return "it is or is in " + folder + ", where keys and credentials are"
			}
		}
		ownFolder = ownFolder || filepath.Dir(home) != home && isOrIsBelow(root, home)
	}
	for _, name := range telling {
		if info, err := os.Stat(filepath.Join(root, name)); err == nil && info.IsDir() {
			return "it holds " + name + ", which looks like a home folder"
		}
	}
	if ownFolder { // some systems have home folders below /var
		return ""
	}
	for _, folder := range systemFolders() {
		if isOrIsBelow(folder, root) {
			return "it is or holds the system folder " + folder
		}
		if isOrIsBelow(root, folder) && !forSources(root) {
			return "it is in the system folder " + folder
		}
	}
	return ""
}

// forSources says whether a folder is below one where system folders have other people's sources.
func forSources(root string) bool {
	for _, folder := range sourceFolders {
		if isOrIsBelow(filepath.Dir(root), folder) {
			return true
		}
	}
	return false
}

// isOrIsBelow says whether a folder that exists is another one or is below it, whatever their names are.
func isOrIsBelow(dir, other string) bool {
	wanted, err := os.Stat(other)
	if err != nil {
		return false
	}
	for {
		if info, err := os.Stat(dir); err == nil && os.SameFile(info, wanted) {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}
