package workload

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Lender is a container of a pod that runs, in whose image a gateway may wait for its agent: a node has the image.
type Lender struct {
	Image string
	// User is whom the container runs as, where its pod says so; 0 where not.
	User    int64
	secrets []corev1.LocalObjectReference
}

// someone is the user of a container whose pod names none: the image's own may be root, which many policies refuse. A
// shell and the agent need no user that the image knows.
const someone = 65532

// Lenders are those of the pods of a namespace, without those whose image is among some. Images of dev containers come
// first, since they surely have a shell; then those of pods that are ready.
func Lenders(pods []corev1.Pod, but map[string]bool) (all []Lender) {
	rank := func(p corev1.Pod) int {
		switch {
		case p.Labels[contract.LabelRole] == contract.RoleTwin:
			return 0
		case Ready(&p):
			return 1
		}
		return 2
	}
	pods = slices.Clone(pods)
	slices.SortStableFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
	known := map[string]bool{}
	for _, p := range pods {
		role := p.Labels[contract.LabelRole]
		if p.DeletionTimestamp != nil || p.Status.Phase != corev1.PodRunning || onWindows(p.Spec) ||
			role == contract.RoleGateway || role == contract.RoleFront {
			continue
		}
		for _, c := range p.Spec.Containers {
			if known[c.Image] || but[c.Image] || c.Name == contract.SidecarContainer {
				continue
			}
			known[c.Image] = true
			all = append(all, Lender{Image: c.Image, User: userOf(p.Spec, c), secrets: p.Spec.ImagePullSecrets})
		}
	}
	return all
}

func onWindows(spec corev1.PodSpec) bool {
	return spec.OS != nil && spec.OS.Name == corev1.Windows || spec.NodeSelector[corev1.LabelOSStable] == "windows"
}

// userOf is whom a container runs as, where that is said and is not root.
func userOf(spec corev1.PodSpec, c corev1.Container) int64 {
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil {
		return *s.RunAsUser
	}
	if s := spec.SecurityContext; s != nil && s.RunAsUser != nil {
		return *s.RunAsUser
	}
	return 0
}

// lend has the containers of a pod run as the lender's user, and pull its image as it may.
func (l Lender) lend(spec *corev1.PodSpec) {
	user := cmp.Or(l.User, someone)
	for _, all := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range all {
			all[i].SecurityContext.RunAsUser = &user
		}
	}
	spec.ImagePullSecrets = l.secrets
}
