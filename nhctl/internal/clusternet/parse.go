package clusternet

import (
	"net/netip"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
)

// maxEndpoints limits the endpoints of one EndpointSlice; Kubernetes' own limit.
const maxEndpoints = 1000

// slice is what an EndpointSlice says.
type slice struct {
	service   name
	endpoints []Endpoint
}

// A field that is missing or of another type is empty: objects are data that others have written.
func text(o map[string]any, path ...string) string {
	s, _, _ := unstructured.NestedString(o, path...)
	return s
}

func texts(o map[string]any, path ...string) []string {
	var all []string
	list, _, _ := unstructured.NestedFieldNoCopy(o, path...)
	values, _ := list.([]any)
	for _, value := range values {
		if s, ok := value.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

func maps(o map[string]any, path ...string) []map[string]any {
	var all []map[string]any
	list, _, _ := unstructured.NestedFieldNoCopy(o, path...)
	values, _ := list.([]any)
	for _, value := range values {
		if m, ok := value.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

func addresses(words []string) []netip.Addr {
	var all []netip.Addr
	for _, word := range words {
		if a, err := netip.ParseAddr(word); err == nil && usable(a) && a.Zone() == "" {
			all = append(all, a)
		}
	}
	return all
}

func label(word string) bool { return len(validation.IsDNS1123Label(word)) == 0 }

func ports(list []map[string]any) []Port {
	var all []Port
	for _, m := range list {
		number, _, _ := unstructured.NestedInt64(m, "port")
		p := Port{Name: text(m, "name"), Protocol: Protocol(text(m, "protocol")), Port: uint16(number)}
		if p.Protocol == "" {
			p.Protocol = TCP
		}
		if number > 0 && number <= 65535 && (p.Name == "" || label(p.Name)) {
			all = append(all, p)
		}
	}
	return all
}

// parseService returns a Service, or nil where the object is none that DNS could name.
func parseService(o *unstructured.Unstructured) any {
	s := Service{Namespace: o.GetNamespace(), Name: o.GetName(), Labels: o.GetLabels()}
	if !label(s.Namespace) || !label(s.Name) {
		return nil
	}
	if text(o.Object, "spec", "type") == "ExternalName" {
		s.ExternalName = text(o.Object, "spec", "externalName")
		return s
	}
	ips := texts(o.Object, "spec", "clusterIPs")
	if len(ips) == 0 {
		ips = []string{text(o.Object, "spec", "clusterIP")}
	}
	s.Headless = slices.Contains(ips, "None")
	s.Addresses = addresses(ips)
	s.Ports = ports(maps(o.Object, "spec", "ports"))
	s.PublishNotReady, _, _ = unstructured.NestedBool(o.Object, "spec", "publishNotReadyAddresses")
	return s
}

// serviceLabel says which Service an EndpointSlice belongs to.
const serviceLabel = "kubernetes.io/service-name"

func parseSlice(o *unstructured.Unstructured) any {
	s := slice{service: name{o.GetNamespace(), o.GetLabels()[serviceLabel]}}
	if text(o.Object, "addressType") == "FQDN" {
		return s
	}
	ports := ports(maps(o.Object, "ports"))
	for _, m := range maps(o.Object, "endpoints") {
		ready, told, _ := unstructured.NestedBool(m, "conditions", "ready")
		e := Endpoint{Hostname: text(m, "hostname"), Ready: ready || !told, Ports: ports}
		if e.Hostname != "" && !label(e.Hostname) {
			e.Hostname = ""
		}
		// All addresses of an endpoint are the same; only the first has a meaning.
		if all := addresses(texts(m, "addresses")); len(all) > 0 && len(s.endpoints) < maxEndpoints {
			e.Address = all[0]
			s.endpoints = append(s.endpoints, e)
		}
	}
	return s
}

// parsePod returns the addresses of a pod that has a network of its own.
func parsePod(o *unstructured.Unstructured) any {
	if host, _, _ := unstructured.NestedBool(o.Object, "spec", "hostNetwork"); host {
		return []netip.Addr(nil)
	}
	phase := text(o.Object, "status", "phase")
	if phase == "Succeeded" || phase == "Failed" { // another pod may have the address by now
		return []netip.Addr(nil)
	}
	var words []string
	for _, m := range maps(o.Object, "status", "podIPs") {
		words = append(words, text(m, "ip"))
	}
	if len(words) == 0 {
		words = []string{text(o.Object, "status", "podIP")}
	}
	return addresses(words)
}

func parseCIDR(o *unstructured.Unstructured) any {
	var all []netip.Prefix
	for _, word := range texts(o.Object, "spec", "cidrs") {
		if p, err := netip.ParsePrefix(word); err == nil {
			all = append(all, p)
		}
	}
	return all
}
