// Package scaffold writes a first config: it looks at a folder of sources for the language, the commands and the port
// of a service. It knows nothing of clusters.
package scaffold

import (
	"bytes"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/nhctl/nhctl/nhctl/internal/scaffold/publicimage"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold/sources"
)

// Guess is what a folder says of its service. Empty fields could not be found out.
type Guess struct {
	Name string
	// Language is one of debug.language, php or csharp.
	Language string
	// Image has the tools for the sources.
	Image publicimage.Image
	// Build makes what Run starts; empty where nothing has to be built.
	Build, Run string
	// Test runs all tests.
	Test  string
	Ports []string
}

// language is how a language's folders are known, and what to begin with.
type language struct {
	name    string
	markers []string
	inspect func(fs.FS, *Guess)
}

// The first language with a marker counts: build files of one are often there for another's tools, package.json most of
// all.
func languages() []language {
	return []language{
		{"go", []string{"go.mod"}, inspectGo},
		{"rust", []string{"Cargo.toml"}, inspectRust},
		{"java", []string{"pom.xml"}, inspectMaven},
		{"java", []string{"build.gradle", "build.gradle.kts"}, inspectGradle},
		{"csharp", []string{"*.csproj", "*.sln"}, commands("dotnet run", "dotnet test")},
		{"python", []string{"pyproject.toml", "requirements.txt", "setup.py", "Pipfile"}, inspectPython},
		{"ruby", []string{"Gemfile"}, inspectRuby},
		{"php", []string{"composer.json"}, commands("exec php -S 0.0.0.0:8080 -t public", "vendor/bin/phpunit")},
		{"node", []string{"package.json"}, inspectNode},
		{"cpp", []string{"CMakeLists.txt"}, inspectCMake},
		{"python", []string{"*.py"}, inspectPython},
		{"ruby", []string{"*.rb"}, inspectRuby},
		{"java", []string{"*.java"}, inspectJava},
		{"cpp", []string{"*.cpp", "*.cc", "*.cxx"}, inspectCPP},
		{"c", []string{"*.c"}, inspectCPP},
	}
}

// LookAt looks at a folder of this computer.
func LookAt(dir string) (Guess, error) {
	folder, closer, err := sources.Open(dir)
	if err != nil {
		return Guess{}, err
	}
	defer closer.Close()
	return Look(folder, filepath.Base(dir)), nil
}

// Look looks at a folder; name is what the folder is called.
func Look(folder fs.FS, name string) Guess {
	g := Guess{Name: label(name)}
	for _, l := range languages() {
		if !slices.ContainsFunc(l.markers,
			func(m string) bool { found, err := fs.Glob(folder, m); return err == nil && len(found) > 0 }) {
			continue
		}
		g.Language, g.Image = l.name, publicimage.For(folder, l.name)
		l.inspect(folder, &g)
		break
	}
	g.Ports = exposed(folder)
	return g
}

// Learn takes from the container that runs in the cluster what the folder did not say: the language that its image is
// named after, and its command, which is also that of the sources where nothing is compiled.
func (g *Guess) Learn(image string, command []string) {
	if g.Language == "" {
		repository, _, _ := strings.Cut(path.Base(image), ":")
		for _, l := range languages() {
			if repository == l.name || repository == l.name+"lang" {
				g.Language, g.Image = l.name, publicimage.For(nil, l.name)
				break
			}
		}
	}
	if g.Run == "" && len(command) > 0 && slices.Contains(interpreted[:], g.Language) {
		g.Run = shellquote.Join(command...)
	}
}

// interpreted are languages whose programs are their sources.
var interpreted = [...]string{"python", "ruby", "php", "node"}

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

// label makes a name of a workload.
func label(text string) string {
	return strings.Trim(notLabel.ReplaceAllString(strings.ToLower(text), "-"), "-")
}

func commands(run, test string) func(fs.FS, *Guess) {
	return func(_ fs.FS, g *Guess) { g.Run, g.Test = run, test }
}

// firstLine is the first line of a file that matches, or "".
func firstLine(folder fs.FS, name string, pattern *regexp.Regexp) string {
	for line := range bytes.Lines(sources.Content(folder, name)) {
		if m := pattern.FindSubmatch(bytes.TrimRight(line, "\r\n")); m != nil {
			return string(m[len(m)-1])
		}
	}
	return ""
}

func mentions(folder fs.FS, name, text string) bool {
	return bytes.Contains(sources.Content(folder, name), []byte(text))
}

var expose = regexp.MustCompile(`(?i)^\s*EXPOSE\s+([0-9][0-9 ]*)`)

// exposed are the ports that a Dockerfile names.
func exposed(folder fs.FS) []string {
	for _, name := range []string{"Dockerfile", "Containerfile"} {
		if ports := firstLine(folder, name, expose); ports != "" {
			return strings.Fields(ports)
		}
	}
	return nil
}
