//go:build e2e

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// A colleague forges the Lease of a session: it names another Deployment as the twin, and folders of whoever ends it.
// Nothing happens, and the message says which Lease it is.
func TestForgedLease(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	ssh := filepath.Join(dev.home, ".ssh")
	write(t, filepath.Join(ssh, "id_ed25519"), "key")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	forged := func(session, label string) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
			Name:   "nhctl-deployment-it",
			Labels: map[string]string{contract.LabelRole: contract.RoleSession, contract.LabelSession: label},
			Annotations: map[string]string{contract.AnnotationRecord: `{"session":"` + session + `","namespace":"` +
				ns + `","workload":{"kind":"deployment","name":"it"},
"mode":"replace","phase":"active","twin":"it","port":20001,"container":"it","image":"x",
"workDir":"/home/dev/src","folderID":"../../../../x","folder":"` + ssh + `",
"since":"2024-05-01T12:00:00Z","holder":{"user":"` + dev.name + `","local":"` + dev.name + `@` + host + `"}}`},
		}}
	}
	leases := shared.typed.CoordinationV1().Leases(ns)
	for session, label := range map[string]string{"": "", "../..": "x", "0a1b2c3d": "0a1b2c3d"} {
		readable := session != "" && session == label
		if _, err := leases.Create(t.Context(), forged(session, label), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		list := query[[]rpc.Session](dev, src, "dev", "list")
		if len(list) != 1 || (list[0].Unreadable == "") != readable || !readable &&
			list[0].Lease != "nhctl-deployment-it" {
			t.Errorf("session %q is listed as %+v", session, list)
		}
		for _, args := range [][]string{{"dev", "start", "--no-terminal"}, {"dev", "end"}, {"dev", "end", "--all"}} {
			r := dev.nhctl(src, args...)
			if !readable && args[len(args)-1] != "--all" && (r.code == 0 ||
				!strings.Contains(r.stderr, "Lease nhctl-deployment-it is not the record of a session")) {
				t.Errorf("session %q: nhctl %s: %s", session, strings.Join(args, " "), r)
			}
		}
		d := shared.deployment(t, ns, "it")
		if d.DeletionTimestamp != nil || *d.Spec.Replicas != 1 {
			t.Errorf("session %q: %d replicas", session, *d.Spec.Replicas)
		}
		if got := read(t, filepath.Join(ssh, "id_ed25519")); got != "key" {
			t.Errorf("session %q: the key is %q", session, got)
		}
		if entries, err := os.ReadDir(ssh); err != nil || len(entries) != 1 {
			t.Errorf("session %q: %v, %v", session, entries, err)
		}
		if _, err := os.Stat(filepath.Join(dev.home, "state", "nhctl", "sessions")); errors.Is(err, os.ErrNotExist) {
			t.Errorf("session %q: the state is gone", session)
		}
		_ = leases.Delete(t.Context(), "nhctl-deployment-it", metav1.DeleteOptions{}) // one that could be read is gone
	}
}
