//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watcher is a program that does something at each save of a file, and logs the saves that it sees as "v=NUMBER".
type watcher struct {
	name string
	// file is the one that is saved, with V for the save's number; others are the rest of the program. A text of growing is
	// repeated for each save so far.
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
	logLib = `require('fs').appendFileSync(process.env.LOG, 'v=' + require('./lib').v + '\n'); setInterval(() => {}, 1000)`
	logTS  = `import fs from 'fs'
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
	air = `exec air --tmp_dir /tmp/air-$PORT --build.cmd "go build -o /tmp/air-$PORT/it ." --build.bin /tmp/air-$PORT/it`
)

// watchers are the programs of the matrix, by the image that has them.
func watchers() map[string][]watcher {
	js := func(name, run string, others map[string]string) watcher {
		return watcher{name, "lib.js", "exports.v=V // v=V\n", others, run}
	}
	py := func(name, run string, others map[string]string) watcher {
		return watcher{name, "lib.py", "V = V_ # v=V\n", others, run}
	}
	bundler := func(name, run, config, text string) watcher {
		others := map[string]string{"main.mjs": "import { v } from './lib.mjs'; console.log(v)", "package.json": "{}", config: text}
		return watcher{name, "lib.mjs", "export const v = V // v=V\n", others, run}
	}
	return map[string][]watcher{
		"test-node": {
			js("node --watch", "exec node --watch server.js", map[string]string{"server.js": logLib}),
			js("nodemon", "exec nodemon -q server.js", map[string]string{"server.js": logLib}),
			js("tsx watch", "exec tsx watch server.ts", map[string]string{"server.ts": logTS, "package.json": "{}"}),
			bundler("vite build --watch", "exec vite build --watch", "vite.config.mjs", viteConfig),
			bundler("webpack --watch", "exec webpack --watch --config webpack.config.cjs", "webpack.config.cjs", webpackConfig),
			{"tsc --watch", "lib.ts", "export const v = V // v=V\n", nil, logged("tsc --watch --preserveWatchOutput --outDir out lib.ts", "lib.ts")},
			{"tail -f", "log", growing, nil, `exec tail -f log >> "$LOG"`},
		},
		"test-python": {
			py("uvicorn --reload", "exec uvicorn --reload --port $PORT app:app", map[string]string{"app.py": asgi}),
			py("flask --debug", "exec flask --app app --debug run --port $PORT", map[string]string{"app.py": flask}),
			py("django runserver", "exec python3 -m django runserver --settings settings --pythonpath . $PORT", map[string]string{"settings.py": django}),
			py("watchdog", logged("watchmedo shell-command --patterns='*.py' --command='echo seen' .", "lib.py"), nil),
			py("inotifywait on the folder", logged("inotifywait -q -m -e close_write,moved_to .", "lib.py"), nil),
			py("inotifywait on the file", logged("inotifywait -q -m -e close_write lib.py", "lib.py"), nil),
		},
		"test-go": {
			{"air", "lib.go", "package main\n\nconst v = V // v=V\n", map[string]string{"go.mod": "module it\n\ngo 1.21\n", "main.go": logGo}, air},
			{"fsnotify on a file", "config", "# v=V\n", nil, `exec /home/dev/src/onefile config >> "$LOG"`},
			{"fsnotify on its folder", "config", "# v=V\n", nil, `exec /home/dev/src/onefile -dir config >> "$LOG"`},
		},
	}
}

// growing is the text of a file that gets a line with each save, as a log does.
const growing = "v=V\n"

func (w watcher) content(save int) string {
	if w.text == growing {
		var all strings.Builder
		for i := range save + 1 {
			fmt.Fprintf(&all, "v=%d\n", i)
		}
		return all.String()
	}
	n := strconv.Itoa(save)
	return strings.ReplaceAll(strings.ReplaceAll(strings.Replace(w.text, "V_", n, 1), "=V", "="+n), "= V ", "= "+n+" ")
}

func (w watcher) folder() string {
	return strings.Trim(regexp.MustCompile(`[^a-z]+`).ReplaceAllString(w.name, "-"), "-")
}

// savesEach is how many saves of either sort there are.
const savesEach = 10

// Programs that watch files see the computer's saves in the container just as those that are made next to them: in place or replaced.
func TestWatchers(t *testing.T) {
	t.Parallel()
	for image, all := range watchers() {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			m := startMatrix(t, image, all)
			first := m.warmUp()
			for save := range 2 * savesEach {
				m.save(first+save, save >= savesEach)
				m.await(first + save)
				time.Sleep(firstLook)
			}
			m.compare(first)
			m.dev.must(m.src, "dev", "end")
		})
	}
}

// watching runs each program twice in one container: on files that come from the computer, and on a plain folder, "home".
type watching struct {
	t    *testing.T
	dev  *developer
	src  string
	all  []watcher
	idle map[string]int // how many saves in a row a program has not seen in either place
	seen map[string]map[int]bool
}

func startMatrix(t *testing.T, image string, all []watcher) *watching {
	ns := shop(t)
	m := &watching{t: t, dev: shared.developer(t, ns), all: all, idle: map[string]int{}, seen: map[string]map[int]bool{}}
	m.src = filepath.Join(m.dev.home, "src", "watched")
	configure(t, m.src, "catalog", image, "")
	build := exec.Command("go", "build", "-o", filepath.Join(m.src, "onefile"), "./testdata/onefile")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var script strings.Builder
	script.WriteString("mkdir -p /tmp/logs; cp -r /home/dev/src /tmp/home; ln -s /home/node_modules /tmp/node_modules 2> /dev/null\n")
	for i, w := range all {
		for name, text := range w.others {
			write(t, filepath.Join(m.src, w.folder(), name), text)
		}
		write(t, filepath.Join(m.src, w.folder(), w.file), w.content(0))
		write(t, filepath.Join(m.src, w.folder(), "run.sh"), w.run+"\n")
		for j, place := range []string{"/home/dev/src", "/tmp/home"} {
			log := fmt.Sprintf("/tmp/logs/%s.%d", w.folder(), j)
			fmt.Fprintf(&script, "(cd %s/%s && LOG=%s PORT=%d setsid sh run.sh > %[3]s.out 2>&1 < /dev/null &)\n", place, w.folder(), log, 9000+2*i+j)
		}
	}
	m.dev.must(m.src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	if _, err := m.dev.inPod(m.src, "sh", "-c", script.String()); err != nil {
		t.Fatal(err)
	}
	m.settle()
	return m
}

// settle waits until nothing is logged any more: all programs have started.
func (m *watching) settle() {
	const quiet = `old=
for i in $(seq 60); do
	sleep 1
	new=$(cat /tmp/logs/* | wc -c)
	[ "$old" = "$new" ] && [ $i -gt 8 ] && exit 0
	old=$new
done`
	if _, err := m.dev.inPod(m.src, "sh", "-c", quiet); err != nil {
		m.t.Fatal(err)
	}
}

// warmUp saves until each program has seen a save in both places: all have started then. It returns the number of the next save.
func (m *watching) warmUp() int {
	const most = 10
	for save := 1; save <= most; save++ {
		m.save(save, false)
		m.await(save)
		time.Sleep(firstLook)
		missing := slices.ContainsFunc(m.all, func(w watcher) bool {
			return !m.seen[w.folder()+".0"][save] || !m.seen[w.folder()+".1"][save]
		})
		if !missing {
			return save + 1
		}
	}
	for _, w := range m.all {
		if len(m.seen[w.folder()+".0"]) < 2 || len(m.seen[w.folder()+".1"]) < 2 {
			out, _ := m.dev.inPod(m.src, "sh", "-c", "tail -n 20 /tmp/logs/"+w.folder()+".*")
			m.t.Fatalf("%s sees no save, has it started?\n%s", w.name, out)
		}
	}
	return most + 1
}

// save saves a file of each program in both places.
func (m *watching) save(n int, replace bool) {
	m.t.Helper()
	var script strings.Builder
	for _, w := range m.all {
		rel := filepath.Join(w.folder(), w.file)
		file, home, next := filepath.Join(m.src, rel), "/tmp/home/"+rel, filepath.Join(m.dev.home, "next")
		if !replace {
			fmt.Fprintf(&script, "cat > %s <<'END'\n%sEND\n", home, w.content(n))
			write(m.t, file, w.content(n))
			continue
		}
		fmt.Fprintf(&script, "cat > /tmp/next <<'END'\n%sEND\nmv /tmp/next %s\n", w.content(n), home)
		write(m.t, next, w.content(n))
		if err := os.Rename(next, file); err != nil {
			m.t.Fatal(err)
		}
	}
	if _, err := m.dev.inPod(m.src, "sh", "-c", script.String()); err != nil {
		m.t.Fatal(err)
	}
}

// look reads the logs, and notes which saves were seen.
func (m *watching) look() {
	out, err := m.dev.inPod(m.src, "sh", "-c", "cd /tmp/logs && grep -o 'v=[0-9]*' *.0 *.1; true")
	if err != nil {
		m.t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		log, v, _ := strings.Cut(strings.TrimSpace(line), ":v=")
		if m.seen[log] == nil {
			m.seen[log] = map[int]bool{}
		}
		if n, err := strconv.Atoi(v); err == nil {
			m.seen[log][n] = true
		}
	}
}

// Limits of the wait for a save to be seen: of a program that has seen those before, and of one that sees none any more.
const (
	seenLimit = 10 * time.Second
	deadLimit = time.Second
	// firstLook is when a program that looks each second, as Flask and Django do, has begun to after its restart.
	firstLook = 2 * time.Second
)

// missed is how many saves a program may miss by chance in either place: one that looks each second, or is starting again, does.
const missed = 1

// await waits until all programs have seen a save in both places, or may be expected not to.
func (m *watching) await(n int) {
	begin := time.Now()
	for {
		m.look()
		waiting := false
		for _, w := range m.all {
			limit := seenLimit
			if m.idle[w.name] > 1 {
				limit = deadLimit
			}
			both := m.seen[w.folder()+".0"][n] && m.seen[w.folder()+".1"][n]
			waiting = waiting || !both && time.Since(begin) < limit
		}
		if !waiting {
			break
		}
	}
	for _, w := range m.all {
		if m.seen[w.folder()+".0"][n] || m.seen[w.folder()+".1"][n] {
			m.idle[w.name] = 0
		} else {
			m.idle[w.name]++
		}
	}
}

// compare says how many saves of either sort each program has seen: as many as at home, less what it may miss by chance.
func (m *watching) compare(first int) {
	m.t.Helper()
	count := func(log string, from int) (n int) {
		for _, save := range slices.Sorted(maps.Keys(m.seen[log])) {
			if save >= from && save < from+savesEach {
				n++
			}
		}
		return n
	}
	for _, w := range m.all {
		for i, sort := range []string{"in place", "replaced"} {
			pod, home := count(w.folder()+".0", first+i*savesEach), count(w.folder()+".1", first+i*savesEach)
			m.t.Logf("%-26s %-9s %2d of %d seen in the container, %2d at home", w.name, sort, pod, savesEach, home)
			if pod < home-missed || pod > home+missed {
				out, _ := m.dev.inPod(m.src, "sh", "-c", "tail -n 20 /tmp/logs/"+w.folder()+".*")
				m.t.Errorf("%s, %s: %d saves seen in the container, %d at home\n%s", w.name, sort, pod, home, out)
			}
		}
	}
}
