//go:build e2e && bench

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// benchWholePod compares the start of a pod of three containers with the time that Kubernetes needs for the very same
// pod, and the end, until all replicas are ready again, with `kubectl scale`.
func benchWholePod(t *testing.T) []row {
	ns := shared.namespace(t)
	manifest := kindManifests()["deployment"]
	one := manifest[strings.Index(manifest, "- name: main"):]
	for _, name := range []string{"second", "third"} {
		manifest += "\n      " + strings.Replace(one, "name: main", "name: "+name, 1)
	}
	const replicas = 3
	shared.create(t, ns, []byte(strings.Replace(manifest, "replicas: 1", fmt.Sprintf("replicas: %d", replicas), 1)))
	shared.deploymentReady(t, ns, "it")
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	edit(t, filepath.Join(src, ".dev", "config.yaml"), "- dev:", "- name: main\n  dev:")
	admin := os.Getenv("NHCTL_TEST_KUBECONFIG")
	var start, pod, end, scale []float64
	for range rounds {
		begin := time.Now()
		dev.must(src, "dev", "start", "--no-terminal", "-c", "main")
		start = append(start, time.Since(begin).Seconds())
		twin := shared.deployment(t, ns, query[rpc.Session](dev, src, "dev", "status").Twin)
		shared.settled(t, ns, 0) // as before the scale below: what ends would only slow what begins
		end = append(end, untilRestored(t, dev, src))
		pod = append(pod, startPod(t, ns, twin.Spec.Template, twin.Name))

		if out, err := kubectl(t, admin, "-n", ns, "scale", "deploy/it", "--replicas=0"); err != nil {
			t.Fatal(out)
		}
		shared.settled(t, ns, 0)
		begin = time.Now()
		if out, err := kubectl(t, admin, "-n", ns, "scale", "deploy/it",
			fmt.Sprintf("--replicas=%d", replicas)); err != nil {
			t.Fatal(out)
		}
		shared.deploymentReady(t, ns, "it")
		scale = append(scale, time.Since(begin).Seconds())
	}
	against := func(what string, ours, base []float64, limit float64, baseline string) row {
		over := median(ours) - median(base)
		return row{
			What:     what,
			Measured: fmt.Sprintf("%.1f s", median(ours)),
			Target:   fmt.Sprintf("baseline + %.0f s", limit),
			Baseline: fmt.Sprintf("%s: %.1f s", baseline, median(base)),
			Ratio:    fmt.Sprintf("%.2f (%+.1f s)", median(ours)/median(base), over),
			Missed:   over > limit,
			Raw:      map[string]any{"ours": ours, "baseline": base},
		}
	}
	return []row{
		against("dev start of a pod of three containers", start, pod, 2, "the same pod by kubectl"),
		against(fmt.Sprintf("dev end until %d replicas are ready", replicas), end, scale, 1, "kubectl scale"),
	}
}

// untilRestored ends dev mode, and returns after how many seconds the original was ready again.
func untilRestored(t *testing.T, dev *developer, src string) float64 {
	t.Helper()
	begin := time.Now()
	out := dev.must(src, "dev", "end", "-o", "json")
	for line := range strings.Lines(out) {
		var e event.Event
		if json.Unmarshal([]byte(line), &e) == nil && e.Step != nil && e.Step.Name == "restore the original" &&
			e.Step.State == event.StepDone {
			return e.Time.Sub(begin).Seconds()
		}
	}
	t.Fatalf("nothing was restored: %s", out)
	return 0
}

// benchList measures `dev list` with the sessions of 30 developers: one that lives, and the records of 29 others, which
// is all that a list reads of them.
func benchList(t *testing.T) []row {
	ns, dev, src := atSmall(t)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	leases := shared.typed.CoordinationV1().Leases(ns)
	list, err := leases.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d Leases, %v", len(list.Items), err)
	}
	const developers = 30
	mine := list.Items[0]
	id := mine.Labels[contract.LabelSession]
	defer dev.must(src, "dev", "end", "--session", id)
	for i := 1; i < developers; i++ {
		other := fmt.Sprintf("%08x", i)
		l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: strings.ReplaceAll(mine.Name, id,
			other), Labels: map[string]string{contract.LabelSession: other, contract.LabelRole: contract.RoleSession},
			Annotations: map[string]string{contract.AnnotationRecord: strings.ReplaceAll(
				mine.Annotations[contract.AnnotationRecord], id, other)}}, Spec: mine.Spec}
		if _, err := leases.Create(t.Context(), l, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var ours, base []float64
	for range 11 {
		begin := time.Now()
		sessions := query[[]rpc.Session](dev, src, "dev", "list")
		ours = append(ours, float64(time.Since(begin).Microseconds())/1000)
		if len(sessions) != developers {
			t.Fatalf("%d sessions", len(sessions))
		}
		begin = time.Now()
		if out, err := kubectl(t, dev.kubeconfig, "get", "leases"); err != nil {
			t.Fatal(out)
		}
		base = append(base, float64(time.Since(begin).Microseconds())/1000)
	}
	return []row{{
		What:     fmt.Sprintf("dev list of %d developers", developers),
		Measured: fmt.Sprintf("%.0f ms", median(ours)),
		Target:   "300 ms",
		Baseline: fmt.Sprintf("kubectl get leases: %.0f ms", median(base)),
		Ratio:    fmt.Sprintf("%.2f", median(ours)/median(base)),
		Missed:   median(ours) > 300,
		Raw:      map[string]any{"ours": ours, "baseline": base},
	}}
}
