//go:build e2e

package e2e

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// bare makes a person whose computer has nothing but nhctl's file and a kubeconfig: no shell, no git, no other program,
// no certificates, and no image of ours that nhctl would know of. Its root folder is the home folder.
func (c *cluster) bare(t *testing.T, namespace string) *developer {
	t.Helper()
	name := randomName("dev-")
	d := c.developerWith(t, name, c.user(t, namespace, name))
	d.root = d.home
	d.env = []string{"HOME=/", "USER=" + name, "KUBECONFIG=/kubeconfig", "XDG_STATE_HOME=/state"}
	write(t, filepath.Join(d.root, "kubeconfig"), read(t, d.kubeconfig))
	from, err := os.Open(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(d.root, "nhctl"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"dev", "proc", "tmp"} {
		if err := os.Mkdir(filepath.Join(d.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// What every kernel's user has.
	const null = 1<<8 | 3
	if err := syscall.Mknod(filepath.Join(d.root, "dev", "null"), syscall.S_IFCHR|0o666, null); err != nil {
		t.Fatal(err)
	}
	proc := filepath.Join(d.root, "proc")
	if err := syscall.Mount("proc", proc, "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.nhctl("", "daemon", "stop")
		if err := syscall.Unmount(proc, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// One file is enough: from a computer that has nothing else, a service whose image is the public one comes into dev
// mode, an edit is answered, the debugger stops, and the cluster is as it was.
func TestOneFile(t *testing.T) {
	t.Parallel()
	const service, image = "storefront", "docker.io/library/node:18"
	ns := shared.namespace(t)
	shared.apply(t, ns, manifests+"settings.yaml", manifests+service+".yaml")
	shared.settled(t, ns, 1)
	dev := shared.bare(t, ns)
	before := shared.mustSnapshot(t, ns)
	src := dev.sources("examples/bookshop/" + service)
	if err := os.RemoveAll(filepath.Join(src, ".dev")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(src, "package.json"), `{"scripts": {"dev": "node main.js"}}`)
	write(t, filepath.Join(src, ".nvmrc"), "18\n")

	begin := time.Now()
	if out := dev.must(src, "doctor"); !strings.Contains(out, "nhctl dev start") {
		t.Errorf("the doctor says nothing of what to try next: %s", out)
	}
	dev.must(src, "dev", "start", "deploy/"+service, "--dir", ".", "--image", "auto", "--no-terminal")
	pod, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), shared.twinPod(t, ns), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		if c.Image != image {
			t.Errorf("container %s needs image %s", c.Name, c.Image)
		}
	}
	dev.must(src, "dev", "run")
	serviceAnswers(t, ns, service, "/healthz", "ok")
	file := filepath.Join(src, "main.js")
	edit(t, file, "response.end('ok')", "response.end('better')")
	dev.must(src, "dev", "run")
	serviceAnswers(t, ns, service, "/healthz", "better")
	t.Logf("from the doctor to the edited answer: %.1f s", time.Since(begin).Seconds())

	d := outcome[event.DebugData](dev, src, "dev", "debug")
	for i := range d.Paths {
		d.Paths[i].Local = dev.root + d.Paths[i].Local
	}
	serviceAnswers(t, ns, service, "/healthz", "better")
	scenario := debugged{
		service: service, attach: inspect, path: "/healthz", expression: "request.url", value: `"value":"/healthz"`,
	}
	scenario.stops(t, ns, d, file, lineOf(t, file, "response.end('better')"), "better", func() {})
	dev.must(src, "dev", "end", "deploy/"+service)
	t.Logf("to its end: %.1f s", time.Since(begin).Seconds())
	shared.restored(t, ns, before)
}
