//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// secondInUse is locked by the test that has the second cluster.
var secondInUse sync.Mutex

// second is another cluster, which one test has at a time.
func second(t *testing.T) *cluster {
	t.Helper()
	secondInUse.Lock()
	t.Cleanup(secondInUse.Unlock)
	const variable = "NHCTL_TEST_SECOND_KUBECONFIG"
	file := os.Getenv(variable)
	if file == "" {
		t.Fatalf("this scenario needs two clusters, and %s names no second one: `make test` starts both, where it "+
			"starts any", variable)
	}
	c, err := connectTo(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The same namespace and workload are in dev mode in two clusters, by one developer at one computer: each command is
// about its own.
func TestTwoClusters(t *testing.T) {
	t.Parallel()
	other := second(t)
	ns := small(t)
	if _, err := other.typed.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.typed.CoreV1().Namespaces().Delete(context.Background(), ns, metav1.DeleteOptions{}) })
	other.create(t, ns, []byte(kindManifests()["deployment"]))
	other.deploymentReady(t, ns, "it")
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	elsewhere := []string{"--kubeconfig", other.user(t, ns, dev.name)}
	there := func(args ...string) []string { return append(args, elsewhere...) }
	colleague := other.developer(t, ns)
	colleagues := colleague.smallSources()
	before, beforeThere := shared.mustSnapshot(t, ns), other.mustSnapshot(t, ns)

	dev.must(src, "dev", "start", "--no-terminal")
	r := dev.nhctl(src, there("dev", "status")...)
	if r.code == 0 || !strings.Contains(r.stderr, "is not in dev mode here") {
		t.Errorf("status of the other cluster: %s", r)
	}
	if list := query[[]rpc.Session](dev, src, there("dev", "list")...); len(list) != 0 {
		t.Errorf("list of the other cluster: %+v", list)
	}
	dev.must(src, there("dev", "start", "--no-terminal")...)
	first, next := query[rpc.Session](dev, src, "dev",
		"status"), query[rpc.Session](dev, src, there("dev", "status")...)
	if first.ID == next.ID || first.Pod == next.Pod || !first.Live || !next.Live {
		t.Errorf("%+v\n%+v", first, next)
	}
	both := func(what string) {
		t.Helper()
		eventually(t, time.Minute, what, func(context.Context) error {
			for id, args := range map[string][]string{first.ID: {"dev", "status"}, next.ID: there("dev", "status")} {
				if s := query[rpc.Session](dev, src, args...); s.ID != id || s.Link == nil || s.Link.State != "up" {
					return fmt.Errorf("%s: %+v", id, s)
				}
			}
			if all := query[[]rpc.Session](dev, src, "dev", "list", "--all-clusters"); len(all) != 2 ||
				all[0].Server == all[1].Server {
				return fmt.Errorf("%+v", all)
			}
			return nil
		})
	}
	both("both are connected")
	if err := syscall.Kill(dev.daemonPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	both("another daemon takes both up")
	time.Sleep(12 * time.Second) // the scenario itself: two heartbeats of either must not take one for ended
	both("both go on")

	colleague.must(colleagues, "dev", "start", "--no-terminal", "--take-over")
	if s := query[rpc.Session](dev, src, "dev", "status"); s.ID != first.ID {
		t.Errorf("the first cluster's session after the other's was taken over: %+v", s)
	}
	colleague.must(colleagues, "dev", "end")
	other.restored(t, ns, beforeThere)
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}
