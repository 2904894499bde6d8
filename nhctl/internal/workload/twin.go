package workload

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Settings say what the twin of a workload is to be.
type Settings struct {
	// Name is the twin's; Session the id that its objects carry.
	Name, Namespace, Session string
	// Duplicate keeps the twin out of every Service.
	Duplicate bool
	// Selecting are the labels that Services of the namespace, and the original itself, select pods by.
	Selecting Selecting
	// Identity are labels that controllers set, and that the twin needs to stand in for one certain pod.
	Identity map[string]string
	// Dev is the container that is developed; the sidecar runs in its image, as its user. Extra has others of
	// the pod.
	Dev
	Extra []Dev
	// SkipInit leaves out the original's init containers.
	SkipInit bool
	// Exclusive are the original's claims that two pods can't write to; ClaimUse says what a duplicate gets in their
	// place.
	Exclusive []string
	ClaimUse  ClaimUse
	// SidecarImage holds the binary to plant; ByExec waits for it to come through exec instead. Port is the carrier's
	// on the pod's loopback.
	SidecarImage string
	ByExec       bool
	Port         int
	// SidecarResources override those of nhctl's own containers, quantity by quantity.
	SidecarResources corev1.ResourceRequirements
}

// devs are all containers that are developed, the sidecar's first.
func (s Settings) devs() []Dev { return append([]Dev{s.Dev}, s.Extra...) }

// controllerLabels are set on pods by their controllers, and mean nothing on the twin.
var controllerLabels = [...]string{"pod-template-hash", "controller-revision-hash", "pod-template-generation",
	"statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "job-name",
	"controller-uid"}

// twinGrace is how long the twin's pod may take to end, in seconds; the supervisor stops the program within it.
const twinGrace = 5

// Twin makes the Deployment that stands in for, or next to, a workload with this pod template. The template is not
// changed.
func Twin(template corev1.PodTemplateSpec, s Settings) (*appsv1.Deployment, error) {
	t := *template.DeepCopy()
	own := map[string]string{contract.LabelSession: s.Session, contract.LabelRole: contract.RoleTwin}
	t.Labels = twinLabels(t.Labels, s)
	maps.Copy(t.Labels, s.Identity)
	maps.Copy(t.Labels, own)
	if t.Annotations == nil {
		t.Annotations = map[string]string{}
	}
	t.Annotations[contract.AnnotationDefaultContainer] = s.devName()

	if s.SkipInit {
		skipInit(&t.Spec)
	}
	if s.Duplicate {
		releaseNode(&t.Spec, template.Labels)
		releaseClaims(&t.Spec, s.Exclusive, s.ClaimUse)
	}
	var seeds []corev1.Container
	for _, d := range s.devs() {
		dev, err := develop(&t.Spec, d)
		if err != nil {
			return nil, err
		}
		if d.Seed {
			seeds = append(seeds, seedContainer(dev, d, s.SidecarResources, len(seeds)))
		}
	}
	if err := sameUser(t.Spec, s.devs()); err != nil {
		return nil, err
	}
	host := container(t.Spec, s.devName())
	sidecar, err := sidecarContainer(*host, s)
	if err != nil {
		return nil, err
	}
	t.Spec.Containers = append(t.Spec.Containers, sidecar)
	first := []corev1.Container{plantContainer(*host, s)}
	if parents, ok := parentsContainer(*host, t.Spec, s); ok {
		first = append(first, parents)
	}
	first = append(first, seeds...)
	t.Spec.InitContainers = append(first, t.Spec.InitContainers...)
	t.Spec.Volumes = append(t.Spec.Volumes, volumes(s)...)
	t.Spec.RestartPolicy = corev1.RestartPolicyAlways
	t.Spec.ActiveDeadlineSeconds = nil
	grace := int64(twinGrace)
	if t.Spec.TerminationGracePeriodSeconds == nil || *t.Spec.TerminationGracePeriodSeconds > grace {
		t.Spec.TerminationGracePeriodSeconds = &grace
	}
	one := int32(1)
	history := int32(0)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: own},
		Spec: appsv1.DeploymentSpec{
			Replicas:             &one,
			RevisionHistoryLimit: &history,
			Strategy:             appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Selector:             &metav1.LabelSelector{MatchLabels: own},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: t.Labels,
				Annotations: t.Annotations}, Spec: t.Spec},
		},
	}, nil
}

// Selecting are label keys that pods are selected by: by their values, or by being there at all.
type Selecting struct{ Values, Presence []string }

// twinLabels are the original's pod labels, less those of controllers. A duplicate must not be selected as the original
// is, but policies demand certain labels of every pod: so it keeps the keys, and has its own name as their value.
func twinLabels(labels map[string]string, s Settings) map[string]string {
	kept := map[string]string{}
	for key, value := range labels {
		switch {
		case slices.Contains(controllerLabels[:], key), s.Duplicate && slices.Contains(s.Selecting.Presence, key):
		case s.Duplicate && slices.Contains(s.Selecting.Values, key):
			kept[key] = s.Name
		default:
			kept[key] = value
		}
	}
	return kept
}

func volumes(s Settings) []corev1.Volume {
	empty := func(name string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	}
	return []corev1.Volume{empty(contract.VolumeBin), empty(contract.VolumeRun), empty(contract.VolumeWork),
		{Name: contract.VolumeToken, VolumeSource: corev1.VolumeSource{Projected: token(s)}}}
}

// token is what the sidecar reads of its session: the token, from a Secret that is created once, and whether the gate
// is open, from the namespace's ConfigMap of gates. Without the key, or without the ConfigMap, the gate is closed.
func token(s Settings) *corev1.ProjectedVolumeSource {
	closed := true
	return &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: s.Name},
			Items: []corev1.KeyToPath{
				{Key: contract.SecretToken, Path: contract.Tokens + "/" + s.Session},
			},
		}},
		{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: contract.Gates},
			Items:                []corev1.KeyToPath{{Key: s.Session, Path: contract.GateFile}},
			Optional:             &closed,
		}},
	}}
}

// releaseNode gives up what only one pod of a node can have. A duplicate runs next to the original, often on the only
// node, and the scheduler would never place it there with the same host ports. Those are also how the API server writes
// down every port of a pod in the node's network, so a duplicate has a network of its own: the original keeps answering
// on the node's address, and the duplicate is reached through its forwards. Init containers count too, since those that
// keep running hold their ports as long as the pod lives. And it may be where the original is, although that keeps its
// own pods apart.
func releaseNode(spec *corev1.PodSpec, labels map[string]string) {
	if spec.Affinity != nil && spec.Affinity.PodAntiAffinity != nil {
		apart := spec.Affinity.PodAntiAffinity
		apart.RequiredDuringSchedulingIgnoredDuringExecution = slices.DeleteFunc(
			apart.RequiredDuringSchedulingIgnoredDuringExecution,
			func(term corev1.PodAffinityTerm) bool { return selects(term, labels) })
	}
	spec.HostNetwork = false
	if spec.DNSPolicy == corev1.DNSClusterFirstWithHostNet {
		spec.DNSPolicy = corev1.DNSClusterFirst
	}
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			for j := range containers[i].Ports {
				containers[i].Ports[j].HostPort, containers[i].Ports[j].HostIP = 0, ""
			}
		}
	}
}

// TwinName is the twin's name, cut so that pods and their labels have room for what Kubernetes appends.
func TwinName(original, session string) string {
	const room = 40
	if len(original) > room {
		original = original[:room]
	}
	return original + "-nhctl-" + session
}

// UsedPorts lists the TCP ports that a template's containers name; a carrier must take another.
func UsedPorts(template corev1.PodTemplateSpec) map[int]bool {
	used := map[int]bool{}
	for _, c := range slices.Concat(template.Spec.Containers, template.Spec.InitContainers) {
		for _, p := range c.Ports {
			used[int(p.ContainerPort)] = true
			used[int(p.HostPort)] = true
		}
	}
	return used
}
