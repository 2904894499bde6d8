package workload

import (
	"cmp"
	"encoding/json"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// GatewaySettings say what the gateway of a tunnel is to be.
type GatewaySettings struct {
	// Name is the Job's and the Secret's; Session the id that both carry.
	Name, Namespace, Session string
	// Image is the sidecar's. With ByExec it is any image with a shell, which waits for the agent to come through exec.
	Image  string
	ByExec bool
	// NeverPull says that no registry has the image: a node has it, or the pod fails at once.
	NeverPull bool
	// Lender runs the image already: the pod takes over its user and the names of its pull secrets. It is nil where
	// someone has named the image.
	Lender *Lender
	// Port is the carrier's on the pod's loopback.
	Port int
}

// GatewayLabels are those of all objects of a tunnel's gateway.
func GatewayLabels(session string) map[string]string {
	return map[string]string{contract.LabelSession: session, contract.LabelRole: contract.RoleGateway}
}

// gatewayKept is how many seconds a Job is kept that has finished, so that its end can be explained.
const gatewayKept = 30

// Gateway is the Job of a tunnel's gateway. Pod Security "restricted" accepts its pod, which has no service account's
// token.
func Gateway(s GatewaySettings, l Limits) (*batchv1.Job, error) {
	config, err := agentConfig(s, nil)
	if err != nil {
		return nil, err
	}
	no := false
	agent := gatewayContainer(contract.AgentContainer, s.Image, l)
	agent.ImagePullPolicy = s.pullPolicy()
	agent.Command = []string{contract.ImageEntry, "agent"}
	agent.Env = []corev1.EnvVar{config}
	agent.VolumeMounts = []corev1.VolumeMount{tokenMount()}
	spec := corev1.PodSpec{
		AutomountServiceAccountToken: &no,
		EnableServiceLinks:           &no,
		Volumes:                      []corev1.Volume{tokenVolume(s)},
	}
	if s.ByExec {
		plant := gatewayContainer(contract.PlantContainer, s.Image, l)
		plant.Command = byExec()
		plant.VolumeMounts = []corev1.VolumeMount{{Name: contract.VolumeBin, MountPath: contract.BinDir}}
		spec.InitContainers = []corev1.Container{plant}
		agent.Command[0], agent.VolumeMounts = contract.Binary, append(agent.VolumeMounts, binMount())
		spec.Volumes = append(spec.Volumes, binVolume())
	}
	spec.Containers = []corev1.Container{agent}
	if s.Lender != nil {
		s.Lender.lend(&spec)
	}
	labels := metav1.ObjectMeta{Labels: GatewayLabels(s.Session)}
	return gatewayJob(s, corev1.PodTemplateSpec{ObjectMeta: labels, Spec: spec}), nil
}

// pullPolicy is that of the sidecar's image. A pull of a name that no registry has is not even tried: someone else may
// have come to own the name.
func (s GatewaySettings) pullPolicy() corev1.PullPolicy {
	if s.NeverPull && !s.ByExec {
		return corev1.PullNever
	}
	return corev1.PullIfNotPresent
}

// gatewayJob makes one pod of a template and no other: whoever needs another one makes another Job, which takes a
// second, where a Job waits for ten before it tries again.
func gatewayJob(s GatewaySettings, t corev1.PodTemplateSpec) *batchv1.Job {
	once, grace, kept := int32(0), int64(1), int32(gatewayKept)
	t.Spec.RestartPolicy = corev1.RestartPolicyNever
	t.Spec.TerminationGracePeriodSeconds, t.Spec.ActiveDeadlineSeconds = &grace, nil
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: GatewayLabels(s.Session)},
		Spec: batchv1.JobSpec{
			BackoffLimit:            &once,
			TTLSecondsAfterFinished: &kept,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: t.Labels, Annotations: t.Annotations},
				Spec:       t.Spec,
			},
		},
	}
}

// agentConfig tells the agent what it needs to know.
func agentConfig(s GatewaySettings, files []string) (corev1.EnvVar, error) {
	config, err := json.Marshal(contract.Agent{
		Kind:    contract.AgentKind,
		Version: contract.AgentVersion,
		Session: s.Session,
		Port:    s.Port,
		Files:   files,
	})
	return corev1.EnvVar{Name: contract.EnvConfig, Value: string(config)}, err
}

func tokenMount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: contract.VolumeToken, MountPath: contract.TokenDir, ReadOnly: true}
}

func tokenVolume(s GatewaySettings) corev1.Volume {
	return corev1.Volume{
		Name: contract.VolumeToken,
		VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: s.Name,
			Items:      []corev1.KeyToPath{{Key: contract.SecretToken, Path: contract.Tokens + "/" + s.Session}},
		}},
	}
}

// AgentContainer is the container of an agent of its image, as every policy takes it.
func AgentContainer(image string, l Limits) corev1.Container {
	return gatewayContainer(contract.AgentContainer, image, l)
}

func binMount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: contract.VolumeBin, MountPath: contract.BinDir, ReadOnly: true}
}

func binVolume() corev1.Volume {
	return corev1.Volume{
		Name:         contract.VolumeBin,
		VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}
}

// gatewayResources are the agent's.
func gatewayResources() corev1.ResourceRequirements { return quantities("10m", "32Mi", "1", "192Mi") }

func gatewayContainer(name, image string, l Limits) corev1.Container {
	c := corev1.Container{
		Name:            name,
		Image:           image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		WorkingDir:      "/",
		Resources:       l.Resources(gatewayResources()),
		SecurityContext: confined(corev1.Container{}),
	}
	notRoot := true
	c.SecurityContext.RunAsNonRoot = &notRoot
	return c
}

// GatewayPod is the pod that a gateway's Job makes, for the cluster's policies to judge.
func GatewayPod(j *batchv1.Job) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: j.Spec.Template.ObjectMeta, Spec: j.Spec.Template.Spec}
	pod.GenerateName, pod.Namespace = j.Name+"-", j.Namespace
	return pod
}

// Spent says whether a Job will make no pod any more, or is on its way out.
func Spent(j *batchv1.Job) bool {
	if j.DeletionTimestamp != nil || j.Status.Failed+j.Status.Succeeded > 0 {
		return true
	}
	for _, c := range j.Status.Conditions {
		over := c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed || c.Type == batchv1.JobFailureTarget
		if over && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// Over says whether a gateway's pod has ended, or is about to. Containers that admission has added may outlive the
// agent.
func Over(pod *corev1.Pod) bool {
	agent := cmp.Or(pod.Annotations[contract.AnnotationDefaultContainer], contract.AgentContainer)
	return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded ||
		pod.Status.Phase == corev1.PodFailed ||
		slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
			return s.Name == agent && s.State.Terminated != nil
		})
}
