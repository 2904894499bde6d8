//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// What can't work says so clearly, with the right exit code, and leaves the workload as it was.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args    []string
		prepare func(t *testing.T, ns string)
		code    int
		want    []string
	}{
		"image that does not exist": {args: []string{"--image", "ghcr.io/nhctl/no-such-image:v1"}, code: 1,
			want: []string{"ghcr.io/nhctl/no-such-image:v1 can't be pulled", "--image"}},
		"image name that is none": {args: []string{"--image", "No Such:::Image"}, code: 1,
			want: []string{"No Such:::Image"}},
		"workload that does not exist": {args: []string{"deploy/catalogue"}, code: 1,
			want: []string{`no deployment "catalogue"`, "the namespace has: catalog"}},
		"container that does not exist": {args: []string{"-c", "nginx"}, code: 2,
			want: []string{`no container "nginx"`, "catalog"}},
		"quota of 0 more pods": {code: 1, want: []string{"quota"}, prepare: func(t *testing.T, ns string) {
			_, err := shared.typed.CoreV1().ResourceQuotas(ns).Create(t.Context(), &corev1.ResourceQuota{
				ObjectMeta: metav1.ObjectMeta{Name: "tight"},
				Spec: corev1.ResourceQuotaSpec{
					Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")},
				},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, 20*time.Second, "the quota counts", func(ctx context.Context) error {
				q, err := shared.typed.CoreV1().ResourceQuotas(ns).Get(ctx, "tight", metav1.GetOptions{})
				if err == nil && q.Status.Used.Pods().Value() == 0 {
					err = fmt.Errorf("not yet")
				}
				return err
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shop(t)
			if tt.prepare != nil {
				tt.prepare(t, ns)
			}
			dev := shared.developer(t, ns)
			src := dev.sources(catalog)
			before := shared.mustSnapshot(t, ns)
			begin := time.Now()
			r := dev.nhctl(src, append([]string{"dev", "start", "--no-terminal"}, tt.args...)...)
			t.Logf("refused after %s", time.Since(begin).Round(time.Millisecond))
			if r.code != tt.code || !strings.Contains(r.stderr, "hint:") {
				t.Errorf("want code %d and a hint: %s", tt.code, r)
			}
			for _, want := range tt.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("no %q in: %s", want, r)
				}
			}
			answer(t, ns, "Welcome to the bookshop")
			shared.restored(t, ns, before)
		})
	}
}

// Exit codes of a cluster that can't be used.
func TestUnreachableCluster(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	broken := filepath.Join(dev.home, "nowhere")
	write(t, broken, strings.Replace(read(t, dev.kubeconfig), shared.config.Host, "https://127.0.0.1:1", 1))
	r := dev.nhctl(src, "dev", "start", "--no-terminal", "--kubeconfig", broken)
	if r.code != 4 || !strings.Contains(r.stderr, "https://127.0.0.1:1 does not answer") || !strings.Contains(r.stderr, "hint:") {
		t.Errorf("%s", r)
	}
}

// A second replace is refused with the holder's name, and the first is not disturbed. The same developer just
// re-attaches.
func TestSecondReplace(t *testing.T) {
	t.Parallel()
	ns, ada, adaSrc := atShop(t)
	bob, bobSrc := ada.colleague(ns, adaSrc)
	before := shared.mustSnapshot(t, ns)
	ada.must(adaSrc, "dev", "start", "--no-terminal")
	r := bob.nhctl(bobSrc, "dev", "start", "--no-terminal")
	if r.code != 1 || !strings.Contains(r.stderr, "held by "+ada.name+"@") ||
		!strings.Contains(r.stderr, "--mode duplicate") {
		t.Errorf("Bob's start: %s", r)
	}
	if r := bob.nhctl(bobSrc, "dev", "end"); r.code != 1 || !strings.Contains(r.stderr, "held by "+ada.name) {
		t.Errorf("Bob's end: %s", r)
	}
	first := query[rpc.Session](ada, adaSrc, "dev", "status")
	if out := ada.must(adaSrc, "dev", "start", "--no-terminal"); !strings.Contains(out, "already") ||
		!strings.Contains(out, first.ID) {
		t.Errorf("Ada's second start: %s", out)
	}
	if _, err := ada.inPod(adaSrc, "true"); err != nil {
		t.Error(err)
	}
	ada.must(adaSrc, "dev", "end")
	shared.restored(t, ns, before)
}

// Ctrl-C at any moment of a start leaves the workload as it was.
func TestInterruptedStart(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"create the twin", "wait for the dev pod", "sync the sources", "park the original",
		"route traffic to the twin"} {
		t.Run(strings.ReplaceAll(step, " ", "-"), func(t *testing.T) {
			t.Parallel()
			ns, dev, src := atShop(t)
			before := shared.mustSnapshot(t, ns)
			r := dev.interruptAt(src, step, "dev", "start", "--no-terminal", "-o", "json")
			if r.code != 130 {
				t.Errorf("interrupted at %q: %s", step, r)
			}
			answer(t, ns, "Welcome to the bookshop")
			shared.restored(t, ns, before)
		})
	}
}

// The daemon dies in the middle of a start: the next command puts everything back.
func TestDaemonKilledInStart(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	before := shared.mustSnapshot(t, ns)
	r := dev.killDaemonAt(src, "park the original", "dev", "start", "--no-terminal", "-o", "json")
	if r.code != 1 || !strings.Contains(r.stderr, "the daemon was lost") {
		t.Errorf("%s", r)
	}
	dev.must(src, "dev", "list")
	shared.restored(t, ns, before)
}

// A taken local port is named with its owner, and another is offered; the session goes on without.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	r := dev.nhctl(src, "dev", "forward", fmt.Sprintf("%d:8080", port))
	if r.code != 1 || !strings.Contains(r.stderr, fmt.Sprintf("local port %d is taken by e2e.test (process %d)", port,
		os.Getpid())) || !strings.Contains(r.stderr, "which is free") {
		t.Errorf("%s", r)
	}
	dev.must(src, "dev", "forward", ":9999")
	dev.must(src, "dev", "end")
}

// A compiler that needs more memory than the container has is killed; the user is told which line to change.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	edit(t, filepath.Join(src, ".dev/config.yaml"), "memory: 1Gi", "memory: 64Mi")
	edit(t, filepath.Join(src, ".dev/config.yaml"), "memory: 256Mi", "memory: 64Mi")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	dev.must(src, "dev", "run", "--", "sh", "-c",
		"tail -c 300m /dev/zero | tail -c 200m > /dev/null; go build -a -o /tmp/x .")
	eventually(t, 2*time.Minute, "the user is told of the memory limit", func(context.Context) error {
		out := dev.must(src, "dev", "status")
		if !strings.Contains(out, "containers[].dev.resources.limits.memory") || !strings.Contains(out, "64 MiB") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	dev.must(src, "dev", "end")
}
