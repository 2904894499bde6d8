package front

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/sidecar/route"
)

// Probes are the paths by which the originals' health is probed now. Load balancers take them over from the pods. A
// front without originals has none.
func Probes(ctx context.Context, c *kube.Client, p Plan) ([]route.Probe, error) {
	originals, err := c.API.CoreV1().Services(p.Namespace).Get(ctx, p.Original(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.Explain(err)
	}
	own := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(originals.Spec.Selector).String()}
	pods, err := c.API.CoreV1().Pods(p.Namespace).List(ctx, own)
	if err != nil {
		return nil, c.Explain(err)
	}
	return probes(pods.Items), nil
}

// probes are the paths of pods' probes. The root is no path that tells a probe from a visitor.
func probes(pods []corev1.Pod) (all []route.Probe) {
	for _, pod := range pods {
		for _, c := range pod.Spec.Containers {
			for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
				found, some := probeOf(c, probe)
				if some && !slices.Contains(all, found) && len(all) < route.MaxProbes {
					all = append(all, found)
				}
			}
		}
	}
	return all
}

func probeOf(c corev1.Container, p *corev1.Probe) (found route.Probe, some bool) {
	if p == nil || p.HTTPGet == nil {
		return found, false
	}
	path, _, _ := strings.Cut(p.HTTPGet.Path, "?")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	port := p.HTTPGet.Port.IntValue()
	for _, named := range c.Ports {
		if name := p.HTTPGet.Port.StrVal; name != "" && named.Name == name {
			port = int(named.ContainerPort)
		}
	}
	return route.Probe{Port: port, Path: path}, path != "/" && len(path) <= route.MaxText && port > 0
}
