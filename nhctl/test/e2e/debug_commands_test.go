//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// startedBy is a service that a command starts as a process of a process, as people's commands do.
type startedBy struct {
	command string
	// file has the line of the breakpoint, where name is the one that is greeted; path leads there.
	file, line, path string
	// reloads says that the service starts again by itself after a save.
	reloads bool
	// waits says that the service is to wait for a client (--wait): line is the first that it runs.
	waits bool
}

// commands are those of a language, in one session.
type commands struct {
	language, image, expression string
	attach                      func(t *testing.T, d event.DebugData, file string, line int) debugClient
	// config is further YAML of the dev container.
	config string
	all    []startedBy
}

// run debugs the service under each command.
func (c commands) run(t *testing.T) {
	t.Helper()
	ns := place(t, "base")
	dev := shared.developer(t, ns)
	src := dev.sources("nhctl/test/e2e/testdata/commands/" + c.language)
	if c.language == "go" { // among the tests' files it would be a module of its own
		write(t, filepath.Join(src, "go.mod"), "module example.com/greeter\n\ngo 1.24\n")
	}
	set := func(command string) {
		configure(t, src, "greeter", c.image,
			fmt.Sprintf("command: {run: [%q]}\ndebug: {language: %s}\n%s", command, c.language, c.config))
	}
	set("true")
	dev.must(src, "dev", "start", "--no-terminal")
	for _, s := range c.all {
		name, stops := s.command, c.stops
		if s.waits {
			name, stops = s.command+" --wait", c.stopsAtTheFirstLine
		}
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(src, s.file)
			before := read(t, file)
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(seen(dev, src, s.file))
				}
				write(t, file, before)
			})
			set(s.command)
			stops(t, ns, dev, src, s)
		})
	}
	dev.must(src, "dev", "end")
}

// seen is what the container has of a case that failed: the file, the processes, and the last that they printed.
func seen(dev *developer, src, file string) string {
	const all = `grep -n "Hello\|Saved" "$0"; ps -eo pid,ppid,stat,etimes,args 2>&1 | grep -v "ps -eo"`
	const most = 20
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	printed := strings.Split(dev.runContext(ctx, src, "dev", "logs", "debug").stdout, "\n")
	return dev.runContext(ctx, src, "dev", "exec", "--", "sh", "-c", all, file).String() +
		strings.Join(printed[max(0, len(printed)-most):], "\n")
}

// stops has the program stop on a breakpoint at a local line, for one client after another, and again in the process
// that its own reloader starts after a save.
func (c commands) stops(t *testing.T, ns string, dev *developer, src string, s startedBy) {
	t.Helper()
	d := outcome[event.DebugData](dev, src, "dev", "debug")
	scenario := debugged{
		service:    "greeter",
		attach:     c.attach,
		path:       s.path + "/Ada",
		expression: c.expression,
		value:      "Ada",
	}
	file := filepath.Join(src, s.file)
	line := lineOf(t, file, s.line)
	serviceAnswers(t, ns, "greeter", scenario.path, "Hello, Ada")
	for range 2 {
		scenario.stops(t, ns, d, file, line, "Hello, Ada", func() {})
	}
	if s.reloads {
		edit(t, file, "Hello, ", "Saved, ")
		serviceAnswers(t, ns, "greeter", scenario.path, "Saved, Ada")
		scenario.stops(t, ns, d, file, line, "Saved, Ada", func() {})
	}
}

// stopsAtTheFirstLine has the program wait for a client: a breakpoint at the first line that it runs, and runs once, is
// hit, and the service answers after that.
func (c commands) stopsAtTheFirstLine(t *testing.T, ns string, dev *developer, src string, s startedBy) {
	t.Helper()
	d := outcome[event.DebugData](dev, src, "dev", "debug", "--wait")
	file := filepath.Join(src, s.file)
	client := c.attach(t, d, file, lineOf(t, file, s.line))
	if where, _ := client.stopped("1 + 1"); where != file {
		t.Errorf("stopped in %s", where)
	}
	client.goOn()
	client.leave()
	serviceAnswers(t, ns, "greeter", s.path+"/Ada", "Hello, Ada")
}

// A Node service behind package managers, watchers, TypeScript's runners, frameworks and scripts.
func TestDebugNodeCommands(t *testing.T) {
	t.Parallel()
	const js, ts, nest, next = "response.end(text)", "return text;", "return text;", "return new Response(text)"
	commands{
		language: "node", image: "test-node", attach: inspect, expression: "name",
		all: []startedBy{
			{command: "npm start", file: "main.js", line: js},
			{command: "npm run dev", file: "main.js", line: js, reloads: true},
			{command: "yarn dev", file: "main.js", line: js},
			{command: "pnpm dev", file: "main.js", line: js},
			{command: "npx nodemon main.js", file: "main.js", line: js},
			{command: "exec node --watch main.js", file: "main.js", line: js, reloads: true},
			{command: "tsx watch main.ts", file: "main.ts", line: ts, reloads: true},
			{command: "npx ts-node --transpileOnly main.ts", file: "main.ts", line: ts},
			{command: "npm run nest", file: "src/main.ts", line: nest, reloads: true},
			{command: "cd web && npm run dev", file: "web/app/api/[name]/route.js", line: next, path: "/api"},
			{command: "make run", file: "main.js", line: js},
			{command: "sh -c 'cd . && exec env GREETING=Hello ./run.sh'", file: "main.js", line: js},
			{command: "npm run dev", file: "main.js", line: "const http", waits: true},
			{command: "npm start", file: "main.js", line: "const http", waits: true},
		},
	}.run(t)
}

// A Python service behind reloaders, servers with workers, runners and scripts.
func TestDebugPythonCommands(t *testing.T) {
	t.Parallel()
	const flask, django, asgi = "return text", "return HttpResponse(text)", `await send({"type": "http.response.start"`
	const first = "from flask"
	const address = " --host 0.0.0.0 --port 8080"
	commands{
		language: "python", image: "test-python", attach: attachDAP, expression: "name",
		all: []startedBy{
			{command: "flask --app hello --debug run" + address, file: "hello.py", line: flask, reloads: true},
			{command: "python3 hello.py", file: "hello.py", line: flask, reloads: true},
			{command: "python3 manage.py runserver 0.0.0.0:8080", file: "greeter/urls.py", line: django, reloads: true},
			{command: "uvicorn asgi:app --reload" + address, file: "asgi.py", line: asgi, reloads: true},
			{command: "python3 -m uvicorn asgi:app --workers 3" + address, file: "asgi.py", line: asgi},
			{
				command: "gunicorn --bind 0.0.0.0:8080 --workers 4 --reload hello:app",
				file:    "hello.py",
				line:    flask,
				reloads: true,
			},
			{command: "poetry run gunicorn --bind 0.0.0.0:8080 hello:app", file: "hello.py", line: flask},
			{command: "env PIPENV_SITE_PACKAGES=1 pipenv run serve", file: "hello.py", line: flask},
			{command: "poetry run serve", file: "hello.py", line: flask},
			{command: "pdm run serve", file: "hello.py", line: flask, reloads: true},
			{command: "pdm run wsgi", file: "hello.py", line: flask},
			{command: "make run", file: "hello.py", line: flask},
			{command: "cd . && exec env GREETING=Hello sh -c ./run.sh", file: "hello.py", line: flask},
			{command: "poetry run python3 hello.py", file: "hello.py", line: first, waits: true},
			{command: "pdm run serve", file: "hello.py", line: first, waits: true},
			{command: "uvicorn asgi:app" + address, file: "asgi.py", line: "async def app", waits: true},
		},
	}.run(t)
}

// A Java service behind Gradle and Maven, whose own JVMs are not the program, unless Maven runs it in its own. Both are
// Debian's, without plugins from elsewhere: bootRun is a JavaExec task, as Spring Boot's is, and exec:exec stands for
// all goals that start a JVM.
func TestDebugJavaCommands(t *testing.T) {
	t.Parallel()
	const file, line, first = "src/main/java/Greeter.java", "return text;", "HttpServer.create"
	commands{
		language: "java", image: "test-java", attach: attachJDWP, expression: "name",
		all: []startedBy{
			{command: "./gradlew run", file: file, line: line},
			{command: "./gradlew bootRun", file: file, line: line},
			{command: "mvn -q compile exec:java", file: file, line: line},
			{command: "mvn -q compile exec:exec", file: file, line: line},
			{command: "make run", file: file, line: line},
			{
				command: "sh -c 'javac -g -d /tmp/classes src/main/java/Greeter.java; java -cp /tmp/classes Greeter'",
				file:    file,
				line:    line,
			},
			{command: "./gradlew run", file: file, line: first, waits: true},
			{command: "mvn -q compile exec:java", file: file, line: first, waits: true},
			{command: "mvn -q compile exec:exec", file: file, line: first, waits: true},
		},
	}.run(t)
}

// A Go service behind air, make and scripts.
func TestDebugGoCommands(t *testing.T) {
	t.Parallel()
	const file, line = "main.go", `fmt.Fprintf(w, "`
	commands{
		language: "go", image: "test-go", attach: attachDelve, expression: "name",
		all: []startedBy{
			{command: "air", file: file, line: line, reloads: true},
			{command: "make run", file: file, line: line},
			{command: "make built", file: file, line: line},
			{command: "exec env GREETING=Hello ./run.sh", file: file, line: line},
			{command: "sh -c 'go run .'", file: file, line: line},
			{command: "make run", file: file, line: "panic(", waits: true},
		},
	}.run(t)
}
