package kubetest

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// setDefaults sets the defaults that nhctl's decisions depend on.
func setDefaults(typed runtime.Object) {
	one := int32(1)
	count := func(n **int32) {
		if *n == nil {
			*n = &one
		}
	}
	switch o := typed.(type) {
	case *appsv1.Deployment:
		count(&o.Spec.Replicas)
	case *appsv1.ReplicaSet:
		count(&o.Spec.Replicas)
	case *appsv1.StatefulSet:
		count(&o.Spec.Replicas)
	case *batchv1.Job:
		count(&o.Spec.Parallelism)
		if o.Spec.Suspend == nil {
			o.Spec.Suspend = new(bool)
		}
	case *batchv1.CronJob:
		if o.Spec.Suspend == nil {
			o.Spec.Suspend = new(bool)
		}
	case *corev1.Secret:
		for key, text := range o.StringData {
			if o.Data == nil {
				o.Data = map[string][]byte{}
			}
			o.Data[key] = []byte(text)
		}
		o.StringData = nil
	case *corev1.PersistentVolumeClaim:
		if o.Status.Phase == "" {
			o.Status.Phase = corev1.ClaimPending
		}
	}
}
