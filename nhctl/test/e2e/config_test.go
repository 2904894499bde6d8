//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// shapeManifest is a workload of two containers and an init container, and a Job that it depends on.
func shapeManifest() string {
	return `apiVersion: batch/v1
kind: Job
metadata: {name: prepare}
spec:
  template:
    spec:
      restartPolicy: Never
      ` + strings.Replace(podSpec(6, ""), `[sleep, "100000"]`, `["true"]`, 1) + `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: it}
spec:
  selector: {matchLabels: {app: it}}
  template:
    metadata: {labels: {app: it}}
    spec:
      volumes: [{name: made, emptyDir: {}}]
      initContainers:
      - name: slow
        image: ghcr.io/nhctl/dev-go:v0.1.0
        command: [sh, -c, "echo made > /made/file"]
        resources: {requests: {cpu: 5m, memory: 8Mi}, limits: {cpu: "1", memory: 128Mi}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: made, mountPath: /made}]
      ` + strings.Replace(podSpec(6, `  volumeMounts: [{name: made, mountPath: /made}]
  livenessProbe: {exec: {command: [ls, /tmp/up]}}
  readinessProbe: {exec: {command: [ls, /tmp/up]}, periodSeconds: 1}
- name: helper
  image: ghcr.io/nhctl/bookshop-redis:v0.1.0
  imagePullPolicy: IfNotPresent
  resources: {requests: {cpu: 5m, memory: 16Mi}, limits: {cpu: "1", memory: 128Mi}}
  securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}`), `[sleep, "100000"]`,
		`[sh, -c, "touch /tmp/up; sleep 100000"]`, 1) + "\n"
}

const shapeConfig = `name: it
dependLabelSelector:
  pods: [app=catalog]
  jobs: [job-name=prepare]
  tcp: ["catalog:80"]
  http: ["http://catalog/books"]
containers:
- hub: {image: ghcr.io/nhctl/dev-go}
  dev:
    image: ghcr.io/nhctl/dev-go:v0.1.0
    imagePullPolicy: Never
    devContainerName: workbench
    probes: readiness
    initContainers: skip
    user: {runAsUser: 1234, runAsGroup: 4321}
    storageClass: standard
    persistentVolumeDirs:
    - {path: /cache, capacity: 5Mi}
    - {path: /late, waitForFirstConsumer: true}
    restore: scaled
    patches:
    - patch: "spec: {template: {spec: {containers: [{name: workbench, env: [{name: PATCHED, value: strategic}]}]}}}"
    - {type: merge, patch: '{"spec": {"template": {"metadata": {"annotations": {"patched": "merge"}}}}}'}
    - {type: json, patch: "[{op: add, path: /spec/template/spec/enableServiceLinks, value: false}]"}
`

// The fields that shape the twin, each in a subtest of its name; and a second session, which finds what the first one
// kept.
func TestConfigShapesTheTwin(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	shared.create(t, ns, []byte(shapeManifest()))
	shared.deploymentReady(t, ns, "it")
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "it")
	write(t, filepath.Join(src, ".dev", "config.yaml"), shapeConfig)
	write(t, filepath.Join(src, "main.txt"), "x")
	before := shared.mustSnapshot(t, ns)
	// Its patches need trust: without a terminal that is an error, which says how to go on.
	if r := dev.nhctl(src, "dev", "start", "--no-terminal"); r.code != 1 || !strings.Contains(r.stderr,
		"changes the dev pod by a strategic patch") || !strings.Contains(r.stderr, "nhctl config trust") {
		t.Errorf("start with an untrusted config: %s", r)
	}
	dev.must(src, "config", "trust", "--yes")
	started := dev.nhctl(src, "dev", "start", "--no-terminal", "-o", "json")
	if started.code != 0 {
		t.Fatalf("%s", started)
	}
	s := query[rpc.Session](dev, src, "dev", "status")
	pod, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), shared.twinPod(t, ns), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bench := pod.Spec.Containers[0]
	in := func(t *testing.T, want, script string) {
		t.Helper()
		if got, err := dev.inPod(src, "sh", "-c", script); err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%s: %q, %v; want %q", script, got, err, want)
		}
	}
	waited := func(t *testing.T, step string) {
		t.Helper()
		if !strings.Contains(started.stdout, `"name":"`+step+`","state":"done"`) {
			t.Errorf("no step %q in\n%s", step, started.stdout)
		}
	}
	t.Run("dependLabelSelector.pods", func(t *testing.T) { waited(t, "wait for dependencies") })
	t.Run("dependLabelSelector.jobs", func(t *testing.T) { waited(t, "wait for dependencies") })
	t.Run("dependLabelSelector.tcp", func(t *testing.T) { waited(t, "wait for dependencies to answer") })
	t.Run("dependLabelSelector.http", func(t *testing.T) { waited(t, "wait for dependencies to answer") })
	t.Run("hub.image", func(t *testing.T) { // the first of the pod's two containers is the one with that image
		if bench.Command == nil || !strings.HasSuffix(bench.Command[0], "/sidecar") ||
			pod.Spec.Containers[1].Command != nil {
			t.Errorf("commands %v, %v", bench.Command, pod.Spec.Containers[1].Command)
		}
	})
	t.Run("dev.imagePullPolicy", func(t *testing.T) {
		if bench.ImagePullPolicy != corev1.PullNever {
			t.Errorf("%s", bench.ImagePullPolicy)
		}
	})
	t.Run("dev.devContainerName", func(t *testing.T) {
		if bench.Name != "workbench" || s.Container != "workbench" {
			t.Errorf("container %s, session's %s", bench.Name, s.Container)
		}
		dev.must(src, "dev", "run", "--", "echo", "from the workbench")
		eventually(t, 10*time.Second, "its output", func(context.Context) error {
			if out := dev.must(src, "dev", "logs"); !strings.Contains(out, "from the workbench") {
				return errors.New(out)
			}
			return nil
		})
	})
	t.Run("dev.probes", func(t *testing.T) { // readiness is the original's: the pod is ready when the program says so
		if bench.ReadinessProbe.Exec.Command[0] != "ls" || bench.LivenessProbe.Exec.Command[0] == "ls" {
			t.Errorf("%v, %v", bench.ReadinessProbe, bench.LivenessProbe)
		}
		ready := func(want bool) {
			t.Helper()
			eventually(t, 20*time.Second, fmt.Sprintf("the twin's pod is ready: %v", want),
				func(ctx context.Context) error {
					p, err := shared.typed.CoreV1().Pods(ns).Get(ctx, pod.Name, metav1.GetOptions{})
					if err == nil && workload.Ready(p) != want {
						err = fmt.Errorf("%+v", p.Status.Conditions)
					}
					return err
				})
		}
		ready(false)
		in(t, "", "touch /tmp/up")
		ready(true)
	})
	t.Run("dev.initContainers", func(t *testing.T) { in(t, "", "ls /made") })
	t.Run("dev.user.runAsUser",
		func(t *testing.T) { in(t, "1234 0", "echo $(id -u) $(find . -mindepth 1 ! -user 1234 | wc -l)") })
	t.Run("dev.user.runAsGroup", func(t *testing.T) { in(t, "4321", "id -g") })
	t.Run("dev.patches.type", func(t *testing.T) {
		if pod.Annotations["patched"] != "merge" || *pod.Spec.EnableServiceLinks {
			t.Errorf("%v, %v", pod.Annotations, *pod.Spec.EnableServiceLinks)
		}
	})
	t.Run("dev.patches.patch", func(t *testing.T) { in(t, "strategic", "echo $PATCHED") })
	in(t, "", "echo kept > /cache/file")
	shared.patchDeployment(t, ns, "it", `{"spec": {"template": {"spec": {"containers": [{"name": "main", `+
		`"readinessProbe": {"exec": {"command": ["false"]}}}]}}}}`)
	// a colleague's template never gets ready, and the end does not wait for it
	t.Run("dev.restore", func(t *testing.T) {
		begin := time.Now()
		dev.must(src, "dev", "end")
		if d := shared.deployment(t, ns, "it"); *d.Spec.Replicas != 1 || time.Since(begin) > 40*time.Second {
			t.Errorf("%d replicas after %s", *d.Spec.Replicas, time.Since(begin))
		}
	})
	shared.patchDeployment(t, ns, "it", `{"spec": {"template": {"spec": {"containers": [{"name": "main", `+
		`"readinessProbe": {"exec": {"command": ["ls", "/tmp/up"]}}}]}}}}`)

	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	volumes := map[string]rpc.Volume{}
	for _, v := range query[[]rpc.Volume](dev, src, "dev", "volumes", "list", "deploy/it") {
		volumes[v.Path] = v
	}
	claim := func(t *testing.T, path string) *corev1.PersistentVolumeClaim {
		t.Helper()
		c, err := shared.typed.CoreV1().PersistentVolumeClaims(ns).Get(t.Context(), volumes[path].Name,
			metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Run("dev.persistentVolumeDirs.path", func(t *testing.T) {
		in(t, "kept", "cat /cache/file")
		if v := volumes["/cache"]; !v.Mine || v.Workload != "deployment/it" || v.Pod == "" {
			t.Errorf("%+v", v)
		}
	})
	t.Run("dev.persistentVolumeDirs.capacity", func(t *testing.T) {
		if volumes["/cache"].Capacity != "5Mi" || volumes["/late"].Capacity != "10Gi" {
			t.Errorf("%+v", volumes)
		}
	})
	t.Run("dev.persistentVolumeDirs.waitForFirstConsumer", func(t *testing.T) {
		if owners := claim(t, "/late").OwnerReferences; len(owners) > 0 ||
			strings.Contains(started.stdout, "/late has no volume yet") {
			t.Errorf("owners %v", owners)
		}
	})
	t.Run("dev.storageClass", func(t *testing.T) {
		if class := claim(t, "/cache").Spec.StorageClassName; class == nil || *class != "standard" {
			t.Errorf("%v", class)
		}
	})
	if r := dev.nhctl(src, "dev", "volumes", "clean"); r.code != 1 || !strings.Contains(r.stderr, "in use by pod") {
		t.Errorf("volumes of a live session: %s", r)
	}
	dev.must(src, "dev", "end")
	if out := dev.must(src, "dev", "volumes", "clean", "deploy/it"); strings.Count(out, "deleted the volume") != 2 {
		t.Errorf("clean: %s", out)
	}
	shared.deploymentReady(t, ns, "it")
	// the colleague's rollouts, and the Job that has ended
	shared.restoredBut(t, ns, before, "replicasets/", "deployments/it", "pods/it-", "pods/prepare-")
}
