package topics

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// mostPods is how many pods of a workload are told: a DaemonSet of a large cluster has thousands.
const mostPods = 20

// levels limits how many controllers are between a pod and its workload: CronJob, Job.
const levels = 4

// pods are those that belong to a workload, by its UID.
func (n *namespace) pods() map[types.UID][]rpc.Pod {
	controllers := map[types.UID]types.UID{}
	for _, objects := range n.objects {
		for _, o := range objects {
			if owner := n.made.owner(o); owner != nil {
				controllers[o.GetUID()] = owner.UID
			}
		}
	}
	pods := map[types.UID][]rpc.Pod{}
	for _, o := range n.objects[workload.Pod] {
		pod := n.made.pods.of(o, podOf)
		for uid, level := o.GetUID(), 0; uid != "" && level < levels; uid, level = controllers[uid], level+1 {
			pods[uid] = append(pods[uid], pod)
		}
	}
	return pods
}

// podOf is a pod as clients see it.
func podOf(o *unstructured.Unstructured) rpc.Pod {
	var pod corev1.Pod
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod) != nil {
		return rpc.Pod{Name: o.GetName()}
	}
	item := rpc.Pod{Name: pod.Name, State: workload.State(&pod), Ready: workload.Ready(&pod)}
	for _, s := range pod.Status.ContainerStatuses {
		item.Restarts += s.RestartCount
	}
	return item
}

// first are the pods that are told: those that are not ready before the others, each by name.
func first(pods []rpc.Pod) []rpc.Pod {
	sorted := slices.SortedFunc(slices.Values(pods), func(a, b rpc.Pod) int {
		if a.Ready != b.Ready {
			return map[bool]int{false: -1, true: 1}[a.Ready]
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return sorted[:min(len(sorted), mostPods)]
}

// volumesOf are those of a pod template, with where its containers have them.
func volumesOf(spec corev1.PodSpec) []rpc.PodVolume {
	var all []rpc.PodVolume
	for _, v := range spec.Volumes {
		paths := map[string]bool{}
		for _, c := range spec.Containers {
			for _, m := range c.VolumeMounts {
				if m.Name == v.Name {
					paths[m.MountPath] = true
				}
			}
		}
		all = append(all, rpc.PodVolume{
			Name:   v.Name,
			Source: workload.VolumeSource(v),
			Paths:  slices.Sorted(maps.Keys(paths)),
		})
	}
	return all
}
