// Package scaffold writes a first config: it looks at a folder of sources for the language, the commands and the port of a service. It
// knows nothing of clusters.
package scaffold

import (
	"bufio"
	"encoding/json"
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
	Run   string
	Ports []string
}

// language is how a language's folders are known, and what to begin with.
type language struct {
	name    string
	markers []string
	image   string
	ours    bool
	inspect func(fs.FS, *Guess)
}

// The first language with a marker counts: build files of one are often there for another's tools, package.json most of all.
func languages() []language {
	const own = "ghcr.io/nhctl/dev-"
	return []language{
		{"go", []string{"go.mod"}, own + "go:v0.1.0", true, inspectGo},
		{"rust", []string{"Cargo.toml"}, "docker.io/library/rust:1", false, runs("cargo run")},
		{"java", []string{"pom.xml"}, "docker.io/library/maven:3-eclipse-temurin-21", false, inspectMaven},
		{"java", []string{"build.gradle", "build.gradle.kts"}, "docker.io/library/gradle:8-jdk21", false, inspectGradle},
		{"csharp", []string{"*.csproj", "*.sln"}, "mcr.microsoft.com/dotnet/sdk:8.0", false, runs("dotnet run")},
		{"python", []string{"pyproject.toml", "requirements.txt", "setup.py", "Pipfile"}, own + "python:v0.1.0", true, inspectPython},
		{"ruby", []string{"Gemfile"}, "docker.io/library/ruby:3", false, inspectRuby},
		{"php", []string{"composer.json"}, "docker.io/library/php:8-cli", false, runs("php -S 0.0.0.0:8080 -t public")},
		{"node", []string{"package.json"}, own + "node:v0.1.0", true, inspectNode},
		{"python", []string{"*.py"}, own + "python:v0.1.0", true, inspectPython},
	}
}

// Look looks at a folder; name is what the folder is called.
func Look(folder fs.FS, name string) Guess {
	g := Guess{Name: label(name)}
	for _, l := range languages() {
		if !slices.ContainsFunc(l.markers, func(m string) bool { found, err := fs.Glob(folder, m); return err == nil && len(found) > 0 }) {
			continue
		}
		g.Language, g.Image, g.Ours = l.name, l.image, l.ours
		l.inspect(folder, &g)
		break
	}
	g.Ports = exposed(folder)
	return g
}

// Learn takes from the container that runs in the cluster what the folder did not say: the language that its image is named after, and
// its command, which is also that of the sources where nothing is compiled.
func (g *Guess) Learn(image string, command []string) {
	if g.Language == "" {
		repository, _, _ := strings.Cut(path.Base(image), ":")
		for _, l := range languages() {
			if repository == l.name || repository == l.name+"lang" {
				g.Language, g.Image, g.Ours = l.name, l.image, l.ours
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

func runs(command string) func(fs.FS, *Guess) {
	return func(_ fs.FS, g *Guess) { g.Run = command }
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

var goModule = regexp.MustCompile(`^module\s+"?([^\s"]+)`)

func inspectGo(folder fs.FS, g *Guess) {
	if module := firstLine(folder, "go.mod", goModule); module != "" {
		last := path.Base(module)
		if regexp.MustCompile(`^v[0-9]+$`).MatchString(last) {
			last = path.Base(path.Dir(module))
		}
		g.Name = label(last)
	}
	g.Run = "go run ."
	mains, err := fs.Glob(folder, "cmd/*/main.go")
	if has(folder, "main.go") || err != nil || len(mains) == 0 {
		return
	}
	chosen := mains[0]
	for _, m := range mains { // a server is more likely than a tool
		if base := path.Base(path.Dir(m)); base == g.Name || base == "server" {
			chosen = m
		}
	}
	g.Run = "go run ./" + path.Dir(chosen)
}

func inspectNode(folder fs.FS, g *Guess) {
	var pkg struct {
		Name    string
		Main    string
		Scripts map[string]string
	}
	if data, err := fs.ReadFile(folder, "package.json"); err == nil && json.Unmarshal(data, &pkg) == nil && pkg.Name != "" {
		g.Name = label(path.Base(pkg.Name))
	}
	tool := "npm"
	switch {
	case has(folder, "pnpm-lock.yaml"):
		tool = "pnpm"
	case has(folder, "yarn.lock"):
		tool = "yarn"
	}
	for _, script := range []string{"dev", "start"} {
		if pkg.Scripts[script] != "" {
			g.Run = tool + " run " + script
			return
		}
	}
	g.Run = "node ."
	for _, file := range []string{pkg.Main, "index.js", "server.js", "main.js", "app.js"} {
		if file != "" && has(folder, path.Clean(file)) {
			g.Run = "node " + file
			return
		}
	}
}

var pythonName = regexp.MustCompile(`^name\s*=\s*["']([^"']+)["']`)

func inspectPython(folder fs.FS, g *Guess) {
	if name := firstLine(folder, "pyproject.toml", pythonName); name != "" {
		g.Name = label(name)
	}
	if has(folder, "manage.py") {
		g.Run = "python3 manage.py runserver 0.0.0.0:8000"
		return
	}
	for _, file := range []string{"main.py", "app.py", "server.py", "wsgi.py"} {
		if has(folder, file) {
			g.Run = "python3 " + file
			return
		}
	}
}

func inspectMaven(folder fs.FS, g *Guess) {
	g.Run = "mvn compile exec:java"
	if mentions(folder, "pom.xml", "spring-boot") {
		g.Run = "mvn spring-boot:run"
	}
}

func inspectGradle(folder fs.FS, g *Guess) {
	tool := "gradle"
	if has(folder, "gradlew") {
		tool = "./gradlew"
	}
	g.Run = tool + " run"
	if mentions(folder, "build.gradle", "springframework.boot") || mentions(folder, "build.gradle.kts", "springframework.boot") {
		g.Run = tool + " bootRun"
	}
}

func inspectRuby(folder fs.FS, g *Guess) {
	switch {
	case has(folder, "bin/rails"):
		g.Run = "bundle exec rails server -b 0.0.0.0"
	case has(folder, "config.ru"):
		g.Run = "bundle exec rackup -o 0.0.0.0"
	case has(folder, "app.rb"):
		g.Run = "ruby app.rb"
	}
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
