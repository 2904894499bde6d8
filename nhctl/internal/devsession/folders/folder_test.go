package folders

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// pod is a session whose pod answers from tables, and which notes what it hears and is asked to do.
type pod struct {
	id       string // of its folder: no two in a process have the same
	status   filesync.Status
	versions []kept.Version
	contents map[string]string // of versions, by their ids
	fails    error

	did     []control.Do
	notices []string
}

func (p *pod) ID() string                 { return "0a1b2c3d" }
func (p *pod) BulkPod() string            { return "pod-1" }
func (p *pod) Stir()                      {}
func (p *pod) Guard(_ string, run func()) { run() }
func (p *pod) Note(text string)           { p.notices = append(p.notices, text) }
func (p *pod) Emit(e event.Event)         { p.Note(e.Message) }

func (p *pod) OpenBulk(context.Context, wire.Kind, any) (net.Conn, error) {
	return nil, errors.New("there are no streams")
}

func (p *pod) Call(_ context.Context, _, path string, in, out any) error {
	if p.fails != nil {
		return p.fails
	}
	var answer any = p.status
	switch address, _, _ := strings.Cut(path, "?"); address {
	case control.PathVersions(p.id):
		answer = p.versions
	case control.PathDo(p.id):
		p.did = append(p.did, in.(control.Do))
		answer = control.Done{Files: 2}
	}
	text, err := json.Marshal(answer)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

func (p *pod) Ask(_ context.Context, _, path string, _ any, read func(io.Reader) error) error {
	address, err := url.Parse(path)
	if err != nil {
		return err
	}
	content, there := p.contents[address.Query().Get("id")]
	if address.Path != control.PathVersion(p.id) || !there {
		return fmt.Errorf("no such version: %s", path)
	}
	return read(strings.NewReader(content))
}

// folders counts those that tests have opened.
var folders atomic.Int32

// opened is a folder of a session, and its root. Its engine runs, until the test ends.
func opened(t *testing.T, p *pod, s filesync.Settings) (*Folder, string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(root, "web")
	if err := os.MkdirAll(filepath.Join(root, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.id = fmt.Sprintf("f%d", folders.Add(1))
	f, err := Open(Config{
		ID:        p.id,
		Root:      root,
		Container: "app",
		State:     t.TempDir(),
		Kept:      t.TempDir(),
		Settings:  s,
		Session:   p,
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = f.engine.Serve(ctx) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	return f, root
}

func both() filesync.Settings { return filesync.Settings{Type: filesync.SendReceive} }

// A path means a file of the folder, wherever the caller is, by whatever links they came there. One that is outside is
// none.
func TestPath(t *testing.T) {
	t.Parallel()
	f, root := opened(t, &pod{}, both())
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Skip(err)
	}
	src, outside := filepath.Join(root, "src"), filepath.Dir(root)
	for _, tt := range []struct {
		name, dir, want string
		inside          bool
	}{
		{"", outside, "", true},
		{".", root, "", true},
		{"a.go", src, "src/a.go", true},
		{"a.go", outside, "a.go", true},
		{"../a.go", src, "a.go", true},
		{"a.go", filepath.Join(link, "src"), "src/a.go", true},
		{filepath.Join(src, "a.go"), outside, "src/a.go", true},
		{filepath.Join(link, "src", "a.go"), outside, "src/a.go", true},
		{root, outside, "", true},
		{"../../a.go", src, "", false},
		{"..", root, "", false},
		{filepath.Join(outside, "a.go"), root, "", false},
		{root + "2", root, "", false},
	} {
		if got, inside := f.Path(tt.name, tt.dir); got != tt.want || inside != tt.inside {
			t.Errorf("%s from %s: %q, %v", tt.name, tt.dir, got, inside)
		}
	}
}

// The folder that holds everyone's secrets is none that is synced, whatever names it.
func TestOpenRefusesUnfitFolders(t *testing.T) {
	t.Parallel()
	if f, err := Open(Config{Root: filepath.VolumeName(t.TempDir()) + string(filepath.Separator)}); err == nil {
		t.Errorf("opened %s", f.Root)
	}
}

// A version is asked for by its path, its side and its id, which must belong together: an id comes from a client.
func TestVersionsOfAPath(t *testing.T) {
	t.Parallel()
	const id = "src/a.go/20261101T080000.000000000Z"
	p := &pod{contents: map[string]string{id: "theirs", "src/large/v": strings.Repeat("a", maxContent+1)}}
	f, _ := opened(t, p, both())
	got, err := f.Content(t.Context(), "src/a.go", event.InPod, id)
	if string(got) != "theirs" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, tt := range []struct {
		rel, side, id string
		code          problem.Code
	}{
		{"src/b.go", event.InPod, id, problem.Usage},
		{"src", event.InPod, id, problem.Usage},
		{"src/a.go", "", id, problem.Usage},
		{"src/a.go", "elsewhere", id, problem.Usage},
		{"src/a.go", event.InPod, "src/a.go/../b.go/v", problem.Usage},
		{"src/large", event.InPod, "src/large/v", problem.Refused},
		{"src/a.go", event.Here, id, problem.Internal}, // there is none
	} {
		if _, err := f.Content(t.Context(), tt.rel, tt.side, tt.id); err == nil || problem.From(err).Code != tt.code {
			t.Errorf("%+v: %v", tt, err)
		}
		if tt.code != problem.Usage {
			continue
		}
		restore := rpc.SyncDo{Action: rpc.SyncRestore, Side: tt.side, Version: tt.id}
		if _, err := f.Act(t.Context(), restore, tt.rel); problem.From(err).Code != problem.Usage {
			t.Errorf("restore of %+v: %v", tt, err)
		}
	}
	if len(p.did) != 0 {
		t.Errorf("the pod was asked to do %+v", p.did)
	}
}

// Versions that no one has decided about come here before the pod's volume ends: files whose content was lost there, by
// a conflict or when the sides were joined. Other versions stay, the user hears of links, and a file that is larger
// than the pod has said, or that a pod may not bring, stays there.
func TestCopyVersions(t *testing.T) {
	t.Parallel()
	version := func(path string, reason kept.Reason, bytes int64) kept.Version {
		id := fmt.Sprintf("%s/20261101T080000.000000000Z-%s", path, reason)
		return kept.Version{ID: id, Path: path, Reason: reason, Bytes: bytes}
	}
	link := version("link", kept.Conflict, 0)
	link.Target = "/etc/passwd"
	p := &pod{versions: []kept.Version{
		version("a.go", kept.Conflict, 6),
		version("src/b.go", kept.First, 6),
		version("c.go", kept.Replaced, 6),
		version(".git/config", kept.Conflict, 6),
		link,
	}, contents: map[string]string{}}
	for _, v := range p.versions {
		p.contents[v.ID] = "theirs"
	}
	f, _ := opened(t, p, both())
	copied, err := Set{f}.CopyVersions(t.Context(), "web")
	if copied != 2 || err != nil {
		t.Errorf("%d copied, %v", copied, err)
	}
	here, err := f.engine.Versions("")
	var got []string
	for _, v := range here {
		text, err := f.Content(t.Context(), v.Path, event.Here, v.ID)
		if err != nil || !bytes.Equal(text, []byte("theirs")) {
			t.Errorf("%s: %q, %v", v.Path, text, err)
		}
		got = append(got, v.Path)
	}
	if diff := cmp.Diff([]string{"a.go", "src/b.go"}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if len(p.notices) != 1 || !strings.Contains(p.notices[0], "link to /etc/passwd") {
		t.Errorf("%q", p.notices)
	}

	p.versions = []kept.Version{version("d.go", kept.Conflict, 3)}
	p.contents[p.versions[0].ID] = "much more"
	if copied, err := (Set{f}).CopyVersions(t.Context(), "web"); copied != 0 || err == nil {
		t.Errorf("a file that is larger than the pod has said: %d copied, %v", copied, err)
	}
}

// The side that sends decides. A folder that only receives overrides nothing, and the pod is not asked to.
func TestOverrideOfAFolderThatOnlyReceives(t *testing.T) {
	t.Parallel()
	p := &pod{}
	f, _ := opened(t, p, filesync.Settings{Type: filesync.Receive})
	_, err := f.Act(t.Context(), rpc.SyncDo{Action: rpc.SyncOverride}, "")
	if problem.From(err).Code != problem.Refused || len(p.did) != 0 {
		t.Errorf("%v, done: %+v", err, p.did)
	}
	if _, err := f.Act(t.Context(), rpc.SyncDo{Action: "erase"}, ""); problem.From(err).Code != problem.Usage {
		t.Errorf("an action that is none: %v", err)
	}
}

// A conflict is decided on both sides, for the one that was named: the other's content gives way, here or there.
func TestResolveOnBothSides(t *testing.T) {
	t.Parallel()
	for side, loser := range map[string]bool{event.Here: false, event.InPod: true, "": false} {
		p := &pod{}
		f, _ := opened(t, p, both())
		n, err := f.Act(t.Context(), rpc.SyncDo{Action: rpc.SyncResolve, Side: side}, "a.go")
		want := []control.Do{{Action: control.Resolve, Path: "a.go", Loser: loser}}
		if diff := cmp.Diff(want, p.did); diff != "" || n != 2 || err != nil {
			t.Errorf("for %q: %d files, %v\n%s", side, n, err, diff)
		}
	}
}

// Where contents differ at the start, the user hears which side wins, before anything is overwritten.
func TestTellDiffering(t *testing.T) {
	t.Parallel()
	for kind, winner := range map[filesync.Type]string{
		filesync.SendReceive: "those of this computer win; the pod keeps",
		filesync.Send:        "those of this computer win; the pod keeps",
		filesync.Receive:     "those of the pod win; this computer keeps",
	} {
		p := &pod{}
		f, _ := opened(t, p, filesync.Settings{Type: kind})
		f.tellDiffering(nil)
		if len(p.notices) != 0 {
			t.Errorf("%q", p.notices)
		}
		f.tellDiffering([]string{"a.go", "b.go"})
		if len(p.notices) != 2 || !strings.Contains(p.notices[0], winner) || p.notices[0] != p.notices[1] {
			t.Errorf("%s: %q", kind, p.notices)
		}
	}
}

// Errors of the pod name the pod. A mass deletion of either side is the folder's state, and hides errors
// that follow from it.
func TestAddSide(t *testing.T) {
	t.Parallel()
	f := &Folder{}
	d := event.SyncData{State: "idle", BytesToGo: 100, Errors: map[string]string{}, NotCarried: map[string]string{}}
	f.addSide(&d, filesync.Status{Rate: 10, Errors: map[string]string{"a": "locked"}, Now: []string{"x"}}, event.Here)
	f.addSide(&d, filesync.Status{
		Rate:       10,
		Error:      "stopped",
		NotCarried: map[string]string{"b": "a FIFO"},
		Now:        []string{"y"},
		Held:       &filesync.Deletion{Files: 9, Of: 10},
	}, event.InPod)
	want := event.SyncData{
		State:      filesync.StateHeld,
		BytesToGo:  100,
		Rate:       20,
		Remaining:  5,
		Errors:     map[string]string{"a": "locked"},
		NotCarried: map[string]string{"b": "in the pod: a FIFO"},
		Syncing:    []string{"x", "y"},
		Held:       &event.HeldData{Side: event.InPod, Files: 9, Of: 10},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	f.addSide(&d, filesync.Status{Error: "no space left"}, event.InPod)
	if got := d.Errors["."]; got != "in the pod: no space left" {
		t.Errorf("the whole folder's error: %q", got)
	}
}

// A full disk is told with where it is, what is missing and the next step.
func TestFull(t *testing.T) {
	t.Parallel()
	f := &Folder{}
	d := event.SyncData{Errors: map[string]string{}, NotCarried: map[string]string{}}
	full := filesync.Full{Folder: "/src", Files: 1, Needed: 2_500_000, Free: 40_000}
	f.addSide(&d, filesync.Status{Full: &full}, event.Here)
	f.addSide(&d, filesync.Status{Full: &full}, event.InPod)
	want := []event.FullData{
		{Side: event.Here, Folder: "/src", Files: 1, Needed: 2_500_000, Free: 40_000},
		{Side: event.InPod, Folder: "/src", Files: 1, Needed: 2_500_000, Free: 40_000},
	}
	if diff := cmp.Diff(want, d.Full); diff != "" {
		t.Error(diff)
	}
	const goesOn = ": sync then goes on by itself within a minute"
	for text, d := range map[string]event.FullData{
		"the disk of this computer is full: /src needs 2.5 MB more, and has 0.0 MB left; make room there": want[0],
		"the disk in the pod is full: /src needs 2.5 MB more, and has 0.0 MB left; " +
			"remove files there, or give the pod a larger volume": want[1],
		"the disk of this computer is full: /src needs 2.5 MB more; make room there": {
			Side: event.Here, Folder: "/src", Needed: 2_500_000, Free: -1},
		"the disk of this computer is full for its user, whose quota is used up: /src needs 1.0 MB more; " +
			"make room there": {Side: event.Here, Folder: "/src", Needed: 1e6, Free: 1e9, Quota: true},
	} {
		if diff := cmp.Diff(text+goesOn, FullText(d)); diff != "" {
			t.Error(diff)
		}
	}
}

// Only what the user can decide becomes a problem with remedies, which are about all that the call was about.
func TestExplainStop(t *testing.T) {
	t.Parallel()
	other := errors.New("disk full")
	if err := ExplainStop(other); !errors.Is(err, other) || problem.From(err).Code == problem.SyncBlocked {
		t.Errorf("%v", err)
	}
	for stop, want := range map[error][]string{
		filesync.ErrHeld:   {`{"path":"","action":"accept"}`, `{"path":"","action":"restore"}`},
		filesync.ErrPaused: {`{"path":"","action":"resume"}`},
	} {
		p := problem.From(ExplainStop(fmt.Errorf("wait: %w", stop)))
		var got []string
		for _, r := range p.Remedies {
			got = append(got, string(r.Params))
		}
		if diff := cmp.Diff(want, got); diff != "" || p.Code != problem.SyncBlocked || !errors.Is(p, stop) {
			t.Errorf("%v: %s", p, diff)
		}
	}
}

// The rate is that since the most was to go: more to do begins the measurement again, and nothing is divided by zero.
func TestMeter(t *testing.T) {
	t.Parallel()
	var m meter
	begin := time.Now()
	for _, tt := range []struct {
		after         time.Duration
		left          int64
		rate, seconds float64
	}{
		{0, 1000, 0, 0},
		{0, 1000, 0, 0},
		{time.Second, 1000, 0, 0},
		{2 * time.Second, 600, 200, 3},
		{3 * time.Second, 2000, 0, 0},
		{4 * time.Second, 1500, 500, 3},
		{5 * time.Second, 0, 1000, 0},
	} {
		if rate, seconds := m.measure(begin.Add(tt.after), tt.left); rate != tt.rate || seconds != tt.seconds {
			t.Errorf("after %s: %g a second, %g seconds left", tt.after, rate, seconds)
		}
	}
}
