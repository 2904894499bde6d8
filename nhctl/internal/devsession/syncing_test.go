package devsession_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// started is a session of a shell, and its pod's sources.
func started(t *testing.T) (*sessiontest.Shell, string) {
	t.Helper()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.Write("main.go", "package main")
	return ada, cluster.Pod(ada.MustStart().ID).Sources()
}

// do is a sync action that does not fail.
func do(t *testing.T, ada *sessiontest.Shell, p rpc.SyncDo) (done rpc.SyncDone) {
	t.Helper()
	answers := p.Answers
	p.Target = ada.Target()
	p.Answers = answers
	if err := ada.Call(rpc.MethodSyncDo, p, &done); err != nil {
		t.Errorf("%s: %v", p.Action, err)
	}
	return done
}

// take performs the remedy that an item of sync offers, and returns its title: its call lacks the caller alone.
func take(t *testing.T, ada *sessiontest.Shell, remedies []problem.Remedy, i int) string {
	t.Helper()
	if len(remedies) <= i || remedies[i].Method != rpc.MethodSyncDo {
		t.Fatalf("remedies: %+v", remedies)
	}
	var p rpc.SyncDo
	if err := json.Unmarshal(remedies[i].Params, &p); err != nil {
		t.Fatal(err)
	}
	p.Caller = ada.Caller
	if err := ada.Call(remedies[i].Method, p, nil); err != nil {
		t.Fatalf("%s: %v", remedies[i].Params, err)
	}
	return remedies[i].Title
}

// synced waits until everything that was saved is in the pod.
func synced(t *testing.T, ada *sessiontest.Shell) []event.SyncData {
	t.Helper()
	var all []event.SyncData
	if err := ada.Call(rpc.MethodSyncWait, rpc.SyncWait{Target: ada.Target()}, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// A pause of sync outlives the daemon, and a wait says so instead of waiting.
func TestPausedSync(t *testing.T) {
	t.Parallel()
	ada, pod := started(t)
	do(t, ada, rpc.SyncDo{Action: rpc.SyncPause})
	ada.Write("main.go", "package main // saved in the pause")
	ada.StopDaemon()
	ada.StartDaemon()
	var all []event.SyncData
	sessiontest.Until(t, "the next daemon knows the session", func() error {
		return ada.Call(rpc.MethodSyncStatus, ada.Target(), &all)
	})
	if len(all) != 1 || all[0].State != "paused" {
		t.Errorf("the first status: %+v", all)
	}
	blocked := problem.From(ada.Call(rpc.MethodSyncWait, rpc.SyncWait{Target: ada.Target()}, nil))
	if blocked.Code != problem.SyncBlocked || len(blocked.Remedies) != 1 {
		t.Fatalf("a wait: %+v", blocked)
	}
	ada.Holds(pod, "main.go", "package main")
	if len(all[0].Remedies) != 1 || all[0].Remedies[0].Title != blocked.Remedies[0].Title {
		t.Errorf("the status offers %+v", all[0].Remedies)
	}
	remedy := blocked.Remedies[0]
	var resume rpc.SyncDo
	if err := json.Unmarshal(remedy.Params, &resume); err != nil || remedy.Method != rpc.MethodSyncDo {
		t.Fatalf("%+v, %v", remedy, err)
	}
	do(t, ada, resume)
	ada.Holds(pod, "main.go", "package main // saved in the pause")
}

// This computer's content counts where the user says so, and what the pod had is a version that can be had back.
func TestOverrideAndVersions(t *testing.T) {
	t.Parallel()
	ada, pod := started(t)
	synced(t, ada)
	do(t, ada, rpc.SyncDo{Action: rpc.SyncPause})
	if err := os.WriteFile(filepath.Join(pod, "main.go"), []byte("changed in the pod"), 0o644); err != nil {
		t.Fatal(err)
	}
	ada.Write("main.go", "changed here")
	do(t, ada, rpc.SyncDo{Action: rpc.SyncResume})
	var s rpc.Session
	sessiontest.Until(t, "the two versions are a conflict", func() (err error) {
		s, err = ada.Status()
		if err == nil && (len(s.Sync) != 1 || s.Sync[0].Conflicts != 1) {
			err = fmt.Errorf("%+v", s.Sync)
		}
		return err
	})
	var versions []rpc.SyncVersion
	asked := rpc.SyncPath{Target: ada.Target(), Path: "main.go", Conflicts: true}
	if err := ada.Call(rpc.MethodSyncVersions, asked, &versions); err != nil || len(versions) != 1 {
		t.Errorf("versions: %+v, %v", versions, err)
	}
	if title := take(t, ada, s.Sync[0].Remedies, 0); title != "take this computer's content" {
		t.Errorf("it is called %q", title)
	}
	ada.Holds(pod, "main.go", "changed here")
	override := rpc.SyncDo{Target: ada.Target(), Action: rpc.SyncOverride}
	unasked := problem.From(ada.Call(rpc.MethodSyncDo, override, nil))
	if unasked.Code != problem.Confirm || unasked.Question == nil {
		t.Fatalf("an override without a yes: %+v", unasked)
	}
	override.Answers = problem.Answers{unasked.Question.ID: problem.Yes}
	do(t, ada, override)
	do(t, ada, rpc.SyncDo{Action: rpc.SyncReset})
	synced(t, ada)
	ada.Holds(pod, "main.go", "changed here")
}

// Each kept version can be read and restored, whichever side keeps it.
func TestOneVersion(t *testing.T) {
	t.Parallel()
	ada, pod := started(t)
	synced(t, ada)
	main := filepath.Join(ada.Folder, "main.go")
	if err := os.WriteFile(filepath.Join(pod, "main.go"), []byte("changed in the pod"), 0o644); err != nil {
		t.Fatal(err)
	}
	ada.Holds(ada.Folder, "main.go", "changed in the pod")
	ada.Write("main.go", "changed here")
	ada.Holds(pod, "main.go", "changed here")

	target := ada.Target()
	var versions []rpc.SyncVersion
	if err := ada.Call(rpc.MethodSyncVersions, rpc.SyncPath{Target: target, Path: main}, &versions); err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, v := range versions {
		var read rpc.SyncContent
		p := rpc.SyncKept{Target: target, Path: main, Side: v.Side, Version: v.ID}
		if err := ada.Call(rpc.MethodSyncContent, p, &read); err != nil {
			t.Errorf("%+v: %v", v, err)
		}
		contents[v.Side] += string(read.Content)
	}
	want := map[string]string{event.Here: "package main", event.InPod: "changed in the pod"}
	if diff := cmp.Diff(want, contents); diff != "" {
		t.Fatalf("%+v (-want +got):\n%s", versions, diff)
	}
	for _, v := range versions {
		do(t, ada, rpc.SyncDo{Action: rpc.SyncRestore, Path: main, Side: v.Side, Version: v.ID})
		ada.Holds(ada.Folder, "main.go", want[v.Side])
		ada.Holds(pod, "main.go", want[v.Side])
	}

	for name, wrong := range map[string]rpc.SyncKept{
		"of another file": {Path: "other.go", Side: event.Here, Version: versions[0].ID},
		"of no side":      {Path: "main.go", Version: versions[0].ID},
		"of no version":   {Path: "main.go", Side: event.Here, Version: "main.go/never"},
		"elsewhere":       {Path: "/etc/passwd", Side: event.Here, Version: "passwd/never"},
	} {
		wrong.Target = target
		if err := ada.Call(rpc.MethodSyncContent, wrong, nil); err == nil {
			t.Errorf("the content %s was read", name)
		}
		restore := rpc.SyncDo{
			Target:  target,
			Action:  rpc.SyncRestore,
			Path:    wrong.Path,
			Side:    wrong.Side,
			Version: wrong.Version,
		}
		if err := ada.Call(rpc.MethodSyncDo, restore, nil); err == nil {
			t.Errorf("a version %s was restored", name)
		}
	}
}

// A mass deletion waits for a yes to that very deletion; its remedies are the calls that decide it.
func TestAcceptAsks(t *testing.T) {
	t.Parallel()
	ada, pod := started(t)
	accept := rpc.SyncDo{Target: ada.Target(), Action: rpc.SyncAccept}
	if done := do(t, ada, accept); done.Files != 0 {
		t.Errorf("nothing waits, and %d files are deleted", done.Files)
	}
	for i := range 40 {
		ada.Write(fmt.Sprint("data/", i), "text")
	}
	synced(t, ada)
	if err := os.RemoveAll(filepath.Join(ada.Folder, "data")); err != nil {
		t.Fatal(err)
	}
	held := problem.From(ada.Call(rpc.MethodSyncWait, rpc.SyncWait{Target: ada.Target()}, nil))
	if held.Code != problem.SyncBlocked || len(held.Remedies) != 2 {
		t.Fatalf("a wait: %+v", held)
	}
	var all []event.SyncData
	if err := ada.Call(rpc.MethodSyncStatus, ada.Target(), &all); err != nil || len(all) != 1 ||
		len(all[0].Remedies) != 2 || all[0].Remedies[0].Title != held.Remedies[0].Title {
		t.Errorf("the status offers %+v, %v", all, err)
	}
	refused := problem.From(ada.Call(rpc.MethodSyncDo, accept, nil))
	asked := "40 of 41 files of " + ada.Folder + " were deleted on this computer, and wait to be deleted " +
		"in the container: data/"
	if q := refused.Question; refused.Code != problem.Confirm || q == nil || q.Text != asked {
		t.Fatalf("without a yes: %+v", refused)
	}
	accept.Answers = problem.Answers{"accept " + ada.Target().Session: problem.Yes}
	if p := problem.From(ada.Call(rpc.MethodSyncDo, accept, nil)); p.Code != problem.Confirm {
		t.Errorf("a yes to something else: %+v", p)
	}
	ada.Holds(pod, "data/1", "text")
	accept.Answers = problem.Answers{refused.Question.ID: problem.Yes}
	if done := do(t, ada, accept); done.Files != 40 {
		t.Errorf("%+v", done)
	}
	sessiontest.Until(t, "the files are deleted in the pod", func() error {
		if _, err := os.Stat(filepath.Join(pod, "data", "1")); !os.IsNotExist(err) {
			return fmt.Errorf("data/1: %v", err)
		}
		return nil
	})
}

// Why a path is synced or not has a rule and a place.
func TestExplain(t *testing.T) {
	t.Parallel()
	ada, _ := started(t)
	ada.Write(".gitignore", "*.log\n")
	explain := func(path string) (r ignore.Reason) {
		t.Helper()
		p := rpc.SyncPath{Target: ada.Target(), Path: path}
		if err := ada.Call(rpc.MethodSyncExplain, p, &r); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return r
	}
	if r := explain("main.go"); !r.Synced {
		t.Errorf("main.go: %+v", r)
	}
	sessiontest.Until(t, "the rule holds", func() error {
		r := explain("debug.log")
		if r.Synced || r.Rule != "*.log" || r.File != ".gitignore" || r.Source != filepath.Join(ada.Folder, r.File) {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	if r := explain(".git/config"); r.Synced || r.Source != "" {
		t.Errorf("a rule that is in no file: %+v", r)
	}
	err := ada.Call(rpc.MethodSyncExplain, rpc.SyncPath{Target: ada.Target(), Path: "/etc/passwd"}, nil)
	if err == nil || problem.From(err).Code != problem.Usage {
		t.Errorf("a path elsewhere: %v", err)
	}
}

// Another folder takes the place of the sources, also for the daemons to come.
func TestAnotherFolder(t *testing.T) {
	t.Parallel()
	ada, pod := started(t)
	other, err := os.MkdirTemp(filepath.Dir(ada.Folder), "other-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "main.go"), []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	var done rpc.SyncDone
	p := rpc.SyncFolder{Target: ada.Target(), Folder: other}
	if err := ada.Call(rpc.MethodSyncFolder, p, &done); err != nil || !slices.Equal(done.Folders, []string{other}) {
		t.Fatalf("%+v, %v", done, err)
	}
	ada.Holds(pod, "main.go", "another")
	if err := ada.Call(rpc.MethodSyncFolder, p, nil); err == nil || problem.From(err).Code != problem.Usage {
		t.Errorf("the same one again: %v", err)
	}
	ada.StopDaemon()
	ada.StartDaemon()
	sessiontest.Until(t, "the session is served with the other folder", func() error {
		s, err := ada.Status()
		if err == nil && s.Folder != other {
			err = fmt.Errorf("it has %s", s.Folder)
		}
		return err
	})
	ada.Holds(pod, "main.go", "another")
}

// A local port leads to the pod until it is closed; one that is taken can't be had.
func TestForwards(t *testing.T) {
	t.Parallel()
	ada, _ := started(t)
	forward := func(p rpc.Forward) (list []event.ForwardData, err error) {
		p.Target = ada.Target()
		err = ada.Call(rpc.MethodForward, p, &list)
		return list, err
	}
	list, err := forward(rpc.Forward{Open: []rpc.PortPair{{Remote: 80}}})
	if err != nil || len(list) != 1 || list[0].Remote != 80 || list[0].Local == 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	_, err = forward(rpc.Forward{Open: []rpc.PortPair{{Local: list[0].Local, Remote: 81}}})
	taken := problem.From(err)
	if taken.Code != problem.PortTaken || len(taken.Remedies) != 1 {
		t.Fatalf("a port that is taken: %+v", taken)
	}
	var other rpc.Forward
	if err := json.Unmarshal(taken.Remedies[0].Params, &other); err != nil {
		t.Fatal(err)
	}
	list, err = forward(other)
	if err != nil || len(list) != 2 {
		t.Fatalf("the remedy: %+v, %v", list, err)
	}
	slices.SortFunc(list, func(a, b event.ForwardData) int { return a.Remote - b.Remote })
	if _, err := forward(rpc.Forward{Open: []rpc.PortPair{{Remote: 70000}}}); problem.From(err).Code != problem.Usage {
		t.Errorf("no such port: %v", err)
	}
	list, err = forward(rpc.Forward{Close: []rpc.PortPair{{Local: list[0].Local}, {Local: list[1].Local}}})
	if err != nil || len(list) != 0 {
		t.Errorf("closed: %+v, %v", list, err)
	}
}

// The other remedies of a status decide what they say: files that were deleted come back, sync goes on after a pause.
func TestRemediesOfStatus(t *testing.T) {
	t.Parallel()
	ada, pod := started(t)
	for i := range 40 {
		ada.Write(fmt.Sprint("data/", i), "text")
	}
	synced(t, ada)
	if err := os.RemoveAll(filepath.Join(ada.Folder, "data")); err != nil {
		t.Fatal(err)
	}
	offered := func(state string) (remedies []problem.Remedy) {
		t.Helper()
		sessiontest.Until(t, "sync is "+state, func() error {
			var all []event.SyncData
			err := ada.Call(rpc.MethodSyncStatus, ada.Target(), &all)
			if err == nil && (len(all) != 1 || all[0].State != state) {
				return fmt.Errorf("%+v", all)
			}
			if err == nil {
				remedies = all[0].Remedies
			}
			return err
		})
		return remedies
	}
	if title := take(t, ada, offered("held"), 1); title != "restore the files" {
		t.Errorf("it is called %q", title)
	}
	synced(t, ada)
	if _, err := os.Stat(filepath.Join(ada.Folder, "data", "1")); err != nil {
		t.Error(err)
	}
	do(t, ada, rpc.SyncDo{Action: rpc.SyncPause})
	ada.Write("main.go", "saved in the pause")
	take(t, ada, offered("paused"), 0)
	ada.Holds(pod, "main.go", "saved in the pause")
	if remedies := offered("idle"); len(remedies) != 0 {
		t.Errorf("nothing waits, and it offers %+v", remedies)
	}
}
