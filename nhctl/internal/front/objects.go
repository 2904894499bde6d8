package front

import (
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// originals is the Service that leads to the originals, whoever is away: the cluster keeps it up to date.
func (p Plan) originals() *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Name:      p.Original(),
		Namespace: p.Namespace,
		Labels:    p.ObjectLabels(),
	}}
	s.Spec.Selector, s.Spec.PublishNotReadyAddresses = p.Selector, p.NotReady
	for _, port := range p.Ports {
		sp := port.ServicePort
		sp.NodePort = 0
		s.Spec.Ports = append(s.Spec.Ports, sp)
	}
	return s
}

// Deployment is the front's. Pod Security "restricted" accepts its pod, which has no service account's token.
func (p Plan) Deployment(image, originals string, l workload.Limits) (*appsv1.Deployment, error) {
	config := contract.Agent{
		Kind:    contract.AgentKind,
		Version: contract.AgentVersion,
		Session: p.ID,
		Port:    p.Carrier,
		Sticky:  p.Sticky,
	}
	agent := workload.AgentContainer(image, l)
	if p.NeverPull {
		agent.ImagePullPolicy = corev1.PullNever
	}
	for _, port := range p.Ports {
		if slices.ContainsFunc(config.Intercepted, func(i contract.Intercepted) bool { return i.Port == port.Number }) {
			continue // two of the Service's ports lead there
		}
		config.Intercepted = append(config.Intercepted, contract.Intercepted{
			Port:     port.Number,
			Protocol: string(port.Known),
			Original: fmt.Sprintf("%s:%d", originals, port.ServicePort.Port),
		})
		agent.Ports = append(agent.Ports, corev1.ContainerPort{
			Name:          port.TargetPort.StrVal,
			ContainerPort: int32(port.Number),
			Protocol:      corev1.ProtocolTCP,
		})
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	agent.Command = []string{contract.ImageEntry, "agent"}
	agent.Env = []corev1.EnvVar{{Name: contract.EnvConfig, Value: string(text)}}
	agent.VolumeMounts = []corev1.VolumeMount{
		{Name: contract.VolumeToken, MountPath: contract.TokenDir, ReadOnly: true},
	}
	agent.ReadinessProbe = probe(contract.RestingPeriod, 1)
	agent.StartupProbe = probe(1, contract.RestingPeriod*6) // it is ready as soon as it listens
	no, one, grace := false, int32(1), int64(contract.ArrivalLimit+contract.DrainLimit+contract.ProbeTimeout)
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name(), Namespace: p.Namespace, Labels: p.ObjectLabels()},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: p.ObjectLabels()},
		},
	}
	d.Spec.Template.Labels = p.Labels
	d.Spec.Template.Spec = corev1.PodSpec{
		AutomountServiceAccountToken:  &no,
		EnableServiceLinks:            &no,
		TerminationGracePeriodSeconds: &grace,
		// Ports below 1024, without a capability.
		SecurityContext: &corev1.PodSecurityContext{
			Sysctls: []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}},
		},
		Containers: []corev1.Container{agent},
		Volumes: []corev1.Volume{{
			Name: contract.VolumeToken,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
				SecretName: p.Name(),
				Items:      []corev1.KeyToPath{{Key: contract.SecretToken, Path: contract.Tokens + "/" + p.ID}},
			}},
		}},
	}
	return d, nil
}

// probe asks the agent whether it listens, every so many seconds, until it has failed so often.
func probe(period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{
			Exec: &corev1.ExecAction{Command: []string{contract.ImageEntry, "health", "-ready"}},
		},
		TimeoutSeconds:   contract.ProbeTimeout,
		PeriodSeconds:    period,
		FailureThreshold: failures,
	}
}

// pod is one that the front's Deployment makes, for the cluster's policies to judge.
func pod(d *appsv1.Deployment) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: *d.Spec.Template.ObjectMeta.DeepCopy(), Spec: *d.Spec.Template.Spec.DeepCopy()}
	p.GenerateName, p.Namespace = d.Name+"-", d.Namespace
	return p
}
