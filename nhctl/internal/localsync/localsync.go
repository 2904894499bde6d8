// Package localsync has what only the computer's end of file sync needs: which folders may be synced at all, and the ignore
// rules that git keeps outside of a folder.
package localsync

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// CheckRoot refuses folders that no pod should ever see: the root, a home folder, whatever holds one, and trees with keys or
// cluster credentials in them. It returns the folder's real, absolute path.
func CheckRoot(dir, home string) (string, error) {
	root, err := filepath.Abs(dir)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return "", problem.New(problem.Usage, "the folder to sync: %w", err).WithHint("name an existing folder with --dir")
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return "", problem.New(problem.Usage, "%s is no folder", root).WithHint("name the folder of the sources with --dir")
	}
	refuse := func(why string) (string, error) {
		return "", problem.New(problem.Refused, "%s is not synced: %s", root, why).WithHint("name the folder of this one service's sources with --dir")
	}
	if filepath.Dir(root) == root {
		return refuse("it is the root of the file system")
	}
	if real, err := filepath.EvalSymlinks(home); err == nil && home != "" && (real == root || strings.HasPrefix(real, root+string(filepath.Separator))) {
		return refuse("it is or holds your home folder")
	}
	for _, name := range []string{".ssh", ".kube", ".gnupg", ".aws"} {
		if info, err := os.Stat(filepath.Join(root, name)); err == nil && info.IsDir() {
			return refuse("it holds " + name + ", which looks like a home folder")
		}
	}
	return root, nil
}
