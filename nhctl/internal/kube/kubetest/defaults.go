package kubetest

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Address is that of all Services and pods. On Linux it is one of this computer, so that a test can serve there.
const Address = "127.0.0.2"

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
	case *corev1.Service:
		if o.Spec.ClusterIP == "" && o.Spec.Type != corev1.ServiceTypeExternalName {
			o.Spec.ClusterIP = Address
		}
		for i := range o.Spec.Ports {
			p := &o.Spec.Ports[i]
			if p.Protocol == "" {
				p.Protocol = corev1.ProtocolTCP
			}
			if p.TargetPort == (intstr.IntOrString{}) {
				p.TargetPort = intstr.FromInt32(p.Port)
			}
		}
	case *corev1.PersistentVolumeClaim:
		if o.Status.Phase == "" {
			o.Status.Phase = corev1.ClaimPending
		}
	}
}
