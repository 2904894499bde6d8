//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// asleep is a Deployment "it" of no replicas, whose pods no one has tried yet: spec goes before the containers, behind
// comes after them.
func asleep(spec, behind string) string {
	manifest := strings.Replace(kindManifests()["deployment"], "replicas: 1", "replicas: 0", 1)
	if spec != "" {
		manifest = strings.Replace(manifest, "terminationGracePeriodSeconds",
			spec+"\n      terminationGracePeriodSeconds", 1)
	}
	return manifest + behind
}

// extraContainer is one more container of the pod of asleep.
func extraContainer(more string) string {
	return "\n      - name: ledger\n        image: ghcr.io/nhctl/dev-go:v0.1.0\n        imagePullPolicy: " +
		"IfNotPresent\n        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n" + more
}

// foreign is a program for another machine: as much of it as the kernel reads before it says so.
func foreign() string {
	header := append([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0}, make([]byte, 56)...)
	const executable, s390 = 2, 22
	header[16], header[18], header[20] = executable, s390, 1
	return base64.StdEncoding.EncodeToString(header)
}

// Why a twin does not come up is said in words, at once, with what to change, and everything is put back.
func TestDiagnosis(t *testing.T) {
	t.Parallel()
	const small = "        resources: {requests: {cpu: 5m, memory: 8Mi}, limits: {cpu: \"1\", memory: 16Mi}}\n"
	for name, tt := range map[string]struct {
		manifest string
		args     []string
		prepare  func(t *testing.T, ns string)
		want     []string
	}{
		"crash loop": {manifest: asleep("",
			extraContainer(small+"        command: [sh, -c, \"echo the ledger is locked; exit 3\"]")),
			want: []string{"container ledger ended with code 3", "the last that it printed", "the ledger is locked"}},
		"out of memory": {manifest: asleep("initContainers:"+
			extraContainer(small+"        command: [dd, if=/dev/zero, of=/dev/null, bs=200M]"), ""),
			want: []string{"container ledger", "memory"}},
		"another architecture": {manifest: fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: foreign}\n"+
			"binaryData: {program: %s}\n---\n", foreign()) +
			asleep("volumes: [{name: foreign, configMap: {name: foreign, defaultMode: 493}}]", extraContainer(small+
				"        volumeMounts: [{name: foreign, mountPath: /foreign}]\n        command: [/foreign/program]")),
			want: []string{"container ledger", "exec format error", "another architecture"}},
		"node selector": {manifest: asleep("nodeSelector: {disk: fast}",
			""), want: []string{"no node takes the dev pod", "with the label disk=fast", "dev.patches"}},
		"resources": {manifest: strings.Replace(asleep("", ""),
			"requests: {cpu: 5m, memory: 8Mi}, limits: {cpu: \"1\", memory: 128Mi}",
			"requests: {memory: 900Gi}, limits: {memory: 900Gi}", 1),
			want: []string{"Insufficient memory", "Mi memory", "dev.resources"}},
		"claim that is missing": {
			manifest: asleep("volumes: [{name: data, persistentVolumeClaim: {claimName: ledger}}]", ""),
			want:     []string{`"ledger" not found`, "its claims are ledger"},
		},
		"claim that can't bind": {
			manifest: "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: ledger}\nspec: " +
				"{storageClassName: none, accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}\n---\n" +
				asleep("volumes: [{name: data, persistentVolumeClaim: {claimName: ledger}}]", ""),
			want: []string{"unbound", "its claims are ledger", "kubectl describe pvc"},
		},
		"policy of the cluster": {
			manifest: asleep("", ""),
			prepare:  denyTwins,
			want:     []string{"ValidatingAdmissionPolicy 'pods.", "denied request: one container is enough"},
		},
		"sidecar that can't be pulled": {manifest: asleep("", ""), args: []string{"--inject", "image",
			"--sidecar-image", "ghcr.io/nhctl/no-such-sidecar:v1"}, want: []string{"no-such-sidecar:v1 can't be pulled",
			"--inject auto"}},
		"no shell to plant the sidecar by": {
			manifest: strings.Replace(asleep("", ""), "ghcr.io/nhctl/dev-go:v0.1.0", sidecarImage(t), 1),
			args:     []string{"--inject", "exec", "--image", sidecarImage(t)},
			want:     []string{"nhctl-plant", "no image of the pod has a shell"},
		},
		"init container that fails": {manifest: asleep("initContainers:"+
			extraContainer(small+"        command: [sh, -c, \"echo no schema >&2; exit 1\"]"),
			""), want: []string{"container ledger ended with code 1", "no schema"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			shared.create(t, ns, []byte(tt.manifest))
			dev := shared.developer(t, ns)
			if tt.prepare != nil {
				tt.prepare(t, ns)
			}
			src := filepath.Join(dev.home, "src")
			write(t, filepath.Join(src, "hello.txt"), "hello\n")
			before := shared.mustSnapshot(t, ns)
			begin := time.Now()
			args := append([]string{"dev", "start", "deploy/it", "-c", "main", "--dir", src, "--no-terminal",
				"--timeout", "60s"}, tt.args...)
			if !slices.Contains(tt.args, "--image") {
				args = append(args, "--image", "ghcr.io/nhctl/dev-go:v0.1.0")
			}
			r := dev.nhctl(src, args...)
			t.Logf("said after %s: %s", time.Since(begin).Round(time.Millisecond), r.stderr)
			for _, want := range append(tt.want, "hint:") {
				if r.code != 1 || !strings.Contains(r.stderr, want) {
					t.Errorf("no %q in: %s", want, r)
				}
			}
			shared.restored(t, ns, before)
		})
	}
}

// sidecarImage has nothing but the sidecar: no shell.
func sidecarImage(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(read(t, filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "sidecar.ref")))
}

// denyTwins makes a policy that admits no pod of several containers in a namespace.
func denyTwins(t *testing.T, ns string) {
	t.Helper()
	alone := map[string]string{"one container is enough": "size(object.spec.containers) == 1"}
	shared.manage(t, ns, managed{pods: alone})
}

// Where the sidecar's image can't be pulled, its binary comes through exec: into the twin's pod, and into the next when
// that one is lost.
func TestInjectByExec(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal", "--inject", "exec", "--sidecar-image",
		"ghcr.io/nhctl/no-such-sidecar:v1")
	first := shared.twinPod(t, ns)
	if out, err := dev.inPod(src, "cat", "hello.txt"); err != nil || out != "hello\n" {
		t.Errorf("%q, %v", out, err)
	}
	if err := shared.typed.CoreV1().Pods(ns).Delete(t.Context(), first, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the next pod works, too", func(context.Context) error {
		s := query[rpc.Session](dev, src, "dev", "status")
		if s.Pod == first || s.Link == nil || s.Link.State != "up" {
			return fmt.Errorf("%+v", s.Link)
		}
		_, err := dev.inPod(src, "cat", "hello.txt")
		return err
	})
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}

// Without a flag, the sidecar comes through exec where its image can't be pulled, within seconds; an image that no
// registry has is not even tried. Where the dev image has no shell, one of the original's will do.
func TestInjectAuto(t *testing.T) {
	t.Parallel()
	silent := silentAddress(t, addressTowards(t, shared.config.Host)) + "/nhctl/sidecar:v1"
	for name, tt := range map[string]struct {
		args []string
		// plain says that no one names an image, as after `make build`.
		plain bool
		// says is in the output, or else there is no note; tried are the images of the plant containers.
		says  string
		tried []string
	}{
		"an image that can't be pulled": {
			args:  []string{"--sidecar-image", "ghcr.io/nhctl/no-such-sidecar:v1"},
			says:  "ghcr.io/nhctl/no-such-sidecar:v1 can't be had",
			tried: []string{"ghcr.io/nhctl/no-such-sidecar:v1", "ghcr.io/nhctl/dev-go:v0.1.0"},
		},
		"an image whose registry does not answer": {
			args:  []string{"--sidecar-image", silent},
			says:  silent + " can't be had (its pull takes longer than 20s)",
			tried: []string{silent, "ghcr.io/nhctl/dev-go:v0.1.0"},
		},
		"no image": {plain: true, tried: []string{"ghcr.io/nhctl/dev-go:v0.1.0"}},
		"no image, and no shell in the dev image": {
			args:  []string{"--image", sidecarImage(t)},
			plain: true,
			says:  "ghcr.io/nhctl/dev-go:v0.1.0 is tried",
			tried: []string{sidecarImage(t), "ghcr.io/nhctl/dev-go:v0.1.0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns, dev, src := atSmall(t)
			if tt.plain {
				dev.env = slices.DeleteFunc(dev.env, func(v string) bool {
					return strings.HasPrefix(v, "NHCTL_SIDECAR_IMAGE=")
				})
			}
			before := shared.mustSnapshot(t, ns)
			watching, err := shared.typed.CoreV1().Pods(ns).Watch(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var tried []string
			var watched sync.WaitGroup
			watched.Go(func() {
				for e := range watching.ResultChan() {
					p, ok := e.Object.(*corev1.Pod)
					if ok && len(p.Spec.InitContainers) > 0 && !slices.Contains(tried, p.Spec.InitContainers[0].Image) {
						tried = append(tried, p.Spec.InitContainers[0].Image)
					}
				}
			})
			begin := time.Now()
			r := dev.nhctl(src, append([]string{"dev", "start", "--no-terminal"}, tt.args...)...)
			t.Logf("in dev mode after %s: %s", time.Since(begin).Round(100*time.Millisecond), r.stderr)
			if r.code != 0 {
				t.Fatal(r)
			}
			said := r.stdout + r.stderr
			if !strings.Contains(said, tt.says) || tt.says == "" && strings.Contains(said, "exec") {
				t.Errorf("want %q in: %s", tt.says, said)
			}
			watching.Stop()
			watched.Wait()
			if !slices.Equal(tried, tt.tried) {
				t.Errorf("plant containers had %q, want %q", tried, tt.tried)
			}
			dev.must(src, "dev", "sync", "wait")
			dev.must(src, "dev", "end")
			shared.restored(t, ns, before)
		})
	}
}

// silentAddress is one of this computer at which no one answers, not even to refuse: as behind many a firewall. Linux
// drops what comes to a port while the queue of connections that no one has taken is full.
func silentAddress(t *testing.T, ip net.IP) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	err = errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte(ip.To4())}), unix.Listen(fd, 0))
	if err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort(ip.String(), strconv.Itoa(bound.(*unix.SockaddrInet4).Port))
	const most = 8
	for range most {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatalf("%s still answers", address)
	return ""
}

// An image without a shell is synced into, and runs the programs that it has.
func TestImageWithoutShell(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal", "--image", sidecarImage(t))
	if out, err := dev.inPod(src, "/sidecar", "version"); err != nil || strings.TrimSpace(out) == "" {
		t.Errorf("%q, %v", out, err)
	}
	if r := dev.nhctl(src, "dev", "exec", "--", "sh", "-c", "true"); r.code == 0 || !strings.Contains(r.stderr, "sh") {
		t.Errorf("a shell that is not there: %s", r)
	}
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}
