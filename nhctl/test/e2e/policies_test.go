//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// managed is what a kind of managed cluster, or what its operators have installed, makes of pods and demands of them.
type managed struct {
	// kind is the workload's; empty means a Deployment.
	kind string
	// annotations are the namespace's.
	annotations map[string]string
	// admit changes new pods, as a webhook.
	admit func(*corev1.Pod)
	// pods and deployments are expressions that have to be true, by what is said otherwise.
	pods, deployments map[string]string
	// check looks at a twin's pod.
	check func(*testing.T, *corev1.Pod)
}

// podContainers are all containers of a pod, to change them.
func podContainers(pod *corev1.Pod) (all []*corev1.Container) {
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			all = append(all, &containers[i])
		}
	}
	return all
}

const (
	firstUser = 1000650000
	lastUser  = 1000659999
)

// rangeOfUsers are the words of OpenShift.
const rangeOfUsers = "unable to validate against any security context constraint: runAsUser: must be in the ranges: " +
	"[1000650000, 1000659999]"

// assignUsers does what OpenShift's restricted-v2 does to pods before it judges them.
func assignUsers(pod *corev1.Pod) {
	user, group, no := int64(firstUser), int64(firstUser), false
	if pod.Spec.SecurityContext == nil {
		pod.Spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	s := pod.Spec.SecurityContext
	if s.FSGroup == nil {
		s.FSGroup = &group
	}
	if s.SeccompProfile == nil {
		s.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	for _, c := range podContainers(pod) {
		if c.SecurityContext == nil {
			c.SecurityContext = &corev1.SecurityContext{}
		}
		if c.SecurityContext.RunAsUser == nil && s.RunAsUser == nil {
			c.SecurityContext.RunAsUser = &user
		}
		if c.SecurityContext.AllowPrivilegeEscalation == nil {
			c.SecurityContext.AllowPrivilegeEscalation = &no
		}
		if c.SecurityContext.Capabilities == nil {
			c.SecurityContext.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
		}
	}
	pod.Annotations["openshift.io/scc"] = "restricted-v2"
}

// raise does what Autopilot does to requests below its minimums, and to memory limits where pods can't burst.
func raise(pod *corev1.Pod) {
	least := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("50m"),
		corev1.ResourceMemory: resource.MustParse("52Mi"),
	}
	for _, c := range podContainers(pod) {
		for name, minimum := range least {
			if c.Resources.Requests == nil {
				c.Resources.Requests = corev1.ResourceList{}
			}
			if q := c.Resources.Requests[name]; q.Cmp(minimum) < 0 {
				c.Resources.Requests[name] = minimum
			}
		}
		if c.Resources.Limits == nil {
			c.Resources.Limits = corev1.ResourceList{}
		}
		c.Resources.Limits[corev1.ResourceMemory] = c.Resources.Requests[corev1.ResourceMemory]
		if cpu := c.Resources.Limits[corev1.ResourceCPU]; cpu.Cmp(c.Resources.Requests[corev1.ResourceCPU]) < 0 {
			c.Resources.Limits[corev1.ResourceCPU] = c.Resources.Requests[corev1.ResourceCPU]
		}
		if s := c.SecurityContext; s != nil && s.Capabilities != nil && !slices.Contains(s.Capabilities.Drop, "ALL") {
			s.Capabilities.Drop = append(s.Capabilities.Drop, "NET_RAW")
		}
	}
	pod.Annotations["autopilot.gke.io/resource-adjustment"] = "{}"
}

// meshed is what injectors leave in a pod, by which they know it again.
const meshed = "sidecar.istio.io/status"

// mesh adds the containers of a service mesh to pods that don't have them: an init container, and a proxy that starts
// first, last, or as an init container that goes on.
func mesh(name, where string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		if pod.Annotations[meshed] != "" {
			return
		}
		pod.Annotations[meshed] = name
		if pod.Annotations[contract.AnnotationDefaultContainer] == "" {
			pod.Annotations[contract.AnnotationDefaultContainer] = pod.Spec.Containers[0].Name
		}
		no, always := false, corev1.ContainerRestartPolicyAlways
		container := func(name string, command ...string) corev1.Container {
			quantities := corev1.ResourceList{
				corev1.ResourceCPU:    resource.MustParse("5m"),
				corev1.ResourceMemory: resource.MustParse("16Mi"),
			}
			return corev1.Container{
				Name:            name,
				Image:           "ghcr.io/nhctl/dev-go:v0.1.0",
				ImagePullPolicy: corev1.PullIfNotPresent,
				Command:         command,
				Resources:       corev1.ResourceRequirements{Requests: quantities},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no,
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}
		}
		up := corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}
		proxy := container(name+"-proxy", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done")
		proxy.ReadinessProbe = &corev1.Probe{ProbeHandler: up, PeriodSeconds: 1}
		spec := &pod.Spec
		spec.InitContainers = append(spec.InitContainers, container(name+"-init", "true"))
		switch where {
		case "first":
			wait := &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"sleep", "1"}}}
			proxy.Lifecycle = &corev1.Lifecycle{PostStart: wait} // the others start once it is up
			spec.Containers = append([]corev1.Container{proxy}, spec.Containers...)
		case "last":
			spec.Containers = append(spec.Containers, proxy)
		default:
			proxy.RestartPolicy, proxy.StartupProbe = &always, &corev1.Probe{ProbeHandler: up, PeriodSeconds: 1}
			spec.InitContainers = append([]corev1.Container{proxy}, spec.InitContainers...)
		}
	}
}

// has checks the names of a twin's containers, in their order.
func has(names ...string) func(*testing.T, *corev1.Pod) {
	return func(t *testing.T, pod *corev1.Pod) {
		t.Helper()
		var got []string
		for _, c := range podContainers(pod) {
			got = append(got, c.Name)
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("containers:\n%s", diff)
		}
	}
}

func restrictedSCC() managed {
	return managed{
		annotations: map[string]string{
			"openshift.io/sa.scc.uid-range":           fmt.Sprintf("%d/10000", firstUser),
			"openshift.io/sa.scc.supplemental-groups": fmt.Sprintf("%d/10000", firstUser),
			"openshift.io/sa.scc.mcs":                 "s0:c26,c5",
		},
		admit: assignUsers,
		pods: map[string]string{
			rangeOfUsers: fmt.Sprintf("variables.containers.all(c, has(c.securityContext) && "+
				"has(c.securityContext.runAsUser) && c.securityContext.runAsUser >= %d && "+
				"c.securityContext.runAsUser <= %d)", firstUser, lastUser),
			"capabilities must be dropped": "variables.containers.all(c, has(c.securityContext.capabilities) && " +
				"has(c.securityContext.capabilities.drop) && 'ALL' in c.securityContext.capabilities.drop)",
			"no privilege escalation": "variables.containers.all(c, " +
				"has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation)",
			"volumes of other types": "!has(object.spec.volumes) || object.spec.volumes.all(v, has(v.configMap) || " +
				"has(v.csi) || has(v.downwardAPI) || has(v.emptyDir) || has(v.ephemeral) || " +
				"has(v.persistentVolumeClaim) || has(v.projected) || has(v.secret))",
		},
		check: func(t *testing.T, pod *corev1.Pod) {
			for _, c := range podContainers(pod) {
				if u := c.SecurityContext.RunAsUser; u == nil || *u != firstUser {
					t.Errorf("%s runs as %v", c.Name, u)
				}
			}
		},
	}
}

func managedClusters() map[string]managed {
	const (
		labels = "the label app.kubernetes.io/name is required"
		named  = "has(%[1]s.labels) && 'app.kubernetes.io/name' in %[1]s.labels"
	)
	kyverno := managed{
		pods: map[string]string{
			labels: fmt.Sprintf(named, "object.metadata"),
			"latest images are not allowed": "variables.containers.all(c, c.image.contains(':') && " +
				"!c.image.endsWith(':latest'))",
			"liveness and readiness probes are required": "object.spec.containers.all(c, has(c.livenessProbe) && " +
				"has(c.readinessProbe))",
			"liveness and readiness probes must differ": "object.spec.containers.all(c, c.livenessProbe != " +
				"c.readinessProbe)",
			"requests and limits are required": "variables.containers.all(c, has(c.resources.requests) && 'cpu' in " +
				"c.resources.requests && 'memory' in c.resources.requests && has(c.resources.limits) && 'memory' in " +
				"c.resources.limits)",
			"no host paths, and no network of the host": "!(has(object.spec.hostNetwork) && " +
				"object.spec.hostNetwork) && (!has(object.spec.volumes) || object.spec.volumes.all(v, " +
				"!has(v.hostPath)))",
		},
		deployments: map[string]string{labels: fmt.Sprintf(named, "object.spec.template.metadata")},
	}
	autopilot := managed{
		admit: raise,
		pods: map[string]string{
			"GKE Warden rejected the request: resources": "variables.containers.all(c, " +
				"quantity(c.resources.requests.cpu).compareTo(quantity('50m')) >= 0 && " +
				"quantity(c.resources.requests.memory).compareTo(quantity('52Mi')) >= 0)",
			"GKE Warden rejected the request: privileges": "variables.containers.all(c, !has(c.securityContext) || " +
				"!has(c.securityContext.privileged) || !c.securityContext.privileged)",
			"GKE Warden rejected the request: host": "!(has(object.spec.hostNetwork) && object.spec.hostNetwork) " +
				"&& (!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath)))",
		},
	}
	const plant, sidecar = contract.PlantContainer, contract.SidecarContainer
	return map[string]managed{
		"GKE Autopilot":           autopilot,
		"OpenShift restricted-v2": restrictedSCC(),
		"Kyverno baseline":        kyverno,
		"Istio": {
			admit: mesh("istio", "first"),
			check: has(plant, "istio-init", "istio-proxy", "main", sidecar),
		},
		"Istio, native sidecars": {
			admit: mesh("istio", "native"),
			check: has("istio-proxy", plant, "istio-init", "main", sidecar),
		},
		"Linkerd": {
			admit: mesh("linkerd", "last"),
			check: has(plant, "linkerd-init", "main", sidecar, "linkerd-proxy"),
		},
		"Istio, a bare pod": {
			kind:  "pod",
			admit: mesh("istio", "first"),
			check: has(plant, "istio-init", "istio-proxy", "main", sidecar),
		},
	}
}

// obedient is a workload as such clusters have them: with labels that its Service selects by, with probes, and without
// a user of its own.
func obedient(kind string) string {
	text := strings.Replace(kindManifests()[kind], "runAsUser: 1000, ", "", 1)
	text = strings.ReplaceAll(text, "labels: {app: it}", "labels: {app: it, app.kubernetes.io/name: it}")
	at := strings.Index(text, "image:")
	indent := strings.Repeat(" ", at-strings.LastIndex(text[:at], "\n")-1)
	for probe, file := range map[string]string{"livenessProbe": "/etc/passwd", "readinessProbe": "/etc/group"} {
		text += "\n" + indent + probe + ": {periodSeconds: 1, exec: {command: [ls, " + file + "]}}"
	}
	return text + "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: it}\n" +
		"spec: {selector: {app.kubernetes.io/name: it}, ports: [{port: 80}]}\n"
}

// On clusters that change pods and demand a lot of them, dev mode works in both modes, and the workload comes back as
// it was.
func TestManagedClusters(t *testing.T) {
	t.Parallel()
	for name, m := range managedClusters() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if m.kind == "" {
				m.kind = "deployment"
			}
			ns := shared.namespace(t)
			shared.manage(t, ns, m)
			shared.create(t, ns, []byte(obedient(m.kind)))
			shared.settled(t, ns, 1)
			dev := shared.developer(t, ns)
			src := filepath.Join(dev.home, "src")
			before := shared.mustSnapshot(t, ns)
			for _, mode := range []string{"duplicate", "replace"} {
				write(t, filepath.Join(src, "hello.txt"), mode+"\n")
				begin := time.Now()
				dev.must(src, "dev", "start", m.kind+"/it", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0",
					"--mode", mode, "--no-terminal", "--timeout", "60s")
				t.Logf("%s: in dev mode after %s", mode, time.Since(begin).Round(100*time.Millisecond))
				if m.check != nil {
					pods := shared.typed.CoreV1().Pods(ns)
					pod, err := pods.Get(t.Context(), shared.twinPod(t, ns), metav1.GetOptions{})
					if err != nil {
						t.Fatal(err)
					}
					m.check(t, pod)
				}
				write(t, filepath.Join(src, "hello.txt"), "edited\n")
				eventually(t, 20*time.Second, "the edit arrives", func(context.Context) error {
					out, err := dev.execIn(src, m.kind+"/it", "cat", "hello.txt")
					if err == nil && out != "edited\n" {
						err = errors.New(out)
					}
					return err
				})
				dev.must(src, "dev", "end", m.kind+"/it")
				shared.restored(t, ns, before)
			}
		})
	}
}

// A config that names a user where the namespace's users are assigned is refused in the cluster's words, with what to
// leave out, before anything changes.
func TestAssignedUsers(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.manage(t, ns, restrictedSCC())
	shared.create(t, ns, []byte(obedient("deployment")))
	shared.settled(t, ns, 1)
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	edit(t, filepath.Join(src, ".dev", "config.yaml"), "- dev: {", "- dev: {user: {runAsUser: 1000}, ")
	before := shared.mustSnapshot(t, ns)
	r := dev.nhctl(src, "dev", "start", "--no-terminal")
	if r.code != 1 || !strings.Contains(r.stderr, rangeOfUsers) || !strings.Contains(r.stderr, "leave out dev.user") {
		t.Errorf("%s", r)
	}
	shared.restored(t, ns, before)
}

// manage makes a namespace one of a managed cluster, and returns when that is in force.
func (c *cluster) manage(t *testing.T, ns string, m managed) {
	t.Helper()
	if m.annotations != nil {
		patch := fmt.Sprintf(`{"metadata":{"annotations":%s}}`, jsonOf(t, m.annotations))
		if _, err := c.typed.CoreV1().Namespaces().Patch(t.Context(), ns, types.MergePatchType, []byte(patch),
			metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	const probe, inForce = "e2e-probe", "the policies are in force"
	demands := map[string]string{
		inForce: "!has(object.metadata.labels) || !('" + probe + "' in object.metadata.labels)",
	}
	for text, expression := range m.pods {
		demands[text] = expression
	}
	c.demand(t, ns, "pods", "", demands)
	if len(m.deployments) > 0 {
		c.demand(t, ns, "deployments", "apps", m.deployments)
	}
	if m.admit != nil {
		c.webhook(t, ns, m.admit)
	}
	eventually(t, 30*time.Second, inForce, func(ctx context.Context) error {
		no, yes, user := false, true, int64(firstUser)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-"}}
		pod.Spec.SecurityContext = &corev1.PodSecurityContext{
			RunAsNonRoot:   &yes,
			RunAsUser:      &user,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}
		pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "x:1", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}}}
		dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
		// The webhook answers for a pod of this name, and the policy for one with this label.
		if m.admit != nil {
			pod.Name = webhookProbe
			if _, err := c.typed.CoreV1().Pods(ns).Create(ctx, pod, dry); err == nil ||
				!strings.Contains(err.Error(), webhookProbe) {
				return fmt.Errorf("the webhook is not asked: %w", err)
			}
			pod.Name = ""
		}
		pod.Labels = map[string]string{probe: "yes"}
		if _, err := c.typed.CoreV1().Pods(ns).Create(ctx, pod, dry); err == nil {
			return errors.New("a pod that breaks the policies is admitted")
		} else if !strings.Contains(err.Error(), "denied request") {
			return err
		}
		return nil
	})
}

// demand makes a policy about the objects of a namespace that are created.
func (c *cluster) demand(t *testing.T, ns, resource, group string, demands map[string]string) {
	t.Helper()
	name := resource + "." + ns
	var validations []map[string]string
	for text, expression := range demands {
		validations = append(validations, map[string]string{"message": text, "expression": expression})
	}
	variables := "[]"
	if resource == "pods" {
		variables = `[{name: containers, expression: "object.spec.containers + (has(object.spec.initContainers) ? ` +
			`object.spec.initContainers : [])"}]`
	}
	c.create(t, "", fmt.Appendf(nil, `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: ["%[3]s"], apiVersions: [v1], operations: [CREATE], resources: [%[4]s]}]
  variables: %[5]s
  validations: %[6]s
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec:
  policyName: %[1]s
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[2]s}}}
`, name, ns, group, resource, variables, jsonOf(t, validations)))
	policies := c.typed.AdmissionregistrationV1()
	t.Cleanup(func() {
		err := errors.Join(
			policies.ValidatingAdmissionPolicyBindings().Delete(context.Background(), name, metav1.DeleteOptions{}),
			policies.ValidatingAdmissionPolicies().Delete(context.Background(), name, metav1.DeleteOptions{}))
		if err != nil {
			t.Errorf("remove the policy %s: %v", name, err)
		}
	})
}
