package workload

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// confined is the security context of nhctl's own containers: that of the dev container's user, and nothing beyond.
func confined(dev corev1.Container) *corev1.SecurityContext {
	no, yes := false, true
	c := &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if s := dev.SecurityContext; s != nil {
		c.RunAsUser, c.RunAsGroup, c.RunAsNonRoot, c.SELinuxOptions = s.RunAsUser, s.RunAsGroup, s.RunAsNonRoot,
			s.SELinuxOptions
	}
	return c
}

func quantities(requestCPU, requestMemory, limitCPU, limitMemory string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(requestCPU),
			corev1.ResourceMemory: resource.MustParse(requestMemory)},
		Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(limitCPU),
			corev1.ResourceMemory: resource.MustParse(limitMemory)},
	}
}

// sidecarContainer runs the planted binary in the dev image, so that it has the dev container's user without knowing
// it.
func sidecarContainer(dev corev1.Container, s Settings) (corev1.Container, error) {
	var folders []contract.Folder
	var names []string
	for _, d := range s.devs() {
		folders, names = append(folders, d.folders()...), append(names, d.devName())
	}
	config, err := json.Marshal(contract.Sidecar{
		Kind:       contract.SidecarKind,
		Version:    contract.SidecarVersion,
		Session:    s.Session,
		Port:       s.Port,
		Folders:    folders,
		Containers: names,
	})
	if err != nil {
		return corev1.Container{}, err
	}
	mounts := []corev1.VolumeMount{
		{Name: contract.VolumeBin, MountPath: contract.BinDir, ReadOnly: true},
		{Name: contract.VolumeRun, MountPath: contract.RunDir},
		{Name: contract.VolumeToken, MountPath: contract.TokenDir, ReadOnly: true},
	}
	for _, f := range folders {
		for _, part := range []string{f.DataSubPath(), f.IndexSubPath()} {
			mounts = append(mounts,
				corev1.VolumeMount{Name: contract.VolumeWork, MountPath: contract.WorkDir + "/" + part, SubPath: part})
		}
	}
	alive, starts := livenessLike(dev)
	period := int32(1)
	if s.Duplicate { // its gate is open from the beginning
		period = contract.RestingPeriod
	}
	return corev1.Container{
		Name:            contract.SidecarContainer,
		Image:           s.Image,
		ImagePullPolicy: s.pullPolicy(),
		Command:         []string{contract.Binary, "sync"},
		WorkingDir:      "/",
		Env: []corev1.EnvVar{{Name: contract.EnvConfig, Value: string(config)},
			{Name: "LOGGER_DISCARD", Value: "1"}},
		Resources: mergeResources(SidecarResources(), s.SidecarResources),
		ReadinessProbe: &corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{
				Exec: &corev1.ExecAction{Command: []string{contract.Binary, "health", "--ready"}},
			},
			PeriodSeconds:    period,
			FailureThreshold: 1,
			TimeoutSeconds:   contract.GateTimeout,
		},
		LivenessProbe:   alive,
		StartupProbe:    starts,
		SecurityContext: confined(dev),
		VolumeMounts:    mounts,
	}, nil
}

// livenessLike are liveness and startup probes for the sidecar where the dev container has them: policies that demand
// them of one container demand them of all.
func livenessLike(dev corev1.Container) (alive, starts *corev1.Probe) {
	return startable(dev.LivenessProbe), startup(dev.StartupProbe)
}

// answerBySidecar has the sidecar's binary answer the probes of a container in which it runs alone.
func answerBySidecar(c *corev1.Container) {
	c.LivenessProbe, c.StartupProbe, c.ReadinessProbe = startable(c.LivenessProbe), startup(c.StartupProbe),
		startable(c.ReadinessProbe)
	if c.LivenessProbe != nil {
		c.LivenessProbe.FailureThreshold++ // policies refuse the same probe for both
	}
}

// startable only checks that a program can start in a container, and tolerates many failures: a compiler that takes all
// of the node's CPU must not get the sidecar restarted. There is none where there was none.
func startable(theirs *corev1.Probe) *corev1.Probe {
	if theirs == nil {
		return nil
	}
	const minute, patience = 60, 10
	health := &corev1.ExecAction{Command: []string{contract.Binary, "health"}}
	return &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{Exec: health},
		PeriodSeconds:    minute,
		TimeoutSeconds:   contract.GateTimeout,
		FailureThreshold: patience,
	}
}

func startup(theirs *corev1.Probe) *corev1.Probe {
	probe := startable(theirs)
	if probe != nil { // no other probe runs before its first success, which is its last run
		const second, minute = 1, 60
		probe.PeriodSeconds, probe.FailureThreshold = second, minute
	}
	return probe
}

// SidecarResources are the sidecar's, unless the config or a LimitRange asks for others: a first sync needs CPU for a
// moment, and a sidecar at rest takes next to nothing.
func SidecarResources() corev1.ResourceRequirements { return quantities("10m", "64Mi", "2", "256Mi") }
