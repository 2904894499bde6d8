package workload

import (
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Choose picks the pod of a StatefulSet that the twin stands for: its claims and, unless it is a duplicate, its
// identity. nil means the highest. Those below it go on, unless all are to be parked.
func (o *Original) Choose(ordinal *int, all, duplicate bool) error {
	if o.Kind != StatefulSet {
		if ordinal != nil || all {
			return problem.New(problem.Usage, "%s has no ordinals", o.Ref).
				WithHint("leave out --ordinal and --all, and dev.ordinal in the config: they are for StatefulSets")
		}
		return nil
	}
	var set appsv1.StatefulSet
	if err := o.decode(&set); err != nil {
		return err
	}
	begin := 0
	if set.Spec.Ordinals != nil {
		begin = int(set.Spec.Ordinals.Start)
	}
	chosen := max(begin, begin+int(o.Replicas)-1)
	if ordinal != nil {
		if *ordinal < begin || *ordinal > chosen {
			return problem.New(problem.Usage, "%s has no pod %d: its ordinals go from %d to %d", o.Ref, *ordinal, begin,
				chosen).
				WithHint("name one of them with --ordinal, or with dev.ordinal in the config")
		}
		chosen = *ordinal
	}
	if !all {
		o.Kept = int32(chosen - begin)
	}
	pod := o.Name + "-" + strconv.Itoa(chosen)
	for _, claim := range set.Spec.VolumeClaimTemplates {
		t := &o.Template.Spec
		t.Volumes = slices.DeleteFunc(t.Volumes, func(v corev1.Volume) bool { return v.Name == claim.Name })
		t.Volumes = append(t.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: fmt.Sprintf("%s-%s", claim.Name,
				pod)}}})
	}
	if duplicate {
		return nil
	}
	o.Template.Spec.Hostname, o.Template.Spec.Subdomain = pod, set.Spec.ServiceName
	o.Identity = map[string]string{appsv1.StatefulSetPodNameLabel: pod, appsv1.PodIndexLabel: strconv.Itoa(chosen)}
	return nil
}
