package filesync

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/db"
	"github.com/syncthing/syncthing/lib/events"
	syncfs "github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/indexstore"
)

// The chaos test runs for NHCTL_CHAOS (a duration), with the seed of NHCTL_CHAOS_SEED, to see a failure again. From
// chaosLong on everything must have happened.
const (
	chaosDefault = 2 * time.Second
	chaosLong    = time.Minute
)

// operations and blows are all that may happen; each is counted.
var (
	operations = [...]string{"create", "write", "write in place", "write much", "append", "append in place",
		"rename over", "delete", "chmod", "move folder", "delete folder", "shift time"}
	blows = [...]string{"stream cut", "daemon killed", "sidecar killed", "pod killed", "clock skewed", "calm"}
)

// user edits one side at random, and remembers what must not get lost.
type user struct {
	t       testing.TB
	name    string
	root    string
	scratch string
	rand    *rand.Rand
	world   *world

	mu sync.Mutex
	// skew is how wrong this side's clock is.
	skew time.Duration
	// mine is this user's last content of each path that they did not overwrite, move or delete since.
	mine map[string]string
}

// world knows every content that was ever written, and counts what happened.
type world struct {
	mu       sync.Mutex
	contents map[string]bool
	// partly are those that were not written in one step.
	partly []string
	counts map[string]int
	serial int
}

func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

// content invents one that never was before, of a size below a limit.
func (w *world) content(by string, r *rand.Rand, limit int) string {
	w.mu.Lock()
	w.serial++
	serial := w.serial
	w.mu.Unlock()
	line := fmt.Sprintf("%s %d ", by, serial)
	text := strings.Repeat(line, 1+r.IntN(limit)/len(line))
	w.know(text, false)
	return text
}

func (w *world) know(text string, partly bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.contents[text] = true
	if partly {
		w.partly = append(w.partly, text)
	}
}

// known says whether a content was there at some time on some side, or is half of one that was written in place.
func (w *world) known(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.contents[text] {
		return true
	}
	return slices.ContainsFunc(w.partly, func(all string) bool {
		return strings.HasPrefix(all, text) || strings.HasPrefix(text, all) && w.endsLike(text, len(all))
	})
}

// endsLike says whether a content ends as one of its length that was there, from an offset on: sync writes a shorter
// content over the one that is there, and cuts off the rest then.
func (w *world) endsLike(text string, offset int) bool {
	for before := range w.contents {
		if len(before) == len(text) && before[offset:] == text[offset:] {
			return true
		}
	}
	return false
}

// Readers may see halves of what is written in place, and nothing else that no one wrote.
func TestChaosKnows(t *testing.T) {
	t.Parallel()
	w := &world{contents: map[string]bool{}}
	w.know("old content", false)
	w.know("new", true)
	for text, want := range map[string]bool{
		"old content": true,
		"old":         false,
		"new":         true,
		"ne":          true,
		"newcontent":  false,
		"new content": true,
		"new contenT": false,
		"newt":        false,
	} {
		if w.known(text) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

func (u *user) path() string {
	return fmt.Sprintf("d%d/f%d", u.rand.IntN(8), u.rand.IntN(8))
}

// step does one random edit. Others' edits come in between, so that nothing is sure to be there.
func (u *user) step() {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.path()
	file := filepath.Join(u.root, p)
	op := operations[u.rand.IntN(len(operations))]
	var err error
	switch op {
	case "create":
		if _, err = os.Lstat(file); err == nil {
			return
		}
		err = u.write(p, u.world.content(u.name, u.rand, 3000))
	case "write":
		err = u.write(p, u.world.content(u.name, u.rand, 3000))
	case "write much":
		err = u.write(p, u.world.content(u.name, u.rand, 400_000))
	case "write in place", "append in place":
		err = u.inPlace(p, op == "append in place")
	case "append":
		err = u.append(p)
	case "rename over":
		to := u.path()
		if to == p {
			return
		}
		if err = os.Rename(file, filepath.Join(u.root, to)); err == nil {
			u.moved(p, to)
		}
	case "delete":
		if err = os.Remove(file); err == nil {
			delete(u.mine, p)
		}
	case "chmod":
		err = os.Chmod(file, []os.FileMode{0o644, 0o755, 0o600}[u.rand.IntN(3)])
	case "move folder":
		from, to := fmt.Sprintf("d%d", u.rand.IntN(16)), fmt.Sprintf("d%d", u.rand.IntN(16))
		if err = os.Rename(filepath.Join(u.root, from), filepath.Join(u.root, to)); err == nil {
			u.movedFolder(from, to)
		}
	case "delete folder": // folders that only others were moved to
		from := fmt.Sprintf("d%d", 8+u.rand.IntN(8))
		if _, err = os.Lstat(filepath.Join(u.root, from)); err == nil {
			maps.DeleteFunc(u.mine, func(p, _ string) bool { return strings.HasPrefix(p, from+"/") })
			err = os.RemoveAll(filepath.Join(u.root, from))
		}
	case "shift time":
		at := time.Now().Add(time.Duration(u.rand.IntN(7200)-3600) * time.Second)
		err = os.Chtimes(file, at, at)
	}
	if err == nil {
		u.world.count(u.name + ": " + op)
	}
}

// write puts a new content in place in one step, as editors do, at the time that this side's clock says.
func (u *user) write(p, text string) error {
	temporary := filepath.Join(u.scratch, "next")
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		return err
	}
	now := time.Now().Add(u.skew)
	if err := os.Chtimes(temporary, now, now); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(u.root, p)), 0o755); err != nil {
		return err
	}
	if err := os.Rename(temporary, filepath.Join(u.root, p)); err != nil {
		return err
	}
	u.mine[p] = text
	return nil
}

// append adds to what is there, whosever that is: the sum is this user's.
func (u *user) append(p string) error {
	before, err := os.ReadFile(filepath.Join(u.root, p))
	if err != nil || len(before) > 100_000 {
		return errors.Join(err, errors.ErrUnsupported)
	}
	text := string(before) + u.world.content(u.name, u.rand, 100)
	u.world.know(text, false)
	return u.write(p, text)
}

// inPlace writes into a file that is there, as shells do. Sync may have put another in its place since it was opened.
func (u *user) inPlace(p string, add bool) (err error) {
	f, err := os.OpenFile(filepath.Join(u.root, p), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text := u.world.content(u.name, u.rand, 3000)
	if add {
		before, err := io.ReadAll(f)
		if err != nil || len(before) > 100_000 {
			return errors.Join(err, errors.ErrUnsupported)
		}
		u.world.know(string(before)+text, true)
		u.mine[p] = string(before) + text
	} else {
		if err := f.Truncate(0); err != nil {
			return err
		}
		u.world.know(text, true)
		u.mine[p] = text
	}
	_, err = f.WriteString(text)
	return err
}

func (u *user) moved(from, to string) {
	delete(u.mine, to)
	if text, ok := u.mine[from]; ok {
		u.mine[to] = text
		delete(u.mine, from)
	}
}

func (u *user) movedFolder(from, to string) {
	for p, text := range u.mine {
		if rest, ok := strings.CutPrefix(p, from+"/"); ok {
			delete(u.mine, p)
			u.mine[to+"/"+rest] = text
		}
	}
}

// read looks at every file of a side, and reports contents that no one wrote.
func (u *user) read() {
	_ = filepath.WalkDir(u.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || syncfs.IsTemporary(path) {
			return nil
		}
		if data, err := os.ReadFile(path); err == nil && !u.world.known(string(data)) {
			u.t.Errorf("a reader on the %s side saw %d bytes that no one wrote in %s: %.60q ... %q", u.name, len(data),
				path, data, data[max(0, len(data)-60):])
		}
		return nil
	})
}

// all lists the contents that a pair has, in place and kept.
func (p *pair) all() map[string]bool {
	p.t.Helper()
	found := map[string]bool{}
	for _, e := range []*end{p.local, p.remote} {
		for _, dir := range []string{e.config.Root, e.engine.config.KeptDir} {
			_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					if data, err := os.ReadFile(path); err == nil {
						found[string(data)] = true
					}
				}
				return nil
			})
		}
	}
	return found
}

func chaosSettings(t testing.TB) (time.Duration, uint64) {
	t.Helper()
	length, seed := chaosDefault, uint64(time.Now().UnixNano())
	if text := os.Getenv("NHCTL_CHAOS"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		length = d
	}
	if text := os.Getenv("NHCTL_CHAOS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	return length, seed
}

// Both sides are edited at random, with shifted clocks, while streams are cut and engines and the pod are killed.
// Afterwards both are the same, nothing that anyone wrote is lost, and no reader ever saw what no one wrote.
func TestChaos(t *testing.T) {
	length, seed := chaosSettings(t)
	t.Logf("NHCTL_CHAOS_SEED=%d NHCTL_CHAOS=%s", seed, length)
	p, a, b := newPair(t, Settings{Type: SendReceive})
	w := &world{contents: map[string]bool{"": true}, counts: map[string]int{}}
	newUser := func(name, root string, n uint64) *user {
		return &user{
			t:       t,
			name:    name,
			root:    root,
			scratch: t.TempDir(),
			rand:    rand.New(rand.NewPCG(seed, n)),
			world:   w,
			mine:    map[string]string{},
		}
	}
	ada, pod := newUser("computer", a, 1), newUser("pod", b, 2)
	p.start()
	fate := rand.New(rand.NewPCG(seed, 3))
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		// A while of edits and reads, then something dies.
		stop := make(chan struct{})
		var busy sync.WaitGroup
		for _, u := range []*user{ada, pod} {
			busy.Go(func() { u.work(stop) })
		}
		busy.Go(func() { watchReaders(stop, ada, pod) })
		<-time.After(time.Duration(200+fate.IntN(800)) * time.Millisecond)
		event := blows[fate.IntN(len(blows))]
		ends := sync.OnceFunc(func() { close(stop); busy.Wait() })
		if event == "pod killed" || event == "calm" { // a pod's user dies with it
			ends()
		}
		p.strike(event, pod, fate)
		ends()
		w.count(event)
	}
	p.connectAnew()
	eventually(t, func() error { // a scan may come between the two lists
		p.wait()
		if diff := cmp.Diff(list(t, a), list(t, b)); diff != "" {
			return fmt.Errorf("the sides differ (-computer +pod)\n%s\n%s", diff, p.explain())
		}
		return nil
	})
	there := p.all()
	for _, u := range []*user{ada, pod} {
		for path, text := range u.mine {
			if !there[text] {
				t.Errorf("what the %s wrote last to %s is lost: %.40q", u.name, path, text)
			}
		}
	}
	w.report(t, length)
}

// report prints how often each thing happened. In a long run nothing may be missing.
func (w *world) report(t *testing.T, length time.Duration) {
	all := slices.Clone(blows[:])
	for _, op := range operations {
		all = append(all, "computer: "+op, "pod: "+op)
	}
	for _, what := range all {
		t.Logf("%6d %s", w.counts[what], what)
		if w.counts[what] == 0 && length >= chaosLong {
			t.Errorf("no %s", what)
		}
	}
}

// explain says what each side knows of the files that differ.
func (p *pair) explain() string {
	var b strings.Builder
	here, there := list(p.t, p.local.config.Root), list(p.t, p.remote.config.Root)
	names := slices.Sorted(maps.Keys(here))
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if _, ok := here[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if here[name] == there[name] {
			continue
		}
		for _, e := range []*end{p.local, p.remote} {
			mine, _, _ := e.engine.model.CurrentFolderFile(e.config.FolderID, name)
			all, _, _ := e.engine.model.CurrentGlobalFile(e.config.FolderID, name)
			fmt.Fprintf(&b, "%s of the %s side:\n  own    %v\n  global %v\n", name, e.config.Side, mine, all)
		}
	}
	for _, e := range []*end{p.local, p.remote} {
		status, err := e.engine.Status()
		fmt.Fprintf(&b, "%s: %+v %v\n", e.config.Side, status, err)
	}
	return b.String()
}

func (u *user) work(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(5+u.rand.IntN(40)) * time.Millisecond):
			u.step()
		}
	}
}

func watchReaders(stop chan struct{}, users ...*user) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
			for _, u := range users {
				u.read()
			}
		}
	}
}

func (p *pair) connectAnew() {
	p.cut()
	p.connect()
}

// hurry has the index of a side that rests count as if its clock had been ahead when it last looked at the files: the
// model counts a file's changes from the time of day on, and knows no other clock than the computer's. One that is
// behind makes no difference to it.
func (e *end) hurry(by time.Duration) {
	e.t.Helper()
	store, err := indexstore.Open(filepath.Join(e.config.StateDir, indexDir))
	if err != nil {
		e.t.Fatal(err)
	}
	low, err := db.NewLowlevel(store, events.NoopLogger)
	if err != nil {
		e.t.Fatal(err)
	}
	defer low.Close()
	set, err := db.NewFileSet(e.config.FolderID, low)
	if err != nil {
		e.t.Fatal(err)
	}
	snapshot, err := set.Snapshot()
	if err != nil {
		e.t.Fatal(err)
	}
	var touched []protocol.FileInfo
	snapshot.WithHave(protocol.LocalDeviceID, func(f protocol.FileInfo) bool {
		if newest, ok := snapshot.GetGlobal(f.Name); ok && newest.Version.Equal(f.Version) && by > 0 {
			f.Version = f.Version.Copy()
			for i := range f.Version.Counters {
				if f.Version.Counters[i].ID == e.engine.me.Short() {
					f.Version.Counters[i].Value += uint64(by / time.Second)
					touched = append(touched, f)
				}
			}
		}
		return true
	})
	snapshot.Release()
	set.Update(protocol.LocalDeviceID, touched)
}

// strike is one blow. A pod that dies takes with it what no one else has. The pod's user may be at work, with numbers
// of its own.
func (p *pair) strike(event string, pod *user, fate *rand.Rand) {
	p.t.Helper()
	switch event {
	case "clock skewed":
		pod.mu.Lock()
		pod.skew = time.Duration(fate.IntN(7200)-3600) * time.Second
		skew := pod.skew
		pod.mu.Unlock()
		p.cut()
		p.remote.kill()
		p.remote.hurry(skew)
		p.remote.start()
		p.connect()
	case "stream cut":
		p.connectAnew()
	case "daemon killed":
		p.cut()
		p.local.kill()
		p.local.start()
		p.connect()
	case "sidecar killed":
		p.cut()
		p.remote.kill()
		p.remote.start()
		p.connect()
	case "pod killed":
		p.wait()
		p.lose(func() { clear(pod.mine) })
	case "calm":
		p.wait()
	}
}
