package localsync

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	gitconfig "github.com/go-git/go-git/v5/plumbing/format/config"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// buildOutput is what the languages' tools make of sources, and make again on the other side: by a part of the dev
// image's name.
var buildOutput = [...]struct {
	image string
	lines []string
}{
	{"node", []string{"node_modules/"}},
	{"python", []string{"__pycache__/", "*.pyc", ".venv/"}},
	{"java", []string{"target/", ".gradle/"}},
	{"maven", []string{"target/"}},
	{"gradle", []string{".gradle/"}},
	{"temurin", []string{"target/", ".gradle/"}},
	{"rust", []string{"target/"}},
	{"ruby", []string{".bundle/"}},
	{"php", []string{"vendor/"}},
}

// Rules are the rules from outside a folder's tree, those that count least first: the build output of the dev image's
// language, git's excludes file (core.excludesFile), the repository's own (info/exclude), and the .gitignore of each
// folder above. A .gitignore inside may take each of them back; so does being tracked.
func Rules(ctx context.Context, root string, env map[string]string, image string) ignore.Rules {
	var rules ignore.Rules
	name, _, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	for _, language := range buildOutput {
		if strings.Contains(name, language.image) {
			rules.Above = append(rules.Above,
				ignore.Source{File: "the defaults of the dev image " + name, Lines: language.lines})
		}
	}
	read := func(file, dir string) {
		if data, err := os.ReadFile(file); err == nil {
			rules.Above = append(rules.Above,
				ignore.Source{File: file, Dir: dir, Lines: strings.Split(string(data), "\n")})
		}
	}
	read(excludesFile(ctx, root, env), "")
	r := Find(root, env)
	if r == nil {
		return rules
	}
	rules.Prefix = r.prefix()
	read(filepath.Join(r.common, "info", "exclude"), "")
	for _, dir := range r.above() {
		file := filepath.Join(r.top, filepath.FromSlash(dir), ignore.GitIgnoreFile)
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() { // as git, which follows no link there
			read(file, dir)
		}
	}
	if tracked, err := r.Tracked(ctx); err == nil {
		rules.Tracked = ignore.Despite(root, tracked, rules)
	}
	return rules
}

// above are the folders of the work tree that the synced one is in, from the top down.
func (r *Repository) above() []string {
	prefix := r.prefix()
	if prefix == "" {
		return nil
	}
	dirs := []string{""}
	for i, c := range prefix {
		if c == '/' {
			dirs = append(dirs, prefix[:i])
		}
	}
	return dirs
}

// Outside are the files outside of a folder, and its repository's index, that Rules depend on.
func Outside(root string, env map[string]string) []string {
	files := append(userConfigs(env), filepath.Join(env["HOME"], ".gitignore"),
		filepath.Join(configHome(env), "git", "ignore"))
	r := Find(root, env)
	if r == nil {
		return append(files, filepath.Join(root, ".git"))
	}
	files = append(files, filepath.Join(r.own, "index"), filepath.Join(r.own, "HEAD"),
		filepath.Join(r.common, "info", "exclude"),
		filepath.Join(r.common, "config"), filepath.Join(r.own, "config.worktree"))
	for _, dir := range r.above() {
		files = append(files, filepath.Join(r.top, filepath.FromSlash(dir), ignore.GitIgnoreFile))
	}
	return files
}

func configHome(env map[string]string) string {
	if config := env["XDG_CONFIG_HOME"]; config != "" {
		return config
	}
	return filepath.Join(env["HOME"], ".config")
}

// userConfigs are the files with the user's own git configuration.
func userConfigs(env map[string]string) []string {
	if file := env["GIT_CONFIG_GLOBAL"]; file != "" {
		return []string{file}
	}
	return []string{filepath.Join(configHome(env), "git", "config"), filepath.Join(env["HOME"], ".gitconfig")}
}

// excludesFile is git's core.excludesFile, as git itself has it. Without git, configuration that others include is
// not looked at.
func excludesFile(ctx context.Context, root string, env map[string]string) string {
	found := filepath.Join(configHome(env), "git", "ignore")
	out, err := askGit(ctx, root, env, "config", "--path", "--null", "--get", "core.excludesFile")
	if err == nil {
		if name := strings.TrimSuffix(string(out), "\x00"); name != "" {
			return under(root, name)
		}
		return ""
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 { // git has none
		return found
	}
	files := userConfigs(env)
	if r := Find(root, env); r != nil {
		files = append(files, filepath.Join(r.common, "config"))
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		read := gitconfig.New()
		err = gitconfig.NewDecoder(f).Decode(read)
		f.Close()
		if name := read.Section("core").Option("excludesFile"); err == nil && name != "" {
			found = name
		}
	}
	if rest, ok := strings.CutPrefix(found, "~/"); ok {
		return filepath.Join(env["HOME"], rest)
	}
	return found
}
