//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// noticed waits until a session tells something of its original. Five seconds are promised, the rest is for a busy
// machine.
func noticed(t *testing.T, dev *developer, src, want string) {
	t.Helper()
	begin := time.Now()
	eventually(t, 30*time.Second, "the user is told: "+want, func(context.Context) error {
		s := query[rpc.Session](dev, src, "dev", "status")
		if text := strings.Join(s.Notices, "\n"); !strings.Contains(text, want) {
			return fmt.Errorf("notices: %s", text)
		}
		return nil
	})
	t.Logf("told after %s: %s", time.Since(begin).Round(time.Millisecond), want)
}

// aside waits until the twin is in no Service, and no pod of it that comes later will be.
func aside(t *testing.T, ns string) {
	t.Helper()
	eventually(t, 20*time.Second, "the twin is out of the Services", func(ctx context.Context) error {
		pod, err := shared.typed.CoreV1().Pods(ns).Get(ctx, shared.twinPod(t, ns), metav1.GetOptions{})
		if err != nil {
			return err
		}
		gates, err := shared.typed.CoreV1().ConfigMaps(ns).Get(ctx, contract.Gates, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if gate, open := gates.Data[pod.Labels[contract.LabelSession]]; workload.Ready(pod) || open {
			return fmt.Errorf("ready %v, the next one %q", workload.Ready(pod), gate)
		}
		return nil
	})
}

// as applies a manifest of the deployment "it" as a GitOps tool does.
func as(t *testing.T, ns, manager, manifest string) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	force := true
	_, err = shared.typed.AppsV1().Deployments(ns).Patch(t.Context(), "it", types.ApplyPatchType, data,
		metav1.PatchOptions{FieldManager: manager, Force: &force})
	if err != nil {
		t.Fatal(err)
	}
}

// A GitOps tool owns the replicas: the rule that keeps it away is printed before parking. When it heals the original,
// the twin steps aside, no one fights, and the end leaves the tool's state.
func TestDriftByGitOps(t *testing.T) {
	t.Parallel()
	for manager, rule := range map[string]string{"argocd-controller": "ignoreDifferences:",
		"kustomize-controller": "ignore:", "helm-controller": "driftDetection:"} {
		t.Run(manager, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			as(t, ns, manager, kindManifests()["deployment"])
			shared.settled(t, ns, 1)
			dev := shared.developer(t, ns)
			src := dev.smallSources()
			before := shared.mustSnapshot(t, ns)
			r := dev.nhctl(src, "dev", "start", "--no-terminal")
			if r.code != 0 || !strings.Contains(r.stderr, rule) || !strings.Contains(r.stderr, "/spec/replicas") {
				t.Fatalf("no %q: %s", rule, r)
			}
			as(t, ns, manager, kindManifests()["deployment"])
			noticed(t, dev, src, "someone scaled deployment/it to 1 (with "+manager+")")
			noticed(t, dev, src, rule)
			aside(t, ns)
			shared.settled(t, ns, 1)
			dev.must(src, "dev", "end")
			shared.restored(t, ns, before)
		})
	}
}

// A bare pod that takes its time to end after it was parked is no one's doing: its twin keeps the traffic, and nothing
// is told.
func TestNoDriftByAPodThatEndsSlowly(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(strings.Replace(kindManifests()["pod"], "terminationGracePeriodSeconds: 1",
		"terminationGracePeriodSeconds: 15", 1)))
	shared.settled(t, ns, 1)
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "pod/it", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0", "--mode", "replace",
		"--yes", "--no-terminal")
	if _, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), "it", metav1.GetOptions{}); err != nil {
		t.Fatalf("the original ended at once, so nothing is shown: %v", err)
	}
	eventually(t, time.Minute, "the original has ended", func(ctx context.Context) error {
		_, err := shared.typed.CoreV1().Pods(ns).Get(ctx, "it", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is still there: %v", err)
	})
	twin, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), shared.twinPod(t, ns), metav1.GetOptions{})
	if err != nil || !workload.Ready(twin) {
		t.Errorf("the twin is out of the Services: %v", err)
	}
	if s := query[rpc.Session](dev, src, "dev", "status", "pod/it"); len(s.Notices) > 0 {
		t.Errorf("notices: %s", s.Notices)
	}
	dev.must(src, "dev", "end", "pod/it")
	shared.restored(t, ns, before)
}

// A colleague rolls out, and undoes it: both are shown. The end gives back the newest template, and says so when it
// does not come up.
func TestDriftOfTheTemplate(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	dev.must(src, "dev", "start", "--no-terminal")
	admin := os.Getenv("NHCTL_TEST_KUBECONFIG")
	if out, err := kubectl(t, admin, "-n", ns, "set", "image", "deploy/it",
		"main=ghcr.io/nhctl/no-such-image:v1"); err != nil {
		t.Fatal(out)
	}
	noticed(t, dev, src, "someone changed the pod template of deployment/it")
	r := dev.nhctl(src, "dev", "end")
	if r.code != 0 || !strings.Contains(r.stderr, "its own pods don't come up") ||
		!strings.Contains(r.stderr, "no-such-image") {
		t.Errorf("%s", r)
	}
	if d := shared.deployment(t, ns,
		"it"); *d.Spec.Replicas != 1 || d.Spec.Template.Spec.Containers[0].Image != "ghcr.io/nhctl/no-such-image:v1" ||
		d.Labels[contract.LabelSession] != "" {
		t.Errorf("%+v", d)
	}
	dev.must(src, "dev", "start", "--no-terminal")
	if out, err := kubectl(t, admin, "-n", ns, "rollout", "undo", "deploy/it"); err != nil {
		t.Fatal(out)
	}
	dev.must(src, "dev", "end")
	shared.deploymentReady(t, ns, "it")
	if d := shared.deployment(t, ns, "it"); d.Labels[contract.LabelSession] != "" ||
		d.Spec.Template.Labels[contract.LabelSession] != "" {
		t.Errorf("a label came back with the undo: %+v", d)
	}
}

// The original is deleted, or made again, while it is parked: the session ends by itself, its files come home, and the
// user is told why.
func TestDriftOriginalIsGone(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"deleted": false, "made anew": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns, dev, src := atSmall(t)
			dev.must(src, "dev", "start", "--no-terminal")
			inTwin(t, ns, "echo pod > /home/dev/src/from-pod.txt")
			if err := shared.typed.AppsV1().Deployments(ns).Delete(t.Context(), "it",
				metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if again {
				shared.create(t, ns, []byte(kindManifests()["deployment"]))
			}
			var r result
			eventually(t, time.Minute, "the session is over", func(context.Context) error {
				if r = dev.nhctl(src, "dev", "status"); r.code != 1 {
					return errors.New(r.String())
				}
				return nil
			})
			if !strings.Contains(r.stderr, "deployment/it was deleted") || !strings.Contains(r.stderr, src) {
				t.Errorf("%s", r)
			}
			if got := read(t, filepath.Join(src, "from-pod.txt")); got != "pod\n" {
				t.Errorf("came home as %q", got)
			}
			shared.settled(t, ns, map[bool]int{true: 1}[again])
			left := shared.mustSnapshot(t, ns)
			for key := range left {
				if strings.Contains(key, "nhctl") {
					t.Errorf("left behind: %s", key)
				}
			}
		})
	}
}

// Without a daemon, the next command sees what happened in the meantime.
func TestDriftWithoutDaemon(t *testing.T) {
	t.Parallel()
	ns, dev, src := atSmall(t)
	dev.must(src, "dev", "start", "--no-terminal")
	if err := syscall.Kill(dev.daemonPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	shared.patchDeployment(t, ns, "it", `{"spec":{"replicas":1}}`)
	if s := query[rpc.Session](dev, src, "dev", "status"); len(s.Notices) == 0 ||
		!strings.Contains(s.Notices[0], "someone scaled deployment/it to 1") {
		t.Errorf("notices of the next command: %q", s.Notices)
	}
	aside(t, ns)
	dev.must(src, "dev", "end")
}

// KEDA is paused by its own annotation while its workload is parked, and goes on afterwards; a HorizontalPodAutoscaler
// rests by itself, and where it would not, parking is refused. A PodDisruptionBudget is in no one's way.
func TestAutoscalers(t *testing.T) {
	t.Parallel()
	shared.customResource(t, "keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
	ns := small(t)
	shared.create(t, ns, []byte(`
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: keda, annotations: {theirs: "1"}}
spec: {scaleTargetRef: {name: it}, minReplicaCount: 1, triggers: [{type: cron}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: another}
spec: {scaleTargetRef: {kind: StatefulSet, name: it}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: hpa}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: it}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: pdb}
spec: {minAvailable: 1, selector: {matchLabels: {app: it}}}
`))
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	resource := workload.Kind("scaledobjects.v1alpha1.keda.sh").Resource()
	for name, want := range map[string]string{"keda": "true", "another": ""} {
		o, err := shared.dynamic.Resource(resource).Namespace(ns).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil || o.GetAnnotations()["autoscaling.keda.sh/paused"] != want {
			t.Errorf("%s: %v, %v", name, o.GetAnnotations(), err)
		}
	}
	shared.settled(t, ns, 0)
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)

	shared.create(t, ns, []byte(strings.ReplaceAll(kindManifests()["statefulset"], "it}", "set}")))
	shared.create(t, ns,
		[]byte("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: of-set}\nspec: "+
			"{scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: set}, minReplicas: 2, maxReplicas: 3}\n"))
	r := dev.nhctl(src, "dev", "start", "sts/set", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0",
		"--no-terminal")
	if r.code != 1 || !strings.Contains(r.stderr, "HorizontalPodAutoscaler of-set") ||
		!strings.Contains(r.stderr, "--all") {
		t.Errorf("part of a StatefulSet that is scaled: %s", r)
	}
}

// The Lease is lost, and the daemon's computer with it: what the objects tell is enough to put the workload back.
func TestEndWithoutLease(t *testing.T) {
	t.Parallel()
	for name, twin := range map[string]bool{"with the twin": true, "without the twin": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns, dev, src := atSmall(t)
			before := shared.mustSnapshot(t, ns)
			dev.must(src, "dev", "start", "--no-terminal")
			s := only(t, dev)
			if err := syscall.Kill(dev.daemonPID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if err := shared.typed.CoordinationV1().Leases(ns).Delete(t.Context(), "nhctl-deployment-it",
				metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if !twin {
				if err := shared.typed.AppsV1().Deployments(ns).Delete(t.Context(), s.Twin,
					metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			elsewhere := shared.developerWith(t, randomName("dev-"), dev.kubeconfig)
			if r := elsewhere.nhctl("", "dev", "end", "it"); r.code != 1 {
				t.Errorf("without --force: %s", r)
			}
			r := elsewhere.nhctl("", "dev", "end", "--force", "it")
			if r.code != 0 || twin == strings.Contains(r.stderr, "no one knows any more how many replicas") {
				t.Errorf("%s", r)
			}
			shared.restored(t, ns, before)
		})
	}
}
