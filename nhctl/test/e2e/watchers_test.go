//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// savesEach is how many saves of either sort there are.
const savesEach = 10

// Programs that watch files see each of the computer's saves in the container that they see of those made next to them,
// in place or replaced. Any of them may miss a save wherever it runs, as it starts again: one that does is started
// again for at most two more rounds, and has to see them all in one of these.
func TestWatchers(t *testing.T) {
	t.Parallel()
	const rounds = 3
	for image, all := range watchers() {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			for round := 1; len(all) > 0; round++ {
				m := startMatrix(t, image, all)
				all = nil
				for _, missed := range m.missed(m.round()) {
					t.Log(missed)
					if round == rounds {
						t.Errorf("in round %d, too: %s\n%s", round, missed, m.printed(missed.watcher))
						continue
					}
					all = append(all, missed.watcher)
				}
				m.dev.must(m.src, "dev", "end")
			}
		})
	}
}

// watching runs each program twice in one container: on files that come from the computer, and on a plain folder,
// "home".
type watching struct {
	t   *testing.T
	dev *developer
	src string
	all []watcher
	// By the log's name: how many saves in a row are not in it, and how often each is.
	idle map[string]int
	seen map[string]map[int]int
}

// round makes all saves, and returns the number of the first.
func (m *watching) round() int {
	m.t.Helper()
	first := m.warmUp()
	for save := range 2 * savesEach {
		m.save(first+save, save >= savesEach)
		m.await(first + save)
		time.Sleep(firstLook)
	}
	m.look()
	return first
}

func startMatrix(t *testing.T, image string, all []watcher) *watching {
	ns := shop(t)
	m := &watching{t: t, dev: shared.developer(t, ns), all: all, idle: map[string]int{}}
	m.src = filepath.Join(m.dev.home, "src", "watched")
	configure(t, m.src, "catalog", image, "")
	build := exec.Command("go", "build", "-o", filepath.Join(m.src, "onefile"), "./testdata/onefile")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var script strings.Builder
	script.WriteString(
		"mkdir -p /tmp/logs; cp -r /home/dev/src /tmp/home; ln -s /home/node_modules /tmp/node_modules 2> /dev/null\n")
	for i, w := range all {
		for name, text := range w.others {
			write(t, filepath.Join(m.src, w.folder(), name), text)
		}
		write(t, filepath.Join(m.src, w.folder(), w.file), w.content(0))
		write(t, filepath.Join(m.src, w.folder(), "run.sh"), w.run+"\n")
		for j, at := range []where{synced, atHome} {
			log := "/tmp/logs/" + w.log(at)
			fmt.Fprintf(&script, "(cd %s/%s && LOG=%s PORT=%d setsid sh run.sh > %[3]s.out 2>&1 < /dev/null &)\n",
				at.folder(), w.folder(), log, 9000+2*i+j)
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

// warmUp saves until each program has seen a save in both places: all have started then. One that has seen none by its
// end is not waited for: it will have missed those of the round. It returns the number of the next save.
func (m *watching) warmUp() int {
	const most = 10
	for save := 1; save <= most; save++ {
		m.save(save, false)
		m.await(save)
		time.Sleep(firstLook)
		missing := slices.ContainsFunc(m.logs(), func(log string) bool { return m.seen[log][save] == 0 })
		if !missing {
			return save + 1
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

// where is one of the two places in which a program runs, by the end of its log's name.
type where string

const (
	synced where = "pod"
	atHome where = "home"
)

func (w where) folder() string {
	if w == atHome {
		return "/tmp/home"
	}
	return "/home/dev/src"
}

func (w watcher) log(at where) string { return w.folder() + "." + string(at) }

// look reads the logs, and notes which saves were seen.
func (m *watching) look() {
	out, err := m.dev.inPod(m.src, "sh", "-c", "cd /tmp/logs && grep -o 'v=[0-9]*' *.pod *.home; true")
	if err != nil {
		m.t.Fatal(err)
	}
	m.seen = map[string]map[int]int{}
	for line := range strings.Lines(out) {
		log, v, _ := strings.Cut(strings.TrimSpace(line), ":v=")
		if m.seen[log] == nil {
			m.seen[log] = map[int]int{}
		}
		if n, err := strconv.Atoi(v); err == nil {
			m.seen[log][n]++
		}
	}
}

// logs are the names of all programs' logs.
func (m *watching) logs() (all []string) {
	for _, w := range m.all {
		all = append(all, w.log(synced), w.log(atHome))
	}
	return all
}

func (m *watching) saw(w watcher, at where, save int) bool { return m.seen[w.log(at)][save] > 0 }

// printed is the end of what a program printed and logged.
func (m *watching) printed(w watcher) string {
	out, _ := m.dev.inPod(m.src, "sh", "-c", "tail -n 20 /tmp/logs/"+w.folder()+".*")
	return out
}

// Limits of the wait for a save to be in a log: in one that had those before, and in one that has none any more.
const (
	seenLimit = 10 * time.Second
	deadLimit = time.Second
	// firstLook is when a program that looks each second, as Flask and Django do, has begun to after its restart.
	firstLook = 2 * time.Second
)

// await waits until all programs have seen a save in both places, or may be expected not to.
func (m *watching) await(n int) {
	begin := time.Now()
	for {
		m.look()
		waiting := false
		for _, log := range m.logs() {
			limit := seenLimit
			if m.idle[log] > 1 {
				limit = deadLimit
			}
			waiting = waiting || m.seen[log][n] == 0 && time.Since(begin) < limit
		}
		if !waiting {
			break
		}
	}
	for _, log := range m.logs() {
		m.idle[log]++
		if m.seen[log][n] > 0 {
			m.idle[log] = 0
		}
	}
}

// missed is a program that has not seen saves in the container that it has seen at home.
type missed struct {
	watcher
	text string
}

func (m missed) String() string { return m.text }

// missed compares the saves of either sort that each program has seen in the two places.
func (m *watching) missed(first int) (all []missed) {
	m.t.Helper()
	for _, w := range m.all {
		var texts []string
		for i, sort := range []string{"in place", "replaced"} {
			from := first + i*savesEach
			pod, home := m.between(w, synced, from), m.between(w, atHome, from)
			m.t.Logf("%-28s %-8s %2d of %d seen in the container (%d times), %2d at home (%d)", w.name, sort,
				len(pod), savesEach, m.times(w, synced, from), len(home), m.times(w, atHome, from))
			atHomeAlone := slices.DeleteFunc(slices.Clone(home), func(n int) bool { return slices.Contains(pod, n) })
			if len(atHomeAlone) > 0 || sort == "in place" && len(home) == 0 {
				text := fmt.Sprintf("%s, %s: saves %v seen in the container, %v at home", w.name, sort, pod, home)
				texts = append(texts, text)
			}
		}
		if len(texts) > 0 {
			all = append(all, missed{w, strings.Join(texts, "; ")})
		}
	}
	return all
}

// between are the saves of one sort that a program has seen, counted from 0.
func (m *watching) between(w watcher, at where, from int) (saves []int) {
	for i := range savesEach {
		if m.saw(w, at, from+i) {
			saves = append(saves, i)
		}
	}
	return saves
}

// times is how often a program has logged the saves of one sort.
func (m *watching) times(w watcher, at where, from int) (n int) {
	for i := range savesEach {
		n += m.seen[w.log(at)][from+i]
	}
	return n
}
