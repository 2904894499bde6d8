//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// podSpec is a pod that "restricted" takes, and that does nothing; more is what its container has besides.
func podSpec(indent int, more string) string {
	text := `securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
terminationGracePeriodSeconds: 1
containers:
- name: main
  image: ghcr.io/nhctl/dev-go:v0.1.0
  imagePullPolicy: IfNotPresent
  command: [sleep, "100000"]
  resources: {requests: {cpu: 5m, memory: 8Mi}, limits: {cpu: "1", memory: 128Mi}}
  securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
` + more
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", indent))
}

// kindManifests has one workload of every kind, each named "it".
func kindManifests() map[string]string {
	spec := func(more string) string { return podSpec(6, more) }
	apps := func(kind, more string) string {
		return "apiVersion: apps/v1\nkind: " + kind +
			"\nmetadata: {name: it}\nspec:\n  selector: {matchLabels: {app: it}}\n" + more +
			"  template:\n    metadata: {labels: {app: it}}\n    spec:\n      "
	}
	return map[string]string{
		"deployment": apps("Deployment", "  replicas: 1\n") + spec(""),
		"replicaset": apps("ReplicaSet", "  replicas: 2\n") + spec(""),
		"daemonset":  apps("DaemonSet", "") + spec(""),
		"statefulset": apps("StatefulSet", "  replicas: 2\n  serviceName: it\n  podManagementPolicy: Parallel\n"+
			"  volumeClaimTemplates:\n  - metadata: {name: data}\n"+
			"    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n") +
			spec("  volumeMounts: [{name: data, mountPath: /data}]"),
		"job": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: it}\nspec:\n  template:\n    spec:\n" +
			"      restartPolicy: Never\n      " + spec(""),
		"cronjob": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: it}\nspec:\n  schedule: '0 0 1 1 *'\n" +
			"  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: OnFailure\n" +
			"          " + podSpec(10, ""),
		"pod": "apiVersion: v1\nkind: Pod\nmetadata: {name: it, labels: {app: it}}\nspec:\n  " + podSpec(2, ""),
		rollouts: "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: it}\nspec:\n  replicas: 2\n  " +
			"selector: {matchLabels: {app: it}}\n  template:\n    metadata: {labels: {app: it}}\n    spec:\n      " +
			spec(""),
	}
}

const rollouts = "rollouts.v1alpha1.argoproj.io"

// customResource makes the definition of a resource with a scale subresource, once for all tests of a cluster.
func (c *cluster) customResource(t *testing.T, group, version, plural, kind string) {
	t.Helper()
	t.Cleanup(func() {
		err := c.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1",
			Resource: "customresourcedefinitions"}).
			Delete(context.Background(), plural+"."+group, metav1.DeleteOptions{})
		if err != nil {
			t.Errorf("remove the custom resource: %v", err)
		}
	})
	c.create(t, "", fmt.Appendf(nil, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[3]s.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {plural: %[3]s, singular: %[4]s, kind: %[5]s}
  versions:
  - name: %[2]s
    served: true
    storage: true
    subresources:
      status: {}
      scale:
        specReplicasPath: .spec.replicas
        statusReplicasPath: .status.replicas
        labelSelectorPath: .status.selector
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-preserve-unknown-fields: true
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {replicas: {type: integer}}}
`, group, version, plural, strings.ToLower(kind), kind))
	resource := c.dynamic.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural})
	eventually(t, 30*time.Second, "the custom resource is served", func(ctx context.Context) error {
		if _, err := resource.List(ctx, metav1.ListOptions{}); err != nil {
			return err
		}
		meta.MaybeResetRESTMapper(c.mapper)
		c.mu.Lock()
		c.resources = nil
		c.mu.Unlock()
		_, err := c.mapper.RESTMapping(schema.GroupKind{Group: group, Kind: kind}, version)
		return err
	})
}

// settled waits until the Deployments of a namespace are rolled out, and every pod is ready.
func (c *cluster) settled(t *testing.T, ns string, pods int) {
	t.Helper()
	eventually(t, time.Minute, "the workload's pods are ready", func(ctx context.Context) error {
		deployments, err := c.typed.AppsV1().Deployments(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, d := range deployments.Items { // before its controller looks, the pods are still those of before
			if d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < d.Status.Replicas ||
				d.Status.UpdatedReplicas < *d.Spec.Replicas {
				return fmt.Errorf("deployment %s: %+v", d.Name, d.Status)
			}
		}
		list, err := c.typed.CoreV1().Pods(ns).List(ctx,
			metav1.ListOptions{LabelSelector: contract.LabelRole + "!=" + contract.RoleTwin})
		if err != nil {
			return err
		}
		ready := 0
		for i := range list.Items {
			if workload.Ready(&list.Items[i]) {
				ready++
			}
		}
		if ready != pods || len(list.Items) != pods {
			return fmt.Errorf("%d of %d pods ready, want %d", ready, len(list.Items), pods)
		}
		return nil
	})
}

// kindCase is a row of testdata/kinds.json: what dev mode changes of a workload's object, and how many of its pods go
// on. The documentation's table is made of the same rows.
type kindCase struct {
	Kind    string
	Mode    rpc.Mode
	Args    []string
	Asks    bool
	Changes []string
	// Pods are there before, Left while in dev mode.
	Pods, Left int
}

// Every kind is taken into dev mode in both ways, and comes back as it was.
func TestKinds(t *testing.T) {
	t.Parallel()
	shared.customResource(t, "argoproj.io", "v1alpha1", "rollouts", "Rollout")
	var rows []kindCase
	if err := json.Unmarshal([]byte(read(t, "testdata/kinds.json")), &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.Kind+"/"+strings.Join(append([]string{string(row.Mode)}, row.Args...), " "), func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			shared.create(t, ns, []byte(kindManifests()[row.Kind]))
			shared.settled(t, ns, row.Pods)
			dev := shared.developer(t, ns)
			src := filepath.Join(dev.home, "src")
			write(t, filepath.Join(src, "hello.txt"), "hello\n")
			before := shared.mustSnapshot(t, ns)
			args := append([]string{"dev", "start", row.Kind + "/it", "--dir", src, "--image",
				"ghcr.io/nhctl/dev-go:v0.1.0", "--mode", string(row.Mode), "--no-terminal", "--timeout", "90s"},
				row.Args...)
			if row.Asks {
				if r := dev.nhctl(src, args...); r.code != 1 || !strings.Contains(r.stderr, "--yes") {
					t.Errorf("without a yes: %s", r)
				}
				dev.answers(src, "n", 1, args...)
				dev.answers(src, "y", 0, args...)
			} else {
				dev.must(src, args...)
			}
			if out, err := dev.execIn(src, row.Kind+"/it", "cat", "hello.txt"); err != nil || out != "hello\n" {
				t.Errorf("in the dev container: %q, %v", out, err)
			}
			shared.settled(t, ns, row.Left)
			if diff := cmp.Diff(row.Changes, changesOf(row.Kind, before, shared.mustSnapshot(t, ns))); diff != "" {
				t.Errorf("changes of the original:\n%s", diff)
			}
			dev.must(src, "dev", "end", row.Kind+"/it")
			shared.restored(t, ns, before)
		})
	}
}

// answers runs a command on a terminal, which asks before it does something.
func (d *developer) answers(src, answer string, code int, args ...string) {
	d.t.Helper()
	l := d.begin(src, true, args...)
	l.until("go on? [y/N]")
	l.say(answer + "\n")
	if got := l.code(); got != code {
		d.t.Errorf("code %d after %q: %s", got, answer, l.out.String())
	}
}

// changesOf lists what differs of the workload "it".
func changesOf(kind string, before, after snapshot) []string {
	resource, _, _ := strings.Cut(kind, ".")
	key := strings.TrimSuffix(resource, "s") + "s/it"
	was, now := map[string]string{}, map[string]string{}
	flatten(was, "", before[key])
	flatten(now, "", after[key])
	changes := []string{}
	if _, there := after[key]; !there {
		if _, stored := after["secrets/"+contract.ParkedPods]; stored {
			return []string{"deleted; its manifest is in the Secret " + contract.ParkedPods}
		}
		return []string{"deleted"}
	}
	for path, value := range now {
		if value != was[path] {
			if path == "metadata.labels."+contract.LabelSession {
				value = "SESSION"
			}
			changes = append(changes, path+": "+or(was[path], "none")+" -> "+value)
		}
	}
	for path, value := range was {
		if _, there := now[path]; !there {
			changes = append(changes, path+": "+value+" -> none")
		}
	}
	slices.Sort(changes)
	return changes
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// flatten lists the values of an object by their paths.
func flatten(into map[string]string, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			flatten(into, strings.TrimPrefix(path+"."+key, "."), inner)
		}
	case []any:
		for i, inner := range v {
			flatten(into, fmt.Sprintf("%s[%d]", path, i), inner)
		}
	case nil:
	default:
		into[path] = fmt.Sprint(v)
	}
}

// execIn runs a command in the dev container of a workload.
func (d *developer) execIn(dir, name string, argv ...string) (string, error) {
	r := d.nhctl(dir, append([]string{"dev", "exec", name, "--"}, argv...)...)
	if r.code != 0 {
		return r.stdout, fmt.Errorf("%s", r)
	}
	return r.stdout, nil
}

// replicas is the scale of the custom resource "it".
func (c *cluster) replicas(t *testing.T, ns, kind string) int64 {
	t.Helper()
	scale, err := c.dynamic.Resource(workload.Kind(kind).Resource()).Namespace(ns).Get(t.Context(), "it",
		metav1.GetOptions{}, "scale")
	if err != nil {
		t.Fatal(err)
	}
	n, _, _ := unstructured.NestedInt64(scale.Object, "spec", "replicas")
	return n
}
