//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Where a workload is, and which pod of it.
func TestConfigFindsTheWorkload(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(kindManifests()["statefulset"]))
	shared.settled(t, ns, 2)
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "it")
	write(t, filepath.Join(src, ".dev", "config.yaml"), "name: it\nserviceType: StatefulSet\ncontainers:\n"+
		"- name: main\n  dev: {image: ghcr.io/nhctl/dev-go:v0.1.0, ordinal: 0}\n")
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "--no-terminal")
	t.Run("serviceType", func(t *testing.T) {
		if s := query[rpc.Session](dev, src, "dev", "status"); s.Workload != "statefulset/it" {
			t.Errorf("%s", s.Workload)
		}
	})
	t.Run("dev.ordinal", func(t *testing.T) {
		if got, err := dev.inPod(src, "sh", "-c", "hostname; df /data | tail -1 | wc -l"); err != nil ||
			got != "it-0\n1\n" {
			t.Errorf("%q, %v", got, err)
		}
		pod, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), shared.twinPod(t, ns), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		claims := ""
		for _, v := range pod.Spec.Volumes {
			if v.PersistentVolumeClaim != nil {
				claims += v.PersistentVolumeClaim.ClaimName
			}
		}
		if claims != "data-it-0" || pod.Labels["statefulset.kubernetes.io/pod-name"] != "it-0" ||
			pod.Spec.Subdomain != "it" {
			t.Errorf("claims %s, labels %v", claims, pod.Labels)
		}
		shared.settled(t, ns, 0)
	})
	dev.must(src, "dev", "end")
	shared.restored(t, ns, before)
}

// A custom resource that has its pod template where others don't.
func TestConfigPodTemplate(t *testing.T) {
	t.Parallel()
	const group = "e2e.nhctl.dev"
	shared.customResource(t, group, "v1", "gadgets", "Gadget")
	ns := shared.namespace(t)
	shared.create(t, ns, []byte("apiVersion: "+group+"/v1\nkind: Gadget\nmetadata: {name: it}\nspec:\n  replicas: "+
		"3\n  worker:\n    pods:\n      metadata: {labels: {app: it}}\n      spec:\n        "+podSpec(8, "")+"\n"))
	dev := shared.developer(t, ns)
	meta := metav1.ObjectMeta{Name: "gadgets"}
	_, err := shared.typed.RbacV1().Roles(ns).Create(t.Context(),
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{group}, Resources: []string{"gadgets", "gadgets/scale"},
				Verbs: []string{"get", "list", "patch"}}}}, metav1.CreateOptions{})
	if err == nil {
		_, err = shared.typed.RbacV1().RoleBindings(ns).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta,
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: dev.name, Namespace: ns}},
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "gadgets"}},
			metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(dev.home, "src", "it")
	config := filepath.Join(src, ".dev", "config.yaml")
	write(t, config, "name: it\nserviceType: gadgets.v1."+group+
		"\ncontainers:\n- name: main\n  dev: {image: ghcr.io/nhctl/dev-go:v0.1.0}\n")
	before := shared.mustSnapshot(t, ns)
	t.Run("podTemplate", func(t *testing.T) {
		if r := dev.nhctl(src, "dev", "start", "--no-terminal"); r.code != 1 ||
			!strings.Contains(r.stderr, "no pod template at spec.template") {
			t.Errorf("without the field: %s", r)
		}
		edit(t, config, "containers:", "podTemplate: spec.worker.pods\ncontainers:")
		dev.must(src, "dev", "start", "--no-terminal")
		if _, err := dev.inPod(src, "true"); err != nil {
			t.Error(err)
		}
		if scale := shared.replicas(t, ns, "gadgets.v1."+group); scale != 0 {
			t.Errorf("%d replicas while parked", scale)
		}
		dev.must(src, "dev", "end")
	})
	shared.restored(t, ns, before)
}

const claimManifest = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: it}
spec:
  selector: {matchLabels: {app: it}}
  template:
    metadata: {labels: {app: it}}
    spec:
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
      `

// What a duplicate gets for a claim that two pods can't write to; and a folder with someone else's sources.
func TestConfigOfADuplicate(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	pod := strings.Replace(podSpec(6, "  volumeMounts: [{name: data, mountPath: /data}]"), `[sleep, "100000"]`,
		`[sh, -c, "echo theirs > /data/file; sleep 100000"]`, 1)
	shared.create(t, ns, []byte(claimManifest+pod+"\n"))
	shared.deploymentReady(t, ns, "it")
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "it")
	config := filepath.Join(src, ".dev", "config.yaml")
	write(t, config, "name: it\ncontainers:\n- name: main\n  dev:\n    image: ghcr.io/nhctl/dev-go:v0.1.0\n    mode: duplicate\n    duplicateVolumes: empty\n    gitUrl: https://example.com/shop/it.git\n")
	write(t, filepath.Join(src, ".git", "config"), "[remote \"origin\"]\n\turl = git@example.com:shop/other.git\n")
	write(t, filepath.Join(src, ".git", "HEAD"), "ref: refs/heads/main\n") // git wants one
	before := shared.mustSnapshot(t, ns)
	t.Run("dev.gitUrl", func(t *testing.T) {
		r := dev.nhctl(src, "dev", "start", "--dir", filepath.Join(src, "missing"), "--no-terminal")
		if r.code != 2 || !strings.Contains(r.stderr, "git clone https://example.com/shop/it.git") {
			t.Errorf("a folder that is not there: %s", r)
		}
		r = dev.nhctl(src, "dev", "start", "--no-terminal")
		if r.code != 0 || !strings.Contains(r.stderr, "is a work tree of git@example.com:shop/other.git") {
			t.Errorf("a folder of another repository: %s", r)
		}
	})
	t.Run("dev.mode", func(t *testing.T) {
		if s := query[rpc.Session](dev, src, "dev", "status"); s.Mode != rpc.Duplicate {
			t.Errorf("%s", s.Mode)
		}
		shared.settled(t, ns, 1)
	})
	t.Run("dev.duplicateVolumes", func(t *testing.T) {
		in := func(want, script string) {
			t.Helper()
			if got, err := dev.inPod(src, "sh", "-c", script); err != nil || got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		in("mine\n", "ls /data; echo mine > /data/file; cat /data/file")
		dev.must(src, "dev", "end")
		edit(t, config, "duplicateVolumes: empty", "duplicateVolumes: readOnly")
		dev.must(src, "dev", "start", "--no-terminal")
		in("theirs\nread-only\n", "cat /data/file; { echo mine > /data/file; } 2>/dev/null || echo read-only")
		dev.must(src, "dev", "end")
		edit(t, config, "duplicateVolumes: readOnly", "duplicateVolumes: none")
		dev.must(src, "dev", "start", "--no-terminal")
		in("none\n", "grep -q ' /data ' /proc/mounts || echo none")
		dev.must(src, "dev", "end")
	})
	shared.restored(t, ns, before)
}
