package scaffold

import (
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/scaffold/sources"
)

var goModule = regexp.MustCompile(`^module\s+"?([^\s"]+)`)

func inspectGo(folder fs.FS, g *Guess) {
	if module := firstLine(folder, "go.mod", goModule); module != "" {
		last := path.Base(module)
		if regexp.MustCompile(`^v[0-9]+$`).MatchString(last) {
			last = path.Base(path.Dir(module))
		}
		g.Name = label(last)
	}
	program := "/tmp/" + g.Name
	g.Build, g.Run, g.Test = "go build -o "+program+" .", "exec "+program, "go test -fullpath ./..."
	mains, err := fs.Glob(folder, "cmd/*/main.go")
	if sources.Has(folder, "main.go") || err != nil || len(mains) == 0 {
		return
	}
	chosen := mains[0]
	for _, m := range mains { // a server is more likely than a tool
		if base := path.Base(path.Dir(m)); base == g.Name || base == "server" {
			chosen = m
		}
	}
	g.Build = "go build -o " + program + " ./" + path.Dir(chosen)
}

func inspectNode(folder fs.FS, g *Guess) {
	var pkg struct {
		Name    string
		Main    string
		Scripts map[string]string

		Dependencies, DevDependencies map[string]string
	}
	if err := json.Unmarshal(sources.Content(folder, "package.json"), &pkg); err == nil && pkg.Name != "" {
		g.Name = label(path.Base(pkg.Name))
	}
	tool := "npm"
	switch {
	case sources.Has(folder, "pnpm-lock.yaml"):
		tool = "corepack pnpm" // which the image has as a part of Node
	case sources.Has(folder, "yarn.lock"):
		tool = "yarn"
	}
	if len(pkg.Dependencies)+len(pkg.DevDependencies) > 0 {
		g.Build = "test -d node_modules || " + tool + " install"
	}
	if pkg.Scripts["test"] != "" {
		g.Test = tool + " test"
	}
	for _, script := range []string{"dev", "start"} {
		if text := pkg.Scripts[script]; strings.HasPrefix(text, "node ") && !strings.ContainsAny(text, "&|;") {
			g.Run = "exec " + text // without npm's process, which would keep signals from it
			return
		} else if text != "" {
			g.Run = "exec " + tool + " run " + script
			return
		}
	}
	g.Run = "exec node ."
	for _, file := range []string{pkg.Main, "index.js", "server.js", "main.js", "app.js"} {
		if file != "" && sources.Has(folder, path.Clean(file)) {
			g.Run = "exec node " + file
			return
		}
	}
}

var tomlName = regexp.MustCompile(`^name\s*=\s*["']([^"']+)["']`)

func inspectPython(folder fs.FS, g *Guess) {
	if name := firstLine(folder, "pyproject.toml", tomlName); name != "" {
		g.Name = label(name)
	}
	if sources.Has(folder, "requirements.txt") {
		g.Build = "pip install --quiet --requirement requirements.txt"
	}
	g.Test = "python3 -m pytest"
	if sources.Has(folder, "manage.py") {
		g.Test = "python3 manage.py test"
		g.Run = "exec python3 manage.py runserver 0.0.0.0:8000"
		return
	}
	for _, file := range []string{"main.py", "app.py", "server.py", "wsgi.py"} {
		if sources.Has(folder, file) {
			g.Run = "exec python3 " + file
			return
		}
	}
}

func inspectMaven(folder fs.FS, g *Guess) {
	tool := "mvn"
	if sources.Has(folder, "mvnw") {
		tool = "./mvnw"
	}
	g.Build, g.Run, g.Test = tool+" -q compile", "exec "+tool+" -q exec:java", tool+" test"
	if mentions(folder, "pom.xml", "spring-boot") {
		g.Run = "exec " + tool + " spring-boot:run"
	}
}

func inspectGradle(folder fs.FS, g *Guess) {
	tool := "gradle"
	if sources.Has(folder, "gradlew") {
		tool = "./gradlew"
	}
	g.Run, g.Test = "exec "+tool+" run", tool+" test"
	if mentions(folder, "build.gradle", "springframework.boot") ||
		mentions(folder, "build.gradle.kts", "springframework.boot") {
		g.Run = "exec " + tool + " bootRun"
	}
}

// inspectJava looks for the class to start among files without a build tool.
func inspectJava(folder fs.FS, g *Guess) {
	g.Build = "javac -g -d /tmp/classes $(find . -name '*.java')"
	files, _ := fs.Glob(folder, "*.java")
	for _, file := range files {
		if mentions(folder, file, "void main(") {
			g.Run = "exec java -cp /tmp/classes " + strings.TrimSuffix(file, ".java")
			return
		}
	}
}

func inspectRust(folder fs.FS, g *Guess) {
	g.Test = "cargo test"
	name := firstLine(folder, "Cargo.toml", tomlName)
	if name == "" {
		g.Run = "cargo run" // a workspace
		return
	}
	g.Name = label(name)
	g.Build, g.Run = "cargo build", "exec target/debug/"+name
}

func inspectRuby(folder fs.FS, g *Guess) {
	bundle := ""
	if sources.Has(folder, "Gemfile") {
		g.Build, bundle = "bundle check || bundle install", "bundle exec "
	}
	switch {
	case sources.Has(folder, "spec"):
		g.Test = bundle + "rspec"
	case sources.Has(folder, "bin/rails"):
		g.Test = bundle + "rails test"
	case sources.Has(folder, "Rakefile"):
		g.Test = bundle + "rake test"
	}
	switch {
	case sources.Has(folder, "bin/rails"):
		g.Run = "exec " + bundle + "rails server -b 0.0.0.0"
	case sources.Has(folder, "config.ru"):
		g.Run = "exec " + bundle + "rackup -o 0.0.0.0"
	}
	for _, file := range []string{"app.rb", "main.rb", "server.rb"} {
		if g.Run == "" && sources.Has(folder, file) {
			g.Run = "exec " + bundle + "ruby " + file
		}
	}
}

var executable = regexp.MustCompile(`(?i)^\s*add_executable\s*\(\s*([\w.-]+)`)

func inspectCMake(folder fs.FS, g *Guess) {
	g.Build = "cmake -S . -B /tmp/build -DCMAKE_BUILD_TYPE=Debug && cmake --build /tmp/build"
	if name := firstLine(folder, "CMakeLists.txt", executable); name != "" {
		g.Run = "exec /tmp/build/" + name
	}
}

func inspectCPP(folder fs.FS, g *Guess) {
	program := "/tmp/" + g.Name
	if sources.Has(folder, "Makefile") {
		g.Build = "make" // what it makes is not known
		return
	}
	compiler, ending := "g++", ""
	for _, e := range []string{"c", "cxx", "cc", "cpp"} {
		if found, err := fs.Glob(folder, "*."+e); err == nil && len(found) > 0 {
			ending = e
		}
	}
	if ending == "c" {
		compiler = "gcc"
	}
	g.Build, g.Run = compiler+" -g -o "+program+" *."+ending, "exec "+program
}
