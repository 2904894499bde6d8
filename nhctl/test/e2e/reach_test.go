//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// A Role without pods/portforward is enough: the carriers go through exec.
func TestWithoutPortForward(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	role, err := shared.typed.RbacV1().Roles(ns).Get(t.Context(), dev.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, rule := range role.Rules {
		role.Rules[i].Resources = slices.DeleteFunc(rule.Resources, func(resource string) bool {
			return resource == "pods/portforward"
		})
	}
	if _, err := shared.typed.RbacV1().Roles(ns).Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	src := dev.sources(catalog)
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "run")
	edit(t, filepath.Join(src, "main.go"), "Welcome to the bookshop", "Reached by exec")
	dev.must(src, "dev", "run")
	answer(t, ns, "Reached by exec")

	pod := query[rpc.Session](dev, src, "dev", "status").Pod
	out, err := kubectl(t, dev.kubeconfig, "port-forward", pod, ":8080")
	if err == nil || !strings.Contains(out, "forbidden") {
		t.Errorf("the user may port-forward: %s %v", out, err)
	}
	dev.must(src, "dev", "forward", ":8080")
	ports := query[rpc.Session](dev, src, "dev", "status").Forwards
	i := slices.IndexFunc(ports, func(f event.ForwardData) bool { return f.Remote == 8080 })
	if i < 0 {
		t.Fatalf("no forward to 8080: %+v", ports)
	}
	eventually(t, 20*time.Second, "the forwarded port answers", func(ctx context.Context) error {
		body, err := httpGet(ctx, fmt.Sprintf("http://127.0.0.1:%d/books", ports[i].Local))
		if err == nil && !strings.Contains(body, "Reached by exec") {
			err = errors.New(body)
		}
		return err
	})
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}
