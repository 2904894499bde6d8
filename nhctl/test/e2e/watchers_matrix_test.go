//go:build e2e

package e2e

import (
	"regexp"
	"strconv"
	"strings"
)

// watcher is a program that does something at each save of a file, and logs the saves that it sees as "v=NUMBER".
type watcher struct {
	name string
	// file is the one that is saved, with %d for the save's number; others are the rest of the program. A text of
	// growing is repeated for each save so far.
	file, text string
	others     map[string]string
	// run is a shell script. It finds its log's name in $LOG, and a port of its own in $PORT.
	run string
}

// logged is a pipe's end that logs what the file has at each line that a program prints.
func logged(run, file string) string {
	return run + " 2>&1 | while read -r line; do cat " + file + ` >> "$LOG"; done`
}

const (
	logLib = `require('fs').appendFileSync(process.env.LOG, 'v=' + require('./lib').v + '\n')
setInterval(() => {}, 1000)
`
	logTS = `import fs from 'fs'
import { v } from './lib.js'
fs.appendFileSync(process.env.LOG!, 'v=' + v + '\n')
setInterval(() => {}, 1000)
`
	viteConfig = `import fs from 'fs'
const log = { name: 'log', closeBundle() { fs.appendFileSync(process.env.LOG, fs.readFileSync('lib.mjs')) } }
export default { build: { lib: { entry: 'main.mjs', formats: ['es'], fileName: 'out' } }, plugins: [log] }
`
	webpackConfig = `const fs = require('fs')
const log = () => fs.appendFileSync(process.env.LOG, fs.readFileSync('lib.mjs'))
module.exports = { mode: 'none', entry: './main.mjs', plugins: [{ apply(c) { c.hooks.done.tap('log', log) } }] }
`
	logPython = `import os, lib
open(os.environ['LOG'], 'a').write('v=%d\n' % lib.V)
`
	asgi   = logPython + "async def app(scope, receive, send): pass\n"
	flask  = logPython + "from flask import Flask\napp = Flask('app')\n"
	django = logPython + "DEBUG = True\nSECRET_KEY = 'x'\nROOT_URLCONF = 'settings'\nurlpatterns = []\nDATABASES = {}\n"
	logGo  = `package main

import (
	"fmt"
	"os"
)

func main() {
	f, _ := os.OpenFile(os.Getenv("LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	fmt.Fprintf(f, "v=%d\n", v)
	select {}
}
`
	air = `exec air --tmp_dir /tmp/air-$PORT --build.cmd "go build -o /tmp/air-$PORT/it ." ` +
		`--build.bin /tmp/air-$PORT/it`
)

// watchers are the programs of the matrix, by the image that has them. Some that people use are in no registry that a
// test may need: uvicorn with watchfiles (Debian's has watchgod), and Spring's devtools.
func watchers() map[string][]watcher {
	js := func(name, run string, others map[string]string) watcher {
		return watcher{name: name, file: "lib.js", text: "exports.v = %d // v=%d\n", others: others, run: run}
	}
	bundler := func(name, run, config, text string) watcher {
		others := map[string]string{"package.json": "{}", "main.mjs": "import { v } from './lib.mjs'; console.log(v)"}
		others[config] = text
		return watcher{name: name, file: "lib.mjs", text: "export const v = %d // v=%d\n", others: others, run: run}
	}
	fsnotify := func(name, args string) watcher {
		run := `exec /home/dev/src/onefile ` + args + ` >> "$LOG"`
		return watcher{name: name, file: "config", text: "# v=%d\n", run: run}
	}
	tsc := logged("tsc --watch --preserveWatchOutput --outDir out lib.ts", "lib.ts")
	return map[string][]watcher{
		"test-node": {
			js("node --watch", "exec node --watch server.js", map[string]string{"server.js": logLib}),
			js("nodemon", "exec nodemon -q server.js", map[string]string{"server.js": logLib}),
			js("tsx watch", "exec tsx watch server.ts", map[string]string{"server.ts": logTS, "package.json": "{}"}),
			bundler("vite build --watch", "exec vite build --watch", "vite.config.mjs", viteConfig),
			bundler("webpack --watch", "exec webpack --watch --config build.cjs", "build.cjs", webpackConfig),
			{name: "tsc --watch", file: "lib.ts", text: "export const v = %d // v=%d\n", run: tsc},
			{name: "tail -f", file: "log", text: growing, run: `exec tail -f log >> "$LOG"`},
		},
		"test-python": pythonWatchers(),
		"test-go": {
			{
				name:   "air",
				file:   "lib.go",
				text:   "package main\n\nconst v = %d // v=%d\n",
				others: map[string]string{"go.mod": "module it\n\ngo 1.21\n", "main.go": logGo},
				run:    air,
			},
			{name: "viper", file: "config.yaml", text: "version: %d\n", run: `exec viper config.yaml >> "$LOG"`},
			fsnotify("fsnotify on a file", "config"),
			fsnotify("fsnotify on its folder", "-dir config"),
		},
	}
}

func pythonWatchers() []watcher {
	const (
		statReload   = `import sys; sys.modules["watchgod"] = None; import uvicorn; uvicorn.main()`
		watchmedo    = "watchmedo shell-command --patterns='*.py' --command='echo seen' ."
		djangoServer = "exec python3 -m django runserver --settings settings --pythonpath . $PORT"
	)
	py := func(name, run, program, text string) watcher {
		w := watcher{name: name, file: "lib.py", text: "V = %d # v=%d\n", run: run}
		if program != "" {
			w.others = map[string]string{program: text}
		}
		return w
	}
	return []watcher{
		py("uvicorn --reload with watchgod", "exec uvicorn --reload --port $PORT app:app", "app.py", asgi),
		py("uvicorn --reload", "exec python3 -c '"+statReload+"' --reload --port $PORT app:app", "app.py", asgi),
		py("flask --debug", "exec flask --app app --debug run --port $PORT", "app.py", flask),
		py("django runserver", djangoServer, "settings.py", django),
		py("watchdog", logged(watchmedo, "lib.py"), "", ""),
		py("inotifywait on the folder", logged("inotifywait -q -m -e close_write,moved_to .", "lib.py"), "", ""),
		py("inotifywait on the file", logged("inotifywait -q -m -e close_write lib.py", "lib.py"), "", ""),
	}
}

// growing is the text of a file that gets a line with each save, as a log does.
const growing = "v=%d\n"

// content is the file's after a number of saves.
func (w watcher) content(save int) string {
	at := func(n int) string { return strings.ReplaceAll(w.text, "%d", strconv.Itoa(n)) }
	if w.text != growing {
		return at(save)
	}
	var all strings.Builder
	for i := range save + 1 {
		all.WriteString(at(i))
	}
	return all.String()
}

func (w watcher) folder() string {
	return strings.Trim(regexp.MustCompile(`[^a-z]+`).ReplaceAllString(w.name, "-"), "-")
}
