//go:build e2e

package e2e

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
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

// install has the install script put nhctl into a bare root folder, from a release that only this computer serves. The
// script's tools are gone afterwards.
func (d *developer) install(t *testing.T) {
	t.Helper()
	const bin = "/bin/"
	busybox := d.root + bin + "busybox"
	write(t, busybox, fromImage(t, "test-shape-alpine", "bin/busybox"))
	if err := os.Chmod(busybox, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.root, "install.sh"), read(t, filepath.Join(repository, "hack/release/install.sh")))
	server := httptest.NewServer(http.FileServer(http.Dir(releaseOf(t, os.Getenv("NHCTL_TEST_BIN")))))
	defer server.Close()
	for _, args := range [][]string{{"--install", "-s", bin}, {"sh", "install.sh"}} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, bin+"busybox", args...)
		cmd.Dir = "/"
		cmd.Env = []string{"HOME=/", "PATH=" + bin, "NHCTL_INSTALL_DIR=/", "NHCTL_BASE_URL=" + server.URL}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: d.root}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("busybox %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	for _, name := range []string{"bin", "install.sh"} {
		if err := os.RemoveAll(filepath.Join(d.root, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// releaseOf makes a release of the nhctl in a folder, as far as the install script needs one, and returns its folder.
func releaseOf(t *testing.T, bin string) string {
	t.Helper()
	dir := t.TempDir()
	archive := "nhctl_0.0.0_linux_" + runtime.GOARCH + ".tar.gz"
	pack := exec.Command("tar", "-czf", filepath.Join(dir, archive), "-C", bin, "nhctl")
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sum := sha256.Sum256([]byte(read(t, filepath.Join(dir, archive))))
	write(t, filepath.Join(dir, "checksums.txt"), fmt.Sprintf("%x  %s\n", sum, archive))
	return dir
}

// fromImage is a file of an image that was built for the tests.
func fromImage(t *testing.T, name, file string) string {
	t.Helper()
	image, err := tarball.ImageFromPath(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "images", name+".tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	content := mutate.Extract(image)
	defer content.Close()
	for files := tar.NewReader(content); ; {
		head, err := files.Next()
		if err != nil {
			t.Fatalf("image %s, %s: %v", name, file, err)
		}
		if strings.TrimPrefix(head.Name, "./") != file || head.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}

// One file is enough: the install script puts it on a computer that has nothing else, a service whose image is the
// public one comes into dev mode, an edit is answered, the debugger stops, and the cluster is as it was.
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
	dev.install(t)
	t.Logf("to the end of the install script: %.1f s", time.Since(begin).Seconds())
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
	t.Logf("to the edited answer: %.1f s", time.Since(begin).Seconds())

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
