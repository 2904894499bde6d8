package devsession_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// generate writes a file into a session's pod, as a program there would.
func generate(t *testing.T, cluster *sessiontest.Cluster, session, text string) {
	t.Helper()
	file := filepath.Join(cluster.Pod(session).Sources(), "generated.go")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A colleague takes a workload over: the holder's daemon ends its session, and has the pod's files first.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	bob := sessiontest.NewComputer(t, "bob").Shell(cluster, "bob", "true")
	hers := ada.MustStart()
	generate(t, cluster, hers.ID, "generated")
	_, err := bob.Start()
	asked := problem.From(err)
	if err == nil || asked.Code != problem.Held || asked.Question == nil {
		t.Fatalf("without a word: %v", err)
	}
	his := bob.MustStart(func(p *rpc.Start) { p.Answers = problem.Answers{asked.Question.ID: "take-over"} })
	if !bob.Heard("to hand deployment/web over") {
		t.Error("her daemon was not asked")
	}
	ada.Holds(ada.Folder, "generated.go", "generated")
	hears(t, ada, "(bob) took it over")
	if _, err := ada.Status(); err == nil || problem.From(err).Code != problem.NoSession {
		t.Errorf("her session: %v", err)
	}
	var ids []string
	for _, s := range ada.List() {
		ids = append(ids, s.ID)
	}
	if diff := cmp.Diff([]string{his.ID}, ids); diff != "" {
		t.Error(diff)
	}
	if _, err := bob.End(); err != nil {
		t.Error(err)
	}
	if n := *cluster.Web().Spec.Replicas; n != 2 {
		t.Errorf("the original has %d replicas", n)
	}
}

// A developer ends from another computer a session whose own computer is off: the pod's files are kept there.
func TestEndFromAnotherComputer(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	before := cluster.Snapshot(sessiontest.Namespace)
	laptop := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	laptop.Write("main.go", "package main")
	begun := laptop.MustStart()
	laptop.StopDaemon()
	generate(t, cluster, begun.ID, "generated")

	desktop := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	if _, err := desktop.End(); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(desktop.Dirs.Kept(begun.ID), "pod")
	desktop.Holds(kept, "generated.go", "generated")
	desktop.Holds(kept, "main.go", "package main")
	if !desktop.Heard("files of its pod are in " + kept) {
		t.Error("no one says where the files are")
	}
	cluster.Restored(before)
}

// Whoever holds the workload is left alone by an end that is not theirs.
func TestEndOfAnother(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	bob := sessiontest.NewComputer(t, "bob").Shell(cluster, "bob", "true")
	begun := ada.MustStart()
	if _, err := bob.End(); err == nil || problem.From(err).Code != problem.Held {
		t.Errorf("his end: %v", err)
	}
	if _, err := bob.End(func(p *rpc.End) { p.Abandoned = true }); err != nil {
		t.Errorf("the end of what no one serves: %v", err)
	}
	if s, err := ada.Status(); err != nil || s.ID != begun.ID || !s.Live {
		t.Errorf("%+v, %v", s, err)
	}
}

// What others write into Leases is data: it is listed, and harms no one.
func TestForgedRecords(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	begun := ada.MustStart()
	own := kubetest.List[coordinationv1.Lease](cluster.Cluster, sessiontest.Namespace)[0]
	for name, change := range map[string]*strings.Replacer{
		"another-namespace": strings.NewReplacer(`"namespace":"shop"`, `"namespace":"prod"`),
		"newer":             strings.NewReplacer(`"version":1`, `"version":99`),
		"another-kind":      strings.NewReplacer(`"kind":"dev"`, `"kind":"tunnel"`),
	} {
		forged := own.DeepCopy()
		forged.Name, forged.ResourceVersion, forged.UID = name, "", ""
		text := own.Annotations[contract.AnnotationRecord]
		forged.Annotations[contract.AnnotationRecord] = change.Replace(text)
		if forged.Annotations[contract.AnnotationRecord] == text {
			t.Fatalf("%s: nothing to change in %s", name, text)
		}
		cluster.Add(forged)
	}
	unreadable := 0
	for _, s := range ada.List() {
		if s.Unreadable != "" {
			unreadable++
		}
	}
	if unreadable != 3 {
		t.Errorf("%d are told of as unreadable, want 3: %+v", unreadable, ada.List())
	}
	if ended, err := ada.End(); err != nil || len(ended.Sessions) != 1 || ended.Sessions[0].ID != begun.ID {
		t.Errorf("ended: %+v, %v", ended, err)
	}
	if left := kubetest.List[coordinationv1.Lease](cluster.Cluster, sessiontest.Namespace); len(left) != 3 {
		t.Errorf("%d Leases of others are left, want 3", len(left))
	}
}
