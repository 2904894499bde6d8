//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// inPodEventually waits until a file in the container has a content.
func inPodEventually(t *testing.T, dev *developer, src, file, want string) {
	t.Helper()
	eventually(t, 90*time.Second, file+" in the container", func(context.Context) error {
		got, err := dev.inPod(src, "cat", file)
		if err == nil && got != want {
			err = fmt.Errorf("%q, want %q", got, want)
		}
		return err
	})
}

func hereEventually(t *testing.T, file, want string) {
	t.Helper()
	eventually(t, 90*time.Second, filepath.Base(file)+" on the computer", func(context.Context) error {
		data, err := os.ReadFile(file)
		if err == nil && string(data) != want {
			err = fmt.Errorf("%q, want %q", data, want)
		}
		return err
	})
}

// serving waits until the program answers on the session's forwarded port.
func serving(t *testing.T, dev *developer, src string) {
	t.Helper()
	s := query[rpc.Session](dev, src, "dev", "status")
	if len(s.Forwards) != 1 {
		t.Fatalf("forwards: %+v", s.Forwards)
	}
	eventually(t, time.Minute, "the forwarded port answers", func(ctx context.Context) error {
		body, err := httpGet(ctx, fmt.Sprintf("http://127.0.0.1:%d/books", s.Forwards[0].Local))
		if err == nil && !strings.Contains(body, "served_by") {
			err = errors.New(body)
		}
		return err
	})
}

// The twin's pod is deleted: a new one comes up empty, and everything comes back by itself; nothing is deleted here.
func TestPodDeleted(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "run")
	pods := shared.typed.CoreV1().Pods(ns)
	old := query[rpc.Session](dev, src, "dev", "status").Pod
	if err := pods.Delete(t.Context(), old, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(src, "meanwhile.txt"), "edited while the pod was gone")
	eventually(t, time.Minute, "a new pod is connected", func(context.Context) error {
		s := query[rpc.Session](dev, src, "dev", "status")
		if s.Pod == old || s.Link == nil || s.Link.State != "up" {
			return fmt.Errorf("%+v", s.Link)
		}
		return nil
	})
	inPodEventually(t, dev, src, "meanwhile.txt", "edited while the pod was gone")
	if _, err := os.Stat(filepath.Join(src, "main.go")); err != nil {
		t.Errorf("an empty pod deleted local files: %v", err)
	}
	eventually(t, time.Minute, "what ran is started again, which is said", func(context.Context) error {
		s := query[rpc.Session](dev, src, "dev", "status")
		if len(s.Notices) != 1 || !strings.Contains(s.Notices[0], "was started again in pod "+s.Pod) {
			return fmt.Errorf("%q", s.Notices)
		}
		return nil
	})
	answer(t, ns, "catalog-nhctl-") // the new pod is ready without being told: its gate is open
	serving(t, dev, src)
	dev.must(src, "dev", "end")
}

// The sidecar is killed: it starts again with its index, and edits of both sides meet.
func TestSidecarKilled(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "run")
	pod, ran := query[rpc.Session](dev, src, "dev", "status").Pod, dev.ran(src, "run").PID
	killSidecar(t, ns)
	write(t, filepath.Join(src, "here.txt"), "from here")
	inPodEventually(t, dev, src, "here.txt", "from here")
	if _, err := dev.inPod(src, "sh", "-c", "printf 'from there' > there.txt"); err != nil {
		t.Fatal(err)
	}
	hereEventually(t, filepath.Join(src, "there.txt"), "from there")
	if c := dev.ran(src, "run"); c.PID != ran || c.State != "running" {
		t.Errorf("the program did not go on as process %d: %+v", ran, c)
	}
	eventually(t, time.Minute, "the sidecar was restarted", func(ctx context.Context) error {
		p, err := shared.typed.CoreV1().Pods(ns).Get(ctx, pod, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, s := range p.Status.ContainerStatuses {
			if s.Name == contract.SidecarContainer && s.RestartCount == 0 {
				return errors.New("it was not")
			}
		}
		return nil
	})
	dev.must(src, "dev", "end")
}

// The daemon is killed: the next command starts another, which takes the session up, with what was edited and deleted
// in the meantime.
func TestDaemonKilled(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	before := shared.mustSnapshot(t, ns)
	write(t, filepath.Join(src, "delete-me"), "d")
	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "run")
	serving(t, dev, src)
	if err := syscall.Kill(dev.daemonPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(src, "meanwhile.txt"), "no daemon")
	if err := os.Remove(filepath.Join(src, "delete-me")); err != nil {
		t.Fatal(err)
	}
	inPodEventually(t, dev, src, "meanwhile.txt", "no daemon")
	eventually(t, 20*time.Second, "the deletion is in the container", func(context.Context) error {
		_, err := dev.inPod(src, "test", "!", "-e", "delete-me")
		return err
	})
	serving(t, dev, src) // the program ran on, and the port is forwarded again
	// Once more, and straight to the end: what only the pod has comes home.
	if _, err := dev.inPod(src, "true"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(dev.daemonPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	pod := shared.twinPod(t, ns)
	if out, err := kubectl(t, os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", ns, "exec", pod, "-c", "catalog", "--", "sh",
		"-c", "printf pod > /home/dev/src/only-pod.txt"); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	dev.must(src, "dev", "end")
	if got := read(t, filepath.Join(src, "only-pod.txt")); got != "pod" {
		t.Errorf("only-pod.txt came home as %q", got)
	}
	shared.restored(t, ns, before)
}

// The end works from another computer of the same developer, whose nhctl knows nothing of the session: files come home
// into the kept area.
func TestEndWithoutLocalState(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	if err := syscall.Kill(dev.daemonPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dev.home, "state", "nhctl", "sessions")); err != nil {
		t.Fatal(err)
	}
	pod := shared.twinPod(t, ns)
	if out, err := kubectl(t, os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", ns, "exec", pod, "-c", "catalog", "--", "sh",
		"-c", "printf pod > /home/dev/src/only-pod.txt"); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	r := dev.nhctl(src, "dev", "end")
	found, err := filepath.Glob(filepath.Join(dev.home, "state", "nhctl", "kept", "*", "pod", "only-pod.txt"))
	if r.code != 0 || err != nil || len(found) != 1 || read(t, found[0]) != "pod" ||
		!strings.Contains(r.stderr, filepath.Dir(found[0])) {
		t.Errorf("%q, %v: %s", found, err, r)
	}
	// Only the cluster says that this is the session's folder.
	if _, err := os.Stat(filepath.Join(src, "only-pod.txt")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder got a file: %v", err)
	}
	shared.restored(t, ns, before)
}

// The twin is gone already when the end comes.
func TestEndWithoutTwin(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	twin := query[rpc.Session](dev, src, "dev", "status").Twin
	if err := shared.typed.AppsV1().Deployments(ns).Delete(t.Context(), twin, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the twin's pods are gone", func(ctx context.Context) error {
		pods, err := shared.typed.CoreV1().Pods(ns).List(ctx,
			metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleTwin})
		if err == nil && len(pods.Items) > 0 {
			err = errors.New("not yet")
		}
		return err
	})
	eventually(t, 20*time.Second, "the status says why there is no pod", func(context.Context) error {
		if out := dev.must(src, "dev", "status"); !strings.Contains(out, "the twin was deleted") {
			return errors.New(out)
		}
		return nil
	})
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}

// The API server is gone for 30 s: all comes back by itself. It is the second cluster's, which no other test has at
// that time.
func TestAPIServerGone(t *testing.T) {
	t.Parallel()
	const variable = "NHCTL_TEST_SECOND_PLAYGROUND"
	playground := os.Getenv(variable)
	if playground == "" {
		t.Fatalf("this scenario stops the API server, which only a playground lets it do: %s is not set", variable)
	}
	other := second(t)
	ns := other.namespace(t)
	other.apply(t, ns, manifests+"settings.yaml", manifests+"catalog.yaml")
	other.deploymentReady(t, ns, "catalog")
	dev := other.developer(t, ns)
	src := dev.sources(catalog)
	before := other.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "run")
	serving(t, dev, src)
	part := func(verb string) {
		t.Helper()
		out, err := exec.Command(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "playground"), "--name", playground, verb,
			"kube-apiserver").CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v", out, err)
		}
	}
	part("stop")
	write(t, filepath.Join(src, "meanwhile.txt"), "no API server")
	r := dev.nhctl(src, "dev", "list")
	if r.code != 4 || !strings.Contains(r.stderr, "does not answer") {
		t.Errorf("without an API server: %s", r)
	}
	const gone = 30 * time.Second
	time.Sleep(gone) // the scenario itself: an outage of this length
	part("start")
	inPodEventually(t, dev, src, "meanwhile.txt", "no API server")
	serving(t, dev, src)
	eventually(t, time.Minute, "the session is connected", func(context.Context) error {
		if s := query[rpc.Session](dev, src, "dev", "status"); s.Link == nil || s.Link.State != "up" {
			return fmt.Errorf("%+v", s.Link)
		}
		return nil
	})
	dev.must(src, "dev", "end")
	other.restored(t, ns, before)
}
