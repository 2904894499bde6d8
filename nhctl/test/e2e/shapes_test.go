//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// shapeCase is a row of testdata/pods.json: what becomes of one feature of a pod in a mode. The documentation's table
// is made of them.
type shapeCase struct {
	// Shape names the pod that has the feature; rows of one pod, mode and config share a start.
	Shape, Feature string
	Mode           rpc.Mode
	// Config is added to the dev section.
	Config string
	// What is said in the table; Says is printed by the start, Refused is the error that it ends with instead.
	What, Says, Refused string
	// Script must succeed in the dev container; Same lists fields of the pod's spec that are the original's.
	Script string
	Same   []string
}

// shape is a Deployment's manifest: of kindManifests, with more in it. Privileged ones need a namespace that lets them.
type shape struct {
	// before and behind are around the Deployment; spec, security, root and container are in its pod, dev in the
	// config's dev section.
	before, behind                       string
	spec, security, root, container, dev string
	privileged                           bool
}

func (s shape) manifest() string {
	text := kindManifests()["deployment"]
	for _, r := range []struct{ mark, with string }{
		{"runAsNonRoot: true", s.security + "runAsNonRoot: true"},
		{"allowPrivilegeEscalation", s.root + "allowPrivilegeEscalation"},
		{"capabilities: {drop: [ALL]}}", "capabilities: {drop: [ALL]}}" + s.container},
		{"terminationGracePeriodSeconds: 1\n", "terminationGracePeriodSeconds: 1\n" + s.spec},
	} {
		text = strings.Replace(text, r.mark, r.with, 1)
	}
	return s.before + text + s.behind
}

func claim(mode string) string {
	return "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [" + mode +
		"], resources: {requests: {storage: 1Mi}}}\n---\n"
}

func shapes() map[string]shape {
	more := func(name, more string) string {
		return "\n      - name: " + name +
			"\n        image: ghcr.io/nhctl/dev-go:v0.1.0\n        imagePullPolicy: IfNotPresent\n" +
			"        resources: {requests: {cpu: 5m, memory: 8Mi}, limits: {cpu: \"1\", memory: 128Mi}}\n" +
			"        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n" + more +
			"        command: [sleep, \"100000\"]"
	}
	const data = "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n"
	const mounted = "\n        volumeMounts: [{name: data, mountPath: /data}]"
	return map[string]shape{
		"whole": {
			before: "apiVersion: v1\nkind: Secret\nmetadata: {name: registry}\n" +
				"type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '{\"auths\":{}}'}\n---\n",
			spec: "      priorityClassName: nhctl-e2e\n      imagePullSecrets: [{name: registry}]\n" +
				"      topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, " +
				"whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: it}}}]\n" +
				"      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: " +
				"{nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: " +
				"[linux]}]}]}}}\n" +
				"      volumes: [{name: token, projected: {sources: [{serviceAccountToken: {audience: bank, path: " +
				"bank}}]}}, {name: scratch, emptyDir: {}}]\n" +
				"      initContainers:" + more("mesh", "        restartPolicy: Always\n") + "\n",
			security: "fsGroup: 3000, ",
			root:     "readOnlyRootFilesystem: true, ",
			dev:      "persistentVolumeDirs: [{path: /cache, capacity: 1Mi}], ",
			container: "\n        volumeMounts: [{name: token, mountPath: /token}, {name: scratch, mountPath: " +
				"/scratch}]",
			behind: more("second", ""),
		},
		"claim":           {before: claim("ReadWriteOnce"), spec: data, container: mounted},
		"pod's own claim": {before: claim("ReadWriteOncePod"), spec: data, container: mounted},
		"node": {spec: "      hostNetwork: true\n",
			container: "\n        ports: [{containerPort: PORT, hostPort: PORT}]", privileged: true},
		"apart": {spec: "      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: " +
			"[{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: it}}}]}}\n"},
	}
}

// Pods of every shape work in both modes as they did, or it is said what can't.
func TestPodShapes(t *testing.T) {
	t.Parallel()
	classes := shared.typed.SchedulingV1().PriorityClasses()
	if _, err := classes.Create(t.Context(),
		&schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "nhctl-e2e"}, Value: 1},
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = classes.Delete(context.Background(), "nhctl-e2e", metav1.DeleteOptions{}) })
	var rows []shapeCase
	if err := json.Unmarshal([]byte(read(t, "testdata/pods.json")), &rows); err != nil {
		t.Fatal(err)
	}
	starts := map[string][]shapeCase{}
	for _, r := range rows {
		name := strings.TrimSpace(r.Shape + "/" + string(r.Mode) + " " + r.Config)
		starts[name] = append(starts[name], r)
	}
	for name, rows := range starts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shapes()[rows[0].Shape]
			ns := shared.namespace(t)
			if s.privileged {
				label := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`)
				if _, err := shared.typed.CoreV1().Namespaces().Patch(t.Context(), ns, types.MergePatchType, label,
					metav1.PatchOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			// the node has each only once
			port := map[rpc.Mode]string{rpc.Replace: "38123", rpc.Duplicate: "38124"}[rows[0].Mode]
			shared.create(t, ns, []byte(strings.ReplaceAll(s.manifest(), "PORT", port)))
			shared.settled(t, ns, 1)
			shapeRows(t, ns, s, rows)
		})
	}
}

// shapeRows starts dev mode once, and looks at each feature.
func shapeRows(t *testing.T, ns string, s shape, rows []shapeCase) {
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	edit(t, filepath.Join(src, ".dev", "config.yaml"), "- dev: {",
		"- name: main\n  dev: {"+s.dev+strings.TrimPrefix(rows[0].Config+", ", ", "))
	before := shared.mustSnapshot(t, ns)
	original := shared.deployment(t, ns, "it").Spec.Template.Spec
	r := dev.nhctl(src, "dev", "start", "--no-terminal", "--mode", string(rows[0].Mode))
	for _, row := range rows {
		t.Run(row.Feature, func(t *testing.T) {
			if refused := row.Refused != ""; refused != (r.code != 0) || !strings.Contains(r.stderr, row.Refused) ||
				!strings.Contains(r.stderr, row.Says) {
				t.Fatalf("want %q %q: %s", row.Says, row.Refused, r)
			}
			if row.Script != "" {
				if out, err := dev.inPod(src, "sh", "-c", row.Script); err != nil {
					t.Errorf("%s: %s %v", row.Script, out, err)
				}
			}
			if len(row.Same) > 0 {
				pod, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), shared.twinPod(t, ns), metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(fieldsOf(t, original, row.Same), fieldsOf(t, pod.Spec, row.Same)); diff != "" {
					t.Errorf("not as in the original:\n%s", diff)
				}
			}
		})
	}
	if r.code == 0 {
		dev.must(src, "dev", "end")
		dev.must(src, "dev", "volumes", "clean")
	}
	shared.restored(t, ns, before)
}

// fieldsOf are some fields of a pod's spec, as in JSON.
func fieldsOf(t *testing.T, spec corev1.PodSpec, names []string) map[string]any {
	t.Helper()
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	some := map[string]any{}
	for _, name := range names {
		some[name] = all[name]
	}
	return some
}
