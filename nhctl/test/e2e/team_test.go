//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// A small workload: one pod that does nothing, and comes and goes quickly.
func small(t *testing.T) string {
	t.Helper()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(kindManifests()["deployment"]))
	shared.settled(t, ns, 1)
	return ns
}

// smallSources are those of the small workload.
func (d *developer) smallSources() string {
	src := filepath.Join(d.home, "src", "it")
	write(d.t, filepath.Join(src, ".dev", "config.yaml"),
		"name: it\ncontainers:\n- dev: {image: ghcr.io/nhctl/dev-go:v0.1.0, workDir: /home/dev/src}\n")
	write(d.t, filepath.Join(src, "hello.txt"), "hello\n")
	return src
}

// silence makes the Leases of a namespace look as if no one had renewed them for a time.
func silence(t *testing.T, ns string, since time.Duration) {
	t.Helper()
	leases, err := shared.typed.CoordinationV1().Leases(ns).List(t.Context(),
		metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleSession})
	if err != nil || len(leases.Items) == 0 {
		t.Fatalf("%d Leases, %v", len(leases.Items), err)
	}
	patch, err := json.Marshal(coordinationv1.Lease{
		Spec: coordinationv1.LeaseSpec{RenewTime: &metav1.MicroTime{Time: time.Now().Add(-since)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases.Items {
		if _, err := shared.typed.CoordinationV1().Leases(ns).Patch(t.Context(), l.Name, types.MergePatchType, patch,
			metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// only is the namespace's one session, as someone sees it.
func only(t *testing.T, d *developer) rpc.Session {
	t.Helper()
	sessions := query[[]rpc.Session](d, "", "dev", "list")
	if len(sessions) != 1 {
		t.Fatalf("sessions: %+v", sessions)
	}
	return sessions[0]
}

// A colleague takes a workload over from a computer that is up: that computer copies back the files that only its pod
// has, ends its session, and tells its developer; nothing is left of it but the other's session.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	ns, ada, adaSrc := atSmall(t)
	bob, bobSrc := ada.colleague(ns, adaSrc)
	before := shared.mustSnapshot(t, ns)
	ada.must(adaSrc, "dev", "start", "--no-terminal")
	first := only(t, bob)
	if first.Holder.Local != ada.name+"@"+hostname(t) || first.Abandoned || first.Mine {
		t.Errorf("as Bob sees it: %+v", first)
	}
	r := bob.nhctl(bobSrc, "dev", "start", "--no-terminal")
	for _, want := range []string{"held by " + ada.name + "@", "--mode duplicate", "--wait", "--take-over"} {
		if r.code != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("no %q in Bob's refusal: %s", want, r)
		}
	}
	pause := ada.nhctl(adaSrc, "dev", "sync", "pause")
	if pause.code != 0 {
		t.Error(pause)
	}
	if _, err := ada.inPod(adaSrc, "sh", "-c", "echo only in the pod > from-pod.txt"); err != nil {
		t.Fatal(err)
	}
	ada.must(adaSrc, "dev", "sync", "resume")
	r = bob.nhctl(bobSrc, "dev", "start", "--take-over", "--no-terminal")
	if r.code != 0 || !strings.Contains(r.stderr, "asked "+ada.name+"@") {
		t.Fatalf("Bob's take-over: %s", r)
	}
	if got := read(t, filepath.Join(adaSrc, "from-pod.txt")); got != "only in the pod\n" {
		t.Errorf("Ada's file came home as %q", got)
	}
	if _, err := os.Stat(filepath.Join(bobSrc, "from-pod.txt")); err == nil {
		t.Error("Bob got Ada's file")
	}
	if r := ada.nhctl(adaSrc, "dev", "status"); r.code != 1 || !strings.Contains(r.stderr, bob.name+"@") ||
		!strings.Contains(r.stderr, "took it over") {
		t.Errorf("what Ada is told: %s", r)
	}
	if s := only(t, ada); s.Holder.Local != bob.name+"@"+hostname(t) || s.Mine {
		t.Errorf("as Ada sees it: %+v", s)
	}
	bob.must(bobSrc, "dev", "end")
	shared.restored(t, ns, before)
}

func hostname(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// The holder's computer is off: what only the pod had is kept on the computer of who takes over, and both are told
// where.
func TestTakeOverOfSilentSession(t *testing.T) {
	t.Parallel()
	ns, ada, adaSrc := atSmall(t)
	bob, bobSrc := ada.colleague(ns, adaSrc)
	before := shared.mustSnapshot(t, ns)
	ada.must(adaSrc, "dev", "start", "--no-terminal")
	first := only(t, bob)
	if err := syscall.Kill(ada.daemonPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	inTwin(t, ns, "echo only in the pod > /home/dev/src/from-pod.txt")
	silence(t, ns, time.Minute) // long enough for a dead daemon, not for an abandoned session
	r := bob.nhctl(bobSrc, "dev", "start", "--take-over", "--no-terminal")
	if r.code != 0 {
		t.Fatal(r)
	}
	kept := filepath.Join(bob.home, "state", "nhctl", "kept", first.ID, "pod")
	if got := read(t, filepath.Join(kept, "from-pod.txt")); got != "only in the pod\n" ||
		!strings.Contains(r.stderr, kept) {
		t.Errorf("kept as %q: %s", got, r)
	}
	if r := ada.nhctl(adaSrc, "dev", "status"); r.code != 1 || !strings.Contains(r.stderr, bob.name+"@") ||
		!strings.Contains(r.stderr, kept) {
		t.Errorf("what Ada is told: %s", r)
	}
	if got := read(t, filepath.Join(adaSrc, "hello.txt")); got != "hello\n" {
		t.Errorf("Ada's own file: %q", got)
	}
	bob.must(bobSrc, "dev", "end")
	shared.restored(t, ns, before)
}

// inTwin runs a script in the dev container of the namespace's one twin, as an administrator.
func inTwin(t *testing.T, ns, script string) {
	t.Helper()
	if out, err := kubectl(t, os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", ns, "exec", shared.twinPod(t, ns), "--", "sh",
		"-c", script); err != nil {
		t.Fatalf("%s %v", out, err)
	}
}

// An abandoned session is seen by whoever starts anything in the namespace, and ended by anyone; its right to block
// others is gone.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	ns, ada, adaSrc := atSmall(t)
	bob, bobSrc := ada.colleague(ns, adaSrc)
	before := shared.mustSnapshot(t, ns)
	abandon := func() {
		t.Helper()
		ada.must(adaSrc, "dev", "start", "--no-terminal", "--abandon-after", "2m")
		if err := syscall.Kill(ada.daemonPID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		silence(t, ns, time.Minute)
		if s := only(t, bob); s.Abandoned {
			t.Errorf("after a minute: %+v", s)
		}
		if r := bob.nhctl(bobSrc, "dev", "end", "--abandoned"); r.code != 0 ||
			!strings.Contains(r.stdout, "no session is abandoned") {
			t.Errorf("%s", r)
		}
		silence(t, ns, 3*time.Minute)
	}
	abandon()
	if out := bob.must("", "dev", "list"); !strings.Contains(out, "abandoned") {
		t.Errorf("list: %s", out)
	}
	r := bob.nhctl(bobSrc, "dev", "start", "--mode", "duplicate", "--no-terminal")
	if r.code != 0 || !strings.Contains(r.stderr, "deployment/it was abandoned by "+ada.name+"@") {
		t.Errorf("Bob's duplicate: %s", r)
	}
	bob.must(bobSrc, "dev", "end")
	bob.must("", "dev", "end", "--abandoned")
	shared.restored(t, ns, before)

	ada.nhctl(adaSrc, "dev", "list") // a new daemon learns that its session is over
	abandon()
	r = bob.nhctl(bobSrc, "dev", "start", "--no-terminal")
	if r.code != 0 || !strings.Contains(r.stderr, "that session is ended first") {
		t.Errorf("Bob's replace: %s", r)
	}
	if r := ada.nhctl(adaSrc, "dev", "list"); !strings.Contains(r.stderr, bob.name+"@") {
		t.Errorf("what Ada is told: %s", r)
	}
	bob.must(bobSrc, "dev", "end")
	shared.restored(t, ns, before)
}

// Bob waits for Ada's end, and then has the workload.
func TestWaitForTheOther(t *testing.T) {
	t.Parallel()
	ns, ada, adaSrc := atSmall(t)
	bob, bobSrc := ada.colleague(ns, adaSrc)
	ada.must(adaSrc, "dev", "start", "--no-terminal")
	if r := bob.nhctl(bobSrc, "dev", "start", "--wait", "--no-terminal", "--timeout", "1s"); r.code != 1 ||
		!strings.Contains(r.stderr, "held by "+ada.name) {
		t.Errorf("not long enough: %s", r)
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	go func() { done <- bob.runContext(ctx, bobSrc, "dev", "start", "--wait", "--no-terminal") }()
	ada.must(adaSrc, "dev", "end")
	if r := <-done; r.code != 0 {
		t.Errorf("Bob's start: %s", r)
	}
	if s := only(t, ada); s.Holder.Local != bob.name+"@"+hostname(t) {
		t.Errorf("%+v", s)
	}
	bob.must(bobSrc, "dev", "end")
}

// The developer's other computer ends the session: the first one does it, and has its files; when it is off, they are
// kept.
func TestEndFromTheOtherComputer(t *testing.T) {
	t.Parallel()
	ns, ada, src := atSmall(t)
	before := shared.mustSnapshot(t, ns)
	ada.must(src, "dev", "start", "--no-terminal")
	// The host's name is the same in a test; a record of another one is what another computer would have written.
	elsewhere := shared.developerWith(t, ada.name, ada.kubeconfig)
	rename(t, ns, ada.name+"@"+hostname(t), ada.name+"@laptop")
	if r := elsewhere.nhctl("", "dev", "end", "it"); r.code != 0 ||
		!strings.Contains(r.stderr, "asked "+ada.name+"@laptop") {
		t.Errorf("%s", r)
	}
	shared.restored(t, ns, before)
	eventually(t, 20*time.Second, "the first computer knows", func(context.Context) error {
		if r := ada.nhctl(src, "dev", "status"); r.code != 1 {
			return errors.New(r.String())
		}
		return nil
	})
}

// rename changes the holder in a session's record.
func rename(t *testing.T, ns, from, to string) {
	t.Helper()
	leases := shared.typed.CoordinationV1().Leases(ns)
	eventually(t, 10*time.Second, "the holder is renamed", func(ctx context.Context) error {
		list, err := leases.List(ctx,
			metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleSession})
		if err != nil || len(list.Items) != 1 {
			return fmt.Errorf("%d Leases, %w", len(list.Items), err)
		}
		l := &list.Items[0]
		l.Annotations[contract.AnnotationRecord] = strings.ReplaceAll(l.Annotations[contract.AnnotationRecord], from,
			to)
		_, err = leases.Update(ctx, l, metav1.UpdateOptions{})
		return err
	})
}

// How long a silent session blocks others is the config's, where the command line does not say it.
func TestConfigOfTheTeam(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	edit(t, filepath.Join(src, ".dev", "config.yaml"), "dev: {", "dev: {abandonAfter: 20s, ")
	dev.must(src, "dev", "start", "--no-terminal", "--mode", "duplicate")
	t.Run("dev.abandonAfter", func(t *testing.T) {
		leases, err := shared.typed.CoordinationV1().Leases(ns).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(leases.Items) != 1 || *leases.Items[0].Spec.LeaseDurationSeconds != 20 {
			t.Errorf("%+v, %v", leases.Items, err)
		}
	})
	dev.must(src, "dev", "end")
	if r := dev.nhctl(src, "dev", "start", "--no-terminal", "--abandon-after", "1s"); r.code != 2 ||
		!strings.Contains(r.stderr, "15s or more") {
		t.Errorf("too short: %s", r)
	}
}

// One replaces, and then duplicates, while another works on a duplicate: neither notices the other, whoever ends first.
func TestReplaceNextToADuplicate(t *testing.T) {
	t.Parallel()
	ns, ada, adaSrc := atSmall(t)
	bob, bobSrc := ada.colleague(ns, adaSrc)
	before := shared.mustSnapshot(t, ns)
	bob.must(bobSrc, "dev", "start", "--mode", "duplicate", "--no-terminal")
	ada.must(adaSrc, "dev", "start", "--no-terminal")
	if sessions := query[[]rpc.Session](bob, "", "dev", "list"); len(sessions) != 2 {
		t.Errorf("sessions: %+v", sessions)
	}
	ada.must(adaSrc, "dev", "end")
	ada.must(adaSrc, "dev", "start", "--mode", "duplicate", "--no-terminal")
	write(t, filepath.Join(adaSrc, "hello.txt"), "Ada's\n")
	eventually(t, 20*time.Second, "Ada has her own file", func(context.Context) error {
		out, err := ada.inPod(adaSrc, "cat", "hello.txt")
		if err == nil && out != "Ada's\n" {
			err = fmt.Errorf("%q", out)
		}
		return err
	})
	if out, err := bob.inPod(bobSrc, "cat", "hello.txt"); err != nil || out != "hello\n" {
		t.Errorf("Bob's session next to Ada's: %q %v", out, err)
	}
	bob.must(bobSrc, "dev", "end")
	ada.must(adaSrc, "dev", "end")
	shared.restored(t, ns, before)
}

// Nothing of a session looks beyond its namespace, however many namespaces the cluster has.
func TestLooksAtItsNamespaceOnly(t *testing.T) {
	t.Parallel()
	ns := small(t)
	through := newProxy(t)
	name := randomName("dev-")
	dev := shared.developerWith(t, name, through.kubeconfig(t, shared.user(t, ns, name)))
	src := dev.smallSources()
	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "list")
	dev.must(src, "dev", "status")
	dev.must(src, "dev", "end")
	through.mu.Lock()
	defer through.mu.Unlock()
	watches := 0
	for _, uri := range through.looked {
		path, query, _ := strings.Cut(uri, "?")
		if strings.Contains(query, "watch=") {
			watches++
		}
		objects := len(strings.Split(path, "/")) > len(strings.Split("/apis/group/version", "/")) ||
			strings.HasPrefix(path, "/api/v1/")
		if objects && !strings.HasPrefix(path, "/openapi/") && !strings.Contains(path, "/namespaces/"+ns) {
			t.Errorf("looks at %s", uri)
		}
	}
	if watches == 0 {
		t.Errorf("no watch among %q", through.looked)
	}
}
