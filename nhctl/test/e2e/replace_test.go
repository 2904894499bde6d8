//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// answer waits until the catalog's Service answers with a text.
func answer(t *testing.T, ns, want string) {
	t.Helper()
	eventually(t, time.Minute, fmt.Sprintf("the Service answers %q", want), func(ctx context.Context) error {
		body, err := shared.get(ctx, ns, "catalog", "/books")
		if err == nil && !strings.Contains(body, want) {
			err = errors.New(body)
		}
		return err
	})
}

// edit replaces a text in a source file, as an editor does.
func edit(t *testing.T, file, from, to string) {
	t.Helper()
	text := read(t, file)
	if !strings.Contains(text, from) {
		t.Fatalf("%s does not hold %q", file, from)
	}
	write(t, file, strings.Replace(text, from, to, 1))
}

// The whole of the bookshop, one service in dev mode, an edit, and everything as it was: as a user with nothing but the
// Role.
func TestReplace(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	files, err := filepath.Glob(manifests + "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shared.apply(t, ns, files...)
	for _, name := range []string{"catalog", "reviews", "storefront"} {
		shared.deploymentReady(t, ns, name)
	}
	answer(t, ns, `"stock":7`)
	dev := shared.developer(t, ns)
	src := dev.sources(catalog)
	before := shared.mustSnapshot(t, ns)

	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "run")
	answer(t, ns, "catalog-nhctl-")

	// The original's environment, ConfigMap, Secret and service account are there; the config's own variable too.
	script := `echo "$CURRENCY $CATALOG_DEV $REDIS_PASSWORD"; cat /etc/bookshop/TONE; ls ` +
		`/var/run/secrets/kubernetes.io/serviceaccount/token`
	got, err := dev.inPod(src, "sh", "-c", script)
	if err != nil || got != "EUR true only-a-demo\nfriendly/var/run/secrets/kubernetes.io/serviceaccount/token\n" {
		t.Errorf("in the dev container: %q, %v", got, err)
	}
	edit(t, filepath.Join(src, "main.go"), "Welcome to the bookshop", "Edited in my editor")
	// The command starts when the edit is there, not before.
	dev.must(src, "dev", "run")
	answer(t, ns, "Edited in my editor")
	// A neighbour sees it as well.
	eventually(t, 20*time.Second, "the storefront has the new headline", func(ctx context.Context) error {
		body, err := shared.get(ctx, ns, "storefront", "/")
		if err == nil && !strings.Contains(body, `"headline":"Edited in my editor"`) {
			err = errors.New(body)
		}
		return err
	})
	if out := dev.must(src, "dev", "logs"); !strings.Contains(out, "catalog: listening on :8080") {
		t.Errorf("logs: %s", out)
	}
	dev.must(src, "dev", "stop")
	if c := dev.ran(src, "run"); c.State != "exited" {
		t.Errorf("after stop: %+v", c)
	}
	write(t, filepath.Join(src, "before-the-end.txt"), "x")
	if _, err := dev.inPod(src, "sh", "-c", "echo only in the pod > from-pod.txt"); err != nil {
		t.Fatal(err)
	}
	dev.must(src, "dev", "end")
	if got := read(t, filepath.Join(src, "from-pod.txt")); got != "only in the pod\n" {
		t.Errorf("what only the pod had came home as %q", got)
	}
	shared.restored(t, ns, before)
	answer(t, ns, "Welcome to the bookshop")
	for _, name := range []string{".stfolder", ".stignore", ".stversions"} {
		if _, err := os.Lstat(filepath.Join(src, name)); err == nil {
			t.Errorf("%s was left in the user's folder", name)
		}
	}
}

// The users of these tests really are restricted: what is not in the Role is denied.
func TestUsersAreRestricted(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	for _, denied := range [][]string{{"get", "secrets"}, {"patch", "secrets"}, {"delete", "secrets"},
		{"update", "services"},
		{"get", "configmaps"}, {"patch", "configmaps"}} {
		out, err := kubectl(t, dev.kubeconfig, "auth", "can-i", denied[0], denied[1])
		if err == nil || strings.TrimSpace(out) != "no" {
			t.Errorf("may %v: %q, %v", denied, out, err)
		}
	}
	if r := dev.nhctl("", "dev", "list", "-n", "kube-system"); r.code != 4 || !strings.Contains(r.stderr, "forbidden") {
		t.Errorf("a forbidden namespace: %s", r)
	}
}

// A duplicate leaves the original's traffic alone; two live side by side, and each end removes its own.
func TestDuplicate(t *testing.T) {
	t.Parallel()
	ns, ada, adaSrc := atShop(t)
	bob, bobSrc := ada.colleague(ns, adaSrc)
	before := shared.mustSnapshot(t, ns)
	ada.must(adaSrc, "dev", "start", "--mode", "duplicate", "--no-terminal")
	between := shared.mustSnapshot(t, ns)
	bob.must(bobSrc, "dev", "start", "--mode", "duplicate", "--no-terminal")
	edit(t, filepath.Join(bobSrc, "main.go"), "Welcome to the bookshop", "From Bob")
	eventually(t, 20*time.Second, "Bob's edit is in Bob's pod", func(context.Context) error {
		_, err := bob.inPod(bobSrc, "grep", "-q", "From Bob", "main.go")
		return err
	})
	bob.must(bobSrc, "dev", "run")
	s := query[rpc.Session](bob, bobSrc, "dev", "status")
	if len(s.Forwards) != 1 {
		t.Fatalf("forwards: %+v", s.Forwards)
	}
	eventually(t, time.Minute, "Bob's program answers on the forwarded port", func(ctx context.Context) error {
		body, err := httpGet(ctx, fmt.Sprintf("http://127.0.0.1:%d/books", s.Forwards[0].Local))
		if err == nil && !strings.Contains(body, "From Bob") {
			err = errors.New(body)
		}
		return err
	})
	for range 20 {
		if body, err := shared.get(t.Context(), ns, "catalog", "/books"); err != nil ||
			!strings.Contains(body, "Welcome to the bookshop") || strings.Contains(body, "nhctl") {
			t.Fatalf("the Service's traffic changed: %s, %v", body, err)
		}
	}
	if sessions := query[[]rpc.Session](ada, adaSrc, "dev", "list"); len(sessions) != 2 {
		t.Errorf("sessions: %+v", sessions)
	}
	bob.must(bobSrc, "dev", "end")
	shared.restoredButLease(t, ns, between)
	if _, err := ada.inPod(adaSrc, "true"); err != nil {
		t.Errorf("Ada's session after Bob's end: %v", err)
	}
	ada.must(adaSrc, "dev", "end")
	shared.restored(t, ns, before)
}

// A colleague changes the template and the replica count while it is parked: ending gives back theirs.
func TestColleagueChangesTheOriginal(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--no-terminal")
	shared.patchDeployment(t, ns, "catalog",
		`{"spec":{"template":{"metadata":{"annotations":{"colleague":"was here"}}}}}`)
	dev.must(src, "dev", "end")
	d := shared.deployment(t, ns, "catalog")
	if *d.Spec.Replicas != 1 || d.Spec.Template.Annotations["colleague"] != "was here" || len(d.Labels) != 2 {
		t.Errorf("replicas %d, annotations %v, labels %v", *d.Spec.Replicas, d.Spec.Template.Annotations, d.Labels)
	}
	shared.deploymentReady(t, ns, "catalog")
}

// Someone scales the parked original up: the twin steps aside, no one fights, and the end leaves their number alone.
func TestColleagueScalesTheOriginalUp(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--no-terminal")
	shared.patchDeployment(t, ns, "catalog", `{"spec":{"replicas":2}}`)
	shared.deploymentReady(t, ns, "catalog")
	eventually(t, 30*time.Second, "the user is told", func(context.Context) error {
		s := query[rpc.Session](dev, src, "dev", "status")
		if len(s.Notices) == 0 || !strings.Contains(s.Notices[0], "someone scaled deployment/catalog to 2") {
			return fmt.Errorf("notices %v", s.Notices)
		}
		return nil
	})
	eventually(t, 10*time.Second, "only the original answers", func(ctx context.Context) error {
		for range 10 {
			body, err := shared.get(ctx, ns, "catalog", "/books")
			if err != nil || strings.Contains(body, "nhctl") {
				return fmt.Errorf("%s %w", body, err)
			}
		}
		return nil
	})
	dev.must(src, "dev", "end")
	if d := shared.deployment(t, ns, "catalog"); *d.Spec.Replicas != 2 || len(d.Labels) != 2 {
		t.Errorf("replicas %d, labels %v", *d.Spec.Replicas, d.Labels)
	}
}
