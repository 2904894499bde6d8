package localsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Repository is the git repository that a synced folder is in.
type Repository struct {
	root string
	env  map[string]string
	// top is its work tree; own has HEAD and the index, common what all of its work trees share.
	top, own, common string
}

// Find returns the repository that a folder is in, or nil. The folder is a real path; env is the caller's environment.
func Find(root string, env map[string]string) *Repository {
	for dir := root; ; dir = filepath.Dir(dir) {
		own, common := gitFolders(filepath.Join(dir, ".git"))
		if _, err := os.Stat(filepath.Join(own, "HEAD")); own != "" && err == nil { // else git goes on looking above
			return &Repository{root: root, env: env, top: dir, own: own, common: common}
		}
		if filepath.Dir(dir) == dir {
			return nil
		}
	}
}

// Top is the top folder of the repository's work tree.
func (r *Repository) Top() string { return r.top }

// gitFolders are the folder that .git is, or that a .git file of a linked work tree or a submodule leads to, and the
// one that it shares with other work trees.
func gitFolders(git string) (own, common string) {
	info, err := os.Stat(git)
	if err != nil {
		return "", ""
	}
	own = git
	if !info.IsDir() {
		text, err := os.ReadFile(git)
		target, found := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
		if err != nil || !found {
			return "", ""
		}
		own = under(filepath.Dir(git), target)
	}
	if shared, err := os.ReadFile(filepath.Join(own, "commondir")); err == nil {
		return own, under(own, strings.TrimSpace(string(shared)))
	}
	return own, own
}

// under is a path that is meant from a folder, unless it is absolute.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// prefix is where the synced folder is in the work tree, with slashes.
func (r *Repository) prefix() string {
	rel, err := filepath.Rel(r.top, r.root)
	if err != nil || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// git asks git itself, as the caller's PATH finds it.
func (r *Repository) git(ctx context.Context, args ...string) ([]byte, error) {
	return askGit(ctx, r.root, r.env, args...)
}

func askGit(ctx context.Context, dir string, env map[string]string, args ...string) ([]byte, error) {
	program, err := lookGit(env["PATH"])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, gitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program,
		append([]string{"--no-optional-locks", "-c", "core.fsmonitor=false", "-C", dir}, args...)...)
	cmd.Env = []string{}
	for name, value := range env {
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX",
			"GIT_COMMON_DIR": // of a command that nhctl was called by
		default:
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd.Output()
}

// gitLimit limits one question to git.
const gitLimit = 20 * time.Second

// lookGit finds git on a PATH that is not this process's own. Relative entries would lead into the folder that is
// synced.
func lookGit(path string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		for _, name := range []string{"git", "git.exe"} {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() &&
				(info.Mode()&0o111 != 0 || name == "git.exe") {
				return file, nil
			}
		}
	}
	return "", fmt.Errorf("git: %w", exec.ErrNotFound)
}

// ErrNoIndex says that a repository has no index, so that nothing can be said of what it tracks.
var ErrNoIndex = errors.New("the repository has no index")

// Tracked lists the files below the synced folder that git tracks and that belong into the work tree, relative to it,
// with slashes.
func (r *Repository) Tracked(ctx context.Context) ([]string, error) {
	if _, err := os.Stat(filepath.Join(r.own, "index")); err != nil {
		return nil, ErrNoIndex
	}
	out, err := r.git(ctx, "ls-files", "-z", "-t", "--cached")
	if err != nil {
		return r.readIndex()
	}
	var tracked []string
	for entry := range bytes.SplitSeq(out, []byte{0}) {
		if tag, rel, ok := strings.Cut(string(entry), " "); ok && tag != "S" { // S is left out of the work tree
			tracked = append(tracked, rel)
		}
	}
	return tracked, nil
}

// Busy says whether git is writing the index just now.
func (r *Repository) Busy() bool {
	_, err := os.Lstat(filepath.Join(r.own, "index.lock"))
	return !errors.Is(err, fs.ErrNotExist)
}
