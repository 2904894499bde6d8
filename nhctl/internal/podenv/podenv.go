// Package podenv makes the environment of a command of this computer out of a container's: which variables the command
// gets of it, and which stay the computer's own. It prints the former for other launchers, and knows nothing of how
// they come here. Values may be secret: no error has one.
package podenv

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Kept is a group of variables that stay as they are on the computer; a star stands for any ending.
type Kept struct {
	Why   string
	Names []string
}

// KeptGroups are all that stay the computer's, and why. A workload's value for one is left out.
func KeptGroups() []Kept {
	return []Kept{
		{"user, programs and folders", []string{
			"PATH", "HOME", "USER", "LOGNAME", "SHELL", "SHLVL", "PWD", "OLDPWD", "TMPDIR", "HOSTNAME", "MAIL", "_",
			"XDG_*", "KUBECONFIG", "NHCTL_*",
		}},
		{"terminal", []string{
			"TERM", "TERM_*", "TERMINFO", "COLORTERM", "COLUMNS", "LINES", "EDITOR", "VISUAL", "PAGER",
		}},
		{"language", []string{"LANG", "LANGUAGE", "LC_*"}},
		{"display and agents", []string{"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_*", "SSH_*", "GPG_*"}},
		{"where programs find code to load, which is elsewhere in the image", []string{
			"LD_*", "DYLD_*", "GCONV_PATH", "LOCPATH", "BASH_*", "PROMPT_COMMAND", "PS4", "IFS", "PYTHONHOME",
			"PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE", "PERL5LIB", "PERL5OPT", "RUBYLIB", "RUBYOPT", "GEM_*",
			"BUNDLE_*", "NODE_OPTIONS", "NODE_PATH", "JAVA_HOME", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS",
			"_JAVA_OPTIONS", "CLASSPATH", "DOTNET_STARTUP_HOOKS", "LUA_INIT", "GOPATH", "GOROOT", "GOFLAGS",
			"GOTOOLCHAIN", "GIT_*",
		}},
	}
}

// IsKept says whether a variable stays the computer's, whatever a container or a config has for it: it decides which
// programs and code run here.
func IsKept(name string) bool {
	for _, g := range KeptGroups() {
		for _, k := range g.Names {
			prefix, any := strings.CutSuffix(k, "*")
			if name == k || any && strings.HasPrefix(name, prefix) {
				return true
			}
		}
	}
	return false
}

// Changes are what a command's environment differs in from the computer's.
type Changes struct {
	// Set are the container's variables, less those that stay the computer's, and those of files.
	Set map[string]string
	// Unset are variables that the command goes without.
	Unset []string
}

// Of are the changes of a container's environment, as NAME=VALUE.
func Of(container []string) Changes {
	c := Changes{Set: map[string]string{}}
	for _, v := range container {
		if name, value, ok := strings.Cut(v, "="); ok && !IsKept(name) {
			c.Set[name] = value
		}
	}
	return c
}

// AddFile adds the variables of a file of NAME=VALUE lines, over those that there are.
func (c *Changes) AddFile(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return problem.New(problem.Usage, "read the variables: %w", err)
	}
	read, err := godotenv.UnmarshalBytes(data)
	if err != nil { // the library's error shows values
		return problem.New(problem.Usage, "%s: want lines of NAME=VALUE", file)
	}
	if c.Set == nil {
		c.Set = map[string]string{}
	}
	maps.Copy(c.Set, read)
	return nil
}

// With are these changes, and then others.
func (c Changes) With(others Changes) Changes {
	both := Changes{Set: map[string]string{}, Unset: slices.Concat(c.Unset, others.Unset)}
	maps.Copy(both.Set, c.Set)
	for _, name := range others.Unset {
		delete(both.Set, name)
	}
	maps.Copy(both.Set, others.Set)
	return both
}

// Drop has the command go without variables.
func (c *Changes) Drop(names ...string) error {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return problem.New(problem.Usage, "--unset %q: want the name of a variable", name)
		}
		delete(c.Set, name)
	}
	c.Unset = append(c.Unset, names...)
	return nil
}

// Apply is an environment with the changes, as NAME=VALUE.
func (c Changes) Apply(environ []string) []string {
	all := slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, set := c.Set[name]
		return set || slices.Contains(c.Unset, name)
	})
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		all = append(all, fmt.Sprintf("%s=%s", name, c.Set[name]))
	}
	return all
}
