package clusternet_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
)

func service(namespace, name, ip string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			ClusterIP: ip,
			Ports:     []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP}},
		},
	}
}

func endpoints(namespace, service string, ready bool, ips ...string) *discoveryv1.EndpointSlice {
	name, port, protocol := "http", int32(8080), corev1.ProtocolTCP
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      service + "-1",
			Labels:    map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}},
	}
	for _, ip := range ips {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{ip},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		})
	}
	return s
}

// watch follows a cluster as ada, in the namespace shop, until the test ends.
func watch(t *testing.T, cluster *kubetest.Cluster) *clusternet.Source {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	source := clusternet.Watch(ctx, cluster.Client(t, "ada", "shop"), func() []netip.Prefix {
		return []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}
	})
	t.Cleanup(func() { cancel(); source.Wait() })
	if err := source.Listed(t.Context()); err != nil {
		t.Fatal(err)
	}
	return source
}

func want(t *testing.T, source *clusternet.Source, to string, want clusternet.Verdict) {
	t.Helper()
	synctest.Wait()
	if got := source.Table().Judge(clusternet.TCP, netip.MustParseAddrPort(to)); got != want {
		t.Errorf("%s: %s, want %s", to, got, want)
	}
}

// A Service gains and loses its endpoints, and the table has it at once.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster := kubetest.New([]string{"shop", "other"})
		cluster.Add(service("shop", "web", "10.96.0.10"), service("other", "api", "10.96.0.20"))
		source := watch(t, cluster)
		if !source.Table().All() || !source.Table().Knows("nowhere") || source.Table().Exists("nowhere") {
			t.Error("all namespaces are known, and nowhere is none of them")
		}
		want(t, source, "10.96.0.10:80", clusternet.Refused)
		cluster.Add(endpoints("shop", "web", true, "10.244.0.5"), endpoints("other", "api", true, "10.244.0.6"))
		want(t, source, "10.96.0.10:80", clusternet.Ready)
		want(t, source, "10.96.0.20:80", clusternet.Ready)
		no := false
		kubetest.Edit(cluster, "shop", "web-1", func(s *discoveryv1.EndpointSlice) {
			s.Endpoints[0].Conditions.Ready = &no
		})
		want(t, source, "10.96.0.10:80", clusternet.Refused)
		kubetest.Delete[corev1.Service](cluster, "other", "api")
		if source.Table().Service("other", "api") != nil {
			synctest.Wait()
			if source.Table().Service("other", "api") != nil {
				t.Error("the Service is gone")
			}
		}
		want(t, source, "10.96.0.20:80", clusternet.Unknown) // of the Services' range
	})
}

// Whoever has rights in one namespace sees its Services and pods, and the ranges that they show.
func TestWatchOneNamespace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster := kubetest.New([]string{"shop", "other"})
		cluster.Add(service("shop", "web", "10.96.0.10"), service("other", "api", "10.97.0.20"),
			endpoints("shop", "web", true, "10.244.0.5"))
		cluster.Add(&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "tool"},
			Status:     corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: "10.245.0.9"}}},
		})
		cluster.Confine("ada", "shop")
		var denied []string
		cluster.Inject(func(q kubetest.Request) kubetest.Fault {
			if q.Namespace != "shop" && q.Resource != "selfsubjectaccessreviews" {
				denied = append(denied, q.Verb+" "+q.Resource)
			}
			return kubetest.None
		})
		source := watch(t, cluster)
		if len(denied) != 0 {
			t.Errorf("asked for what ada may not have: %v", denied)
		}
		table := source.Table()
		if table.All() || !table.Knows("shop") || table.Knows("other") {
			t.Error("only shop is known")
		}
		want(t, source, "10.96.0.10:80", clusternet.Ready)
		want(t, source, "10.245.3.3:80", clusternet.Unknown)
		want(t, source, "10.100.0.9:443", clusternet.Outside)
		want(t, source, "10.97.0.20:80", clusternet.Outside)
		source.Learn(netip.MustParseAddr("10.100.0.1"))
		source.Learn(netip.MustParseAddr("10.97.0.20"), netip.MustParseAddr("192.168.1.9"),
			netip.MustParseAddr("8.8.8.8"))
		want(t, source, "10.97.0.20:80", clusternet.Unknown)
		want(t, source, "10.100.0.9:443", clusternet.Unknown)
		want(t, source, "192.168.1.9:80", clusternet.Outside)
		want(t, source, "8.8.8.8:80", clusternet.Outside)
	})
}

// Whoever may not list Services is told so, and does not wait.
func TestWatchForbidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster := kubetest.New([]string{"shop"})
		cluster.Forbid("ada", "list", "services")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		source := clusternet.Watch(ctx, cluster.Client(t, "ada", "shop"), func() []netip.Prefix { return nil })
		if err := source.Listed(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("%v", err)
		}
		if source.Table().Knows("shop") {
			t.Error("what can't be listed is not known")
		}
		cancel()
		source.Wait()
	})
}

// What the user has said holds whatever the cluster shows, and Services are listed with their labels.
func TestRule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster := kubetest.New([]string{"shop", "other"})
		web := service("shop", "web", "10.96.0.10")
		web.Labels = map[string]string{"tier": "front"}
		cluster.Add(web, service("other", "api", "10.96.0.20"))
		source := watch(t, cluster)
		changed := source.Changed()
		source.Rule(false, netip.MustParsePrefix("10.96.0.20/32"))
		source.Rule(true, netip.MustParsePrefix("192.168.1.7/24"), netip.MustParsePrefix("8.8.8.8/32"))
		select {
		case <-changed:
		default:
			t.Error("a rule is a change")
		}
		want(t, source, "10.96.0.20:80", clusternet.Outside)
		want(t, source, "192.168.1.9:80", clusternet.Unknown)
		want(t, source, "8.8.8.8:53", clusternet.Unknown)
		changed = source.Changed()
		source.Rule(true, netip.MustParsePrefix("8.8.8.8/32"), netip.Prefix{})
		select {
		case <-changed:
			t.Error("the same rule once more is none")
		default:
		}
		all := source.Table().Services()
		if len(all) != 2 || all[0].Name != "api" || all[1].Name != "web" || all[1].Labels["tier"] != "front" {
			t.Errorf("%+v", all)
		}
	})
}
