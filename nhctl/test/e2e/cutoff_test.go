//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Credentials expire while a session goes on: commands say so with the exit code of clusters, and newer credentials
// take it up again.
func TestCredentialsExpired(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	valid := read(t, dev.kubeconfig)
	lines := strings.Split(valid, "\n")
	for i, line := range lines {
		if strings.Contains(line, "token:") {
			lines[i] = line[:strings.Index(line, "token:")] + "token: expired"
		}
	}
	write(t, dev.kubeconfig, strings.Join(lines, "\n"))
	if r := dev.nhctl(src, "dev", "end"); r.code != 4 || !strings.Contains(r.stderr, "does not know you") ||
		!strings.Contains(r.stderr, "hint:") {
		t.Errorf("with expired credentials: %s", r)
	}
	write(t, dev.kubeconfig, valid)
	if s := query[rpc.Session](dev, src, "dev", "status"); s.Link == nil {
		t.Errorf("%+v", s)
	}
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}

// The namespace is deleted while a session goes on: nothing waits for ever, and the files stay where they are. What the
// computer knows of the session goes with --force, where the cluster does not answer for the namespace any more.
func TestNamespaceDeleted(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(kindManifests()["deployment"]))
	shared.settled(t, ns, 1)
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	dev.must(src, "dev", "start", "--no-terminal")
	background := metav1.DeletePropagationBackground
	if err := shared.typed.CoreV1().Namespaces().Delete(t.Context(), ns,
		metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, "the namespace is gone", func(ctx context.Context) error {
		if _, err := shared.typed.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{}); err == nil {
			return errors.New("not yet")
		}
		return nil
	})
	if r := dev.nhctl(src, "dev", "end"); r.code == 0 || !strings.Contains(r.stderr, "hint:") {
		t.Errorf("%s", r)
	}
	dev.nhctl(src, "dev", "end", "--force")
	eventually(t, 20*time.Second, "the computer has nothing of the session", func(context.Context) error {
		entries, err := os.ReadDir(dev.home + "/state/nhctl/sessions")
		if err == nil && len(entries) > 0 {
			err = errors.New(entries[0].Name())
		}
		return err
	})
	if got := read(t, src+"/hello.txt"); got != "hello\n" {
		t.Errorf("%q", got)
	}
}
