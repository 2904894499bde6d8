package kubetest

import (
	"cmp"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Endpoints is the controller of EndpointSlices: one for each Service with a selector, with the pods that are ready. It
// knows target ports by their numbers.
func Endpoints() Controller {
	return Controller{act: func(s *store) {
		each(s, func(s *store, k Kind, service *corev1.Service) {
			if len(service.Spec.Selector) > 0 {
				endpoints(s, k, service)
			}
		})
	}}
}

func endpoints(s *store, services Kind, service *corev1.Service) {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name:            service.Name,
			Namespace:       service.Namespace,
			Labels:          map[string]string{discoveryv1.LabelServiceName: service.Name},
			OwnerReferences: owner(services, service),
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, p := range service.Spec.Ports {
		number := cmp.Or(p.TargetPort.IntVal, p.Port)
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &p.Name, Port: &number, Protocol: &p.Protocol})
	}
	podKind, _ := s.kind("", "pods")
	for _, u := range s.look(podKind, service.Namespace) {
		pod := typed[corev1.Pod](s, podKind, u)
		isReady := ready([]corev1.Pod{*pod}) > 0 && pod.DeletionTimestamp == nil
		if isReady && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses:  []string{Address},
				Conditions: discoveryv1.EndpointConditions{Ready: &isReady},
				TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
			})
		}
	}
	slices.SortFunc(slice.Endpoints, func(a, b discoveryv1.Endpoint) int {
		return cmp.Compare(a.TargetRef.Name, b.TargetRef.Name)
	})
	k, _ := s.kind("discovery.k8s.io", "endpointslices")
	u, err := s.get(k, service.Namespace, service.Name)
	if err != nil {
		_, _ = s.create(k, service.Namespace, encode(slice), false)
		return
	}
	was := decode[discoveryv1.EndpointSlice](u)
	if reflect.DeepEqual(was.Endpoints, slice.Endpoints) && reflect.DeepEqual(was.Ports, slice.Ports) {
		return
	}
	was.Endpoints, was.Ports = slice.Endpoints, slice.Ports
	_, _ = s.update(k, encode(was), "", false) // it was read a moment ago
}
