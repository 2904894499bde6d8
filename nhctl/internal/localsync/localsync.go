// Package localsync has what only the computer's end of file sync needs: which folders may be synced at all, and the ignore
// rules that git keeps outside of a folder.
package localsync

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
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

// GlobalIgnores reads git's rules from outside a folder's tree: the user's excludes file, then the repository's own. Where git's
// configuration names another excludes file, that one is not looked up.
func GlobalIgnores(root string, env map[string]string) []string {
	var lines []string
	for _, s := range GlobalSources(root, env) {
		lines = append(lines, s.Lines...)
	}
	return lines
}

// GlobalSources is GlobalIgnores by file.
func GlobalSources(root string, env map[string]string) []ignore.Source {
	config := env["XDG_CONFIG_HOME"]
	if config == "" {
		config = filepath.Join(env["HOME"], ".config")
	}
	var sources []ignore.Source
	for _, file := range []string{filepath.Join(config, "git", "ignore"), filepath.Join(root, ".git", "info", "exclude")} {
		if data, err := os.ReadFile(file); err == nil {
			sources = append(sources, ignore.Source{File: file, Lines: strings.Split(string(data), "\n")})
		}
	}
	return sources
}
