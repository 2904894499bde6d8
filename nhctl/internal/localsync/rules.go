package localsync

import (
	"os"
	"path/filepath"
	"strings"

	gitconfig "github.com/go-git/go-git/v5/plumbing/format/config"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// buildOutput is what the languages' tools make of sources, and make anew on the other side: by a part of the dev image's name.
var buildOutput = [...]struct {
	image string
	lines []string
}{
	{"node", []string{"node_modules/"}},
	{"python", []string{"__pycache__/", "*.pyc", ".venv/"}},
	{"java", []string{"target/", ".gradle/"}},
	{"rust", []string{"target/"}},
	{"ruby", []string{".bundle/"}},
	{"php", []string{"vendor/"}},
}

// GlobalIgnores are the rules from outside a folder's tree, those that count least first: the build output of the dev image's language,
// git's excludes file (core.excludesFile), the repository's own (.git/info/exclude). A .gitignore may take each of them back.
func GlobalIgnores(root string, env map[string]string, image string) []string {
	var lines []string
	for _, s := range GlobalSources(root, env, image) {
		lines = append(lines, s.Lines...)
	}
	return lines
}

// GlobalSources is GlobalIgnores by file.
func GlobalSources(root string, env map[string]string, image string) []ignore.Source {
	var sources []ignore.Source
	name, _, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	for _, language := range buildOutput {
		if strings.Contains(name, language.image) {
			sources = append(sources, ignore.Source{File: "the defaults of the dev image " + name, Lines: language.lines})
		}
	}
	for _, file := range []string{excludesFile(root, env), filepath.Join(root, ".git", "info", "exclude")} {
		if data, err := os.ReadFile(file); err == nil {
			sources = append(sources, ignore.Source{File: file, Lines: strings.Split(string(data), "\n")})
		}
	}
	return sources
}

// excludesFile is git's core.excludesFile. Configuration that others include is not looked at.
func excludesFile(root string, env map[string]string) string {
	config := env["XDG_CONFIG_HOME"]
	if config == "" {
		config = filepath.Join(env["HOME"], ".config")
	}
	found := filepath.Join(config, "git", "ignore")
	users := []string{filepath.Join(config, "git", "config"), filepath.Join(env["HOME"], ".gitconfig")}
	if file := env["GIT_CONFIG_GLOBAL"]; file != "" {
		users = []string{file}
	}
	for _, file := range append(users, gitConfig(filepath.Join(root, ".git"))) {
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
