//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// kubectl runs the playground's kubectl with a kubeconfig.
func kubectl(t *testing.T, kubeconfig string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "playground.d", "kube"),
		append([]string{"kubectl", "--kubeconfig", kubeconfig}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func httpGet(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func (c *cluster) deployment(t *testing.T, ns, name string) *appsv1.Deployment {
	t.Helper()
	d, err := c.typed.AppsV1().Deployments(ns).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (c *cluster) patchDeployment(t *testing.T, ns, name, patch string) {
	t.Helper()
	if _, err := c.typed.AppsV1().Deployments(ns).Patch(t.Context(), name, types.StrategicMergePatchType, []byte(patch),
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// twinPod is the only twin's pod of a namespace.
func (c *cluster) twinPod(t *testing.T, ns string) string {
	t.Helper()
	pods, err := c.typed.CoreV1().Pods(ns).List(t.Context(),
		metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleTwin})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("%d twin pods, %v", len(pods.Items), err)
	}
	return pods.Items[0].Name
}

// killSidecar ends all that the twin's sidecar container runs.
func killSidecar(t *testing.T, ns string) {
	t.Helper()
	// The sidecar has no shell tools of its own to kill itself with; the dev image has, as it runs in the same image.
	if out, err := kubectl(t, os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", ns, "exec", shared.twinPod(t, ns), "-c",
		contract.SidecarContainer, "--", "sh", "-c", "kill -9 -1; kill 1"); err != nil {
		t.Logf("kill: %s %v", out, err)
	}
}

// restoredButLease is restored, but for the heartbeats of sessions that go on.
func (c *cluster) restoredButLease(t *testing.T, ns string, before snapshot) {
	t.Helper()
	c.restoredBut(t, ns, before, "leases")
}

// at runs a command, and calls do once its JSON events name a step as started.
func (d *developer) at(dir, step string, do func(*exec.Cmd), args ...string) result {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := d.command(ctx, dir, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	var out strings.Builder
	done := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		out.WriteString(lines.Text() + "\n")
		if !done && strings.Contains(lines.Text(), `"name":"`+step+`","state":"started"`) {
			done = true
			do(cmd)
		}
	}
	_ = cmd.Wait()
	if !done {
		d.t.Errorf("the step %q never started", step)
	}
	return result{stdout: out.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// interruptAt sends Ctrl-C at a step.
func (d *developer) interruptAt(dir, step string, args ...string) result {
	d.t.Helper()
	return d.at(dir, step, func(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGINT) }, args...)
}

// killDaemonAt kills the daemon at a step.
func (d *developer) killDaemonAt(dir, step string, args ...string) result {
	d.t.Helper()
	return d.at(dir, step, func(*exec.Cmd) { _ = syscall.Kill(d.daemonPID(), syscall.SIGKILL) }, args...)
}
