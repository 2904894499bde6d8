// Package scaffold writes a first config: it looks at a folder of sources for the language, the commands and the port
// of a service. It knows nothing of clusters.
package scaffold

import (
	"bufio"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
)

// Guess is what a folder says of its service. Empty fields could not be found out.
type Guess struct {
	Name string
	// Language is one of debug.language, or csharp.
	Language string
	// Image is a dev image; Ours says that it is one of this project's, which the tests run.
	Image string
	Ours  bool
	// Build makes what Run starts; empty where nothing has to be built.
	Build, Run string
	Ports      []string
}

// language is how a language's folders are known, and what to begin with.
type language struct {
	name    string
	markers []string
	image   string
	inspect func(fs.FS, *Guess)
}

// own is how the names of this project's dev images begin, and version how they end.
const (
	own     = "ghcr.io/nhctl/dev-"
	version = ":v0.1.0"
)

// The first language with a marker counts: build files of one are often there for another's tools, package.json most of
// all.
func languages() []language {
	return []language{
		{"go", []string{"go.mod"}, own + "go" + version, inspectGo},
		{"rust", []string{"Cargo.toml"}, "docker.io/library/rust:1", inspectRust},
		{"java", []string{"pom.xml"}, own + "java" + version, inspectMaven},
		{"java", []string{"build.gradle", "build.gradle.kts"}, own + "java" + version, inspectGradle},
		{"csharp", []string{"*.csproj", "*.sln"}, "mcr.microsoft.com/dotnet/sdk:8.0", commands("", "dotnet run")},
		{"python", []string{"pyproject.toml", "requirements.txt", "setup.py", "Pipfile"}, own + "python" + version,
			inspectPython},
		{"ruby", []string{"Gemfile"}, own + "ruby" + version, inspectRuby},
		{"php", []string{"composer.json"}, "docker.io/library/php:8-cli",
			commands("", "exec php -S 0.0.0.0:8080 -t public")},
		{"node", []string{"package.json"}, own + "node" + version, inspectNode},
		{"cpp", []string{"CMakeLists.txt"}, own + "cpp" + version, inspectCMake},
		{"python", []string{"*.py"}, own + "python" + version, inspectPython},
		{"ruby", []string{"*.rb"}, own + "ruby" + version, inspectRuby},
		{"java", []string{"*.java"}, own + "java" + version, inspectJava},
		{"cpp", []string{"*.cpp", "*.cc", "*.cxx"}, own + "cpp" + version, inspectCPP},
		{"c", []string{"*.c"}, own + "cpp" + version, inspectCPP},
	}
}

// Look looks at a folder; name is what the folder is called.
func Look(folder fs.FS, name string) Guess {
	g := Guess{Name: label(name)}
	for _, l := range languages() {
		if !slices.ContainsFunc(l.markers,
			func(m string) bool { found, err := fs.Glob(folder, m); return err == nil && len(found) > 0 }) {
			continue
		}
		g.Language, g.Image = l.name, l.image
		l.inspect(folder, &g)
		g.Ours = strings.HasPrefix(g.Image, own)
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
				g.Language, g.Image, g.Ours = l.name, l.image, strings.HasPrefix(l.image, own)
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

func commands(build, run string) func(fs.FS, *Guess) {
	return func(_ fs.FS, g *Guess) { g.Build, g.Run = build, run }
}

// firstLine is the first line of a file that matches, or "".
func firstLine(folder fs.FS, name string, pattern *regexp.Regexp) string {
	f, err := folder.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if m := pattern.FindStringSubmatch(lines.Text()); m != nil {
			return m[len(m)-1]
		}
	}
	return ""
}

func has(folder fs.FS, name string) bool {
	_, err := fs.Stat(folder, name)
	return err == nil
}

func mentions(folder fs.FS, name, text string) bool {
	return firstLine(folder, name, regexp.MustCompile(regexp.QuoteMeta(text))) != ""
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
