package workload

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// manyVolumes is a pod template with what companions have to treat differently.
const manyVolumes = `
metadata:
  labels: {app: web, tier: front, pod-template-hash: abc}
  annotations: {team: shop}
spec:
  serviceAccountName: web
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  nodeSelector: {disk: fast}
  activeDeadlineSeconds: 60
  restartPolicy: Always
  initContainers: [{name: migrate, image: migrate:1}]
  containers:
  - name: app
    image: web:1
    imagePullPolicy: Always
    command: [web]
    args: [--serve]
    ports: [{containerPort: 8080, hostPort: 8080}]
    env: [{name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory}}}]
    envFrom: [{secretRef: {name: web}}]
    resources: {limits: {memory: 1Gi, nvidia.com/gpu: "1"}, requests: {memory: 1Gi, cpu: "4"}}
    livenessProbe: {httpGet: {port: 8080}}
    readinessProbe: {httpGet: {port: 8080}}
    lifecycle: {preStop: {exec: {command: [sleep, "10"]}}}
    securityContext: {runAsUser: 1000, capabilities: {add: [NET_ADMIN]}}
    volumeMounts:
    - {name: settings, mountPath: /etc/web/}
    - {name: keys, mountPath: /etc/web/keys}
    - {name: about, mountPath: /about}
    - {name: one, mountPath: /one.conf, subPath: one.conf}
    - {name: data, mountPath: /data}
    - {name: scratch, mountPath: /scratch}
    - {name: set, mountPath: /set}
    - {name: tmp, mountPath: /tmp}
    volumeDevices: [{name: raw, devicePath: /dev/raw}]
  - {name: proxy, image: proxy:1, volumeMounts: [{name: others, mountPath: /others}]}
  volumes:
  - {name: settings, configMap: {name: web}}
  - {name: keys, secret: {secretName: keys}}
  - {name: about, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: one, projected: {sources: [{configMap: {name: one}}]}}
  - {name: data, persistentVolumeClaim: {claimName: web-data}}
  - {name: raw, persistentVolumeClaim: {claimName: web-raw}}
  - {name: scratch, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}}
  - {name: others, configMap: {name: others}}
  - {name: tmp, emptyDir: {}}
`

func companionOf(t *testing.T, text string, s GatewaySettings) *batchv1.Job {
	t.Helper()
	var template corev1.PodTemplateSpec
	if err := yaml.Unmarshal([]byte(text), &template); err != nil {
		t.Fatal(err)
	}
	before := template.DeepCopy()
	s.Name, s.Namespace, s.Session, s.Port = "nhctl-gateway-0a1b2c3d-ffffff", "shop", "0a1b2c3d", 20001
	j, err := Companion(template, CompanionSettings{
		GatewaySettings: s,
		Container:       "app",
		Selecting:       Selecting{Values: []string{"app"}},
	}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*before, template); diff != "" {
		t.Errorf("the template was changed:\n%s", diff)
	}
	return j
}

// A companion's pod is the workload's, with the agent alone in it.
func TestCompanion(t *testing.T) {
	t.Parallel()
	pod := GatewayPod(companionOf(t, manyVolumes, GatewaySettings{Image: "sidecar:1"}))
	want := map[string]string{"app": "nhctl-gateway-0a1b2c3d-ffffff", "tier": "front",
		contract.LabelSession: "0a1b2c3d", contract.LabelRole: contract.RoleGateway}
	if diff := cmp.Diff(want, pod.Labels); diff != "" {
		t.Errorf("labels (-want +got)\n%s", diff)
	}
	if pod.Annotations["team"] != "shop" || pod.Annotations[contract.AnnotationDefaultContainer] != "app" {
		t.Errorf("%v", pod.Annotations)
	}
	spec := pod.Spec
	if spec.ServiceAccountName != "web" || spec.NodeSelector["disk"] != "fast" ||
		spec.AutomountServiceAccountToken != nil {
		t.Errorf("it has another identity or place: %+v", spec)
	}
	if spec.HostNetwork || spec.DNSPolicy != corev1.DNSClusterFirst || spec.ActiveDeadlineSeconds != nil ||
		spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Errorf("%+v", spec)
	}
	if len(spec.Containers) != 1 || len(spec.InitContainers) != 1 {
		t.Fatalf("%d containers, %d init containers", len(spec.Containers), len(spec.InitContainers))
	}
	if p := spec.InitContainers[0]; p.Image != "sidecar:1" || p.Name != contract.PlantContainer ||
		*p.SecurityContext.RunAsUser != 1000 {
		t.Errorf("%+v", p)
	}
	c := spec.Containers[0]
	if c.Name != "app" || c.Image != "web:1" || c.ImagePullPolicy != corev1.PullAlways ||
		!slices.Equal(c.Command, []string{contract.Binary, "agent"}) || c.Args != nil || c.Ports != nil ||
		c.Lifecycle != nil || c.WorkingDir != "/" {
		t.Errorf("%+v", c)
	}
	health := []string{contract.Binary, "health"}
	if !slices.Equal(c.LivenessProbe.Exec.Command, health) || !slices.Equal(c.ReadinessProbe.Exec.Command, health) ||
		c.StartupProbe != nil || c.LivenessProbe.FailureThreshold == c.ReadinessProbe.FailureThreshold {
		t.Errorf("%+v, %+v", c.LivenessProbe, c.ReadinessProbe)
	}
	x := c.SecurityContext
	if *x.RunAsUser != 1000 || *x.AllowPrivilegeEscalation || !*x.ReadOnlyRootFilesystem ||
		x.Capabilities.Add != nil || !slices.Equal(x.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("%+v", x)
	}
}

// Its environment and files are the container's, whatever the kubelet makes of them; claims are left out.
func TestCompanionsEnvironmentAndFiles(t *testing.T) {
	t.Parallel()
	pod := GatewayPod(companionOf(t, manyVolumes, GatewaySettings{Image: "sidecar:1"}))
	c := pod.Spec.Containers[0]
	var config contract.Agent
	last := c.Env[len(c.Env)-1]
	if err := json.Unmarshal([]byte(last.Value), &config); err != nil || last.Name != contract.EnvConfig {
		t.Fatalf("%s: %v", last.Name, err)
	}
	if c.EnvFrom[0].SecretRef.Name != "web" || c.Env[0].Name != "LIMIT" || len(c.Env) != 2 {
		t.Errorf("%+v, %+v", c.EnvFrom, c.Env)
	}
	want := []string{"/about", "/etc/web", "/one.conf", serviceAccountDir}
	if diff := cmp.Diff(want, config.Files); diff != "" || config.Port != 20001 || config.Session != "0a1b2c3d" {
		t.Errorf("%+v\n%s", config, diff)
	}
	// What programs are told of their limits is the same; nothing more is reserved on a node.
	memory := resource.MustParse("1Gi")
	if got := c.Resources.Limits; len(got) != 1 || got.Memory().Cmp(memory) != 0 {
		t.Errorf("limits %v", got)
	}
	if got := c.Resources.Requests; got.Memory().String() != "32Mi" || got.Cpu().String() != "10m" || len(got) != 2 {
		t.Errorf("requests %v", got)
	}
	var mounts, volumes []string
	for _, m := range c.VolumeMounts {
		mounts = append(mounts, m.Name)
	}
	for _, v := range pod.Spec.Volumes {
		volumes = append(volumes, v.Name)
	}
	left := []string{"settings", "keys", "about", "one", "tmp", contract.VolumeToken, contract.VolumeBin}
	if diff := cmp.Diff(left, mounts); diff != "" || len(c.VolumeDevices) != 0 {
		t.Errorf("mounts %s%v", diff, c.VolumeDevices)
	}
	if diff := cmp.Diff(left, volumes); diff != "" {
		t.Errorf("volumes %s", diff)
	}
	var template corev1.PodTemplateSpec
	if err := yaml.Unmarshal([]byte(manyVolumes), &template); err != nil {
		t.Fatal(err)
	}
	missing := []string{
		"PersistentVolumeClaim web-data at /data", "ephemeral volume scratch at /scratch",
		"PersistentVolumeClaim set at /set", "PersistentVolumeClaim web-raw at /dev/raw",
	}
	if diff := cmp.Diff(missing, LeftOut(template, "app")); diff != "" {
		t.Errorf("left out %s", diff)
	}
}

// Through exec, the agent comes into the workload's own image, or into another one.
func TestCompanionByExec(t *testing.T) {
	t.Parallel()
	pod := GatewayPod(companionOf(t, manyVolumes, GatewaySettings{Image: "busybox:1", ByExec: true}))
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name:  contract.PlantContainer,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}}
	if p := pod.Spec.InitContainers[0]; p.Image != "busybox:1" || !AwaitsBinary(pod) {
		t.Errorf("%+v", p)
	}
}

// A limit that the agent could not live with is not kept, and one that there is none of is not made up.
func TestAgentResources(t *testing.T) {
	t.Parallel()
	list := func(pairs ...string) corev1.ResourceList {
		l := corev1.ResourceList{}
		for pair := range slices.Chunk(pairs, 2) {
			l[corev1.ResourceName(pair[0])] = resource.MustParse(pair[1])
		}
		return l
	}
	for name, tt := range map[string]struct{ own, want corev1.ResourceList }{
		"none":         {nil, list()},
		"usual":        {list("cpu", "2", "memory", "512Mi"), list("cpu", "2", "memory", "512Mi")},
		"memory alone": {list("memory", "512Mi"), list("memory", "512Mi")},
		"too little":   {list("cpu", "5m", "memory", "16Mi"), list("cpu", "1", "memory", "192Mi")},
		"others":       {list("example.com/device", "1"), list()},
	} {
		got := agentResources(corev1.ResourceRequirements{Limits: tt.own}).Limits
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestCompanionOfNoContainer(t *testing.T) {
	t.Parallel()
	_, err := Companion(corev1.PodTemplateSpec{}, CompanionSettings{Container: "app"}, Limits{})
	if err == nil || !strings.Contains(err.Error(), `no container "app"`) {
		t.Error(err)
	}
}
