package node

import (
	"encoding/json"
	"fmt"
)

// writeConfigs writes the configuration files of containerd, CNI, kubelet, kube-proxy and CoreDNS.
func writeConfigs(p *Plan) error {
	for name, text := range map[string]string{
		"etc/containerd.toml":            containerdConfig(p),
		"etc/cni/10-playground.conflist": cniConfig(p),
		"etc/kubelet.yaml":               kubeletConfig(p),
		"etc/kube-proxy.yaml":            proxyConfig(p),
		"etc/Corefile":                   corefile(p),
		"etc/resolv.conf":                "nameserver " + p.NodeIP().String() + "\n",
		"etc/base.yaml":                  baseManifest(p),
	} {
		if err := writeFile(p.path(name), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// volumesName is the provisioner that makes the playground's volumes, volumesHealth where it says whether it can.
const (
	volumesName   = "playground.local/volumes"
	volumesHealth = "127.0.0.1:10300"
)

// pauseImage is the sandbox image, which is made here.
const pauseImage = "playground.local/pause:1"

func containerdConfig(p *Plan) string {
	return fmt.Sprintf(`version = 3
root = %q
state = %q
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = %q
[plugins."io.containerd.metadata.v1.bolt"]
  # A playground starts over anyway after a crash of the computer.
  no_sync = true
[plugins."io.containerd.cri.v1.runtime"]
  # A computer that is itself a container may not lower oom_score_adj.
  restrict_oom_score_adj = true
  # So that pods' network namespaces go with the rest.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = %q
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = %q
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = %q
`, p.path("containerd"), "/run/"+p.Netns()+"/containerd", p.socket(), p.path("etc", "cni"),
		p.binary("containerd-shim-runc-v2"), pauseImage)
}

// cniConfig joins pods by routes instead of a bridge, so that replies always pass the node's connection tracking.
func cniConfig(p *Plan) string {
	return fmt.Sprintf(`{"cniVersion": "1.0.0", "name": %q, "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": %q,
    "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}]}
`, p.podNetwork(), p.path("cni"), p.Pods)
}

// kubeletConfig keeps every folder inside the playground's own: kubelets remove the logs of pods that they don't know.
func kubeletConfig(p *Plan) string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %s}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: %s
clusterDNS: [%s]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://%s
evictionHard: {memory.available: 100Mi, nodefs.available: 1%%, imagefs.available: 1%%, nodefs.inodesFree: 1%%}
failCgroupV1: false
failSwapOn: false
fileCheckFrequency: 0s
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
maxPods: 200
nodeStatusUpdateFrequency: 5s
podLogsDir: %s
protectKernelDefaults: false
registerNode: true
resolvConf: %s
serializeImagePulls: false
syncFrequency: 10s
volumePluginDir: %s
`, p.path("pki", "ca.crt"), p.Cgroup(), p.DNSService(), p.socket(), p.path("log", "pods"), p.path("etc", "resolv.conf"),
		p.path("kubelet", "flexvolumes"))
}

func proxyConfig(p *Plan) string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: %s}
clusterCIDR: %s
conntrack: {maxPerCore: 0}
mode: iptables
iptables: {minSyncPeriod: 0s, syncPeriod: 30s}
`, p.path("kubeconfig", "kube-proxy"), p.Pods)
}

// corefile answers for the cluster's names alone: pods have no other network.
func corefile(p *Plan) string {
	return fmt.Sprintf(`.:53 {
    bind %[1]s
    errors
    ready %[1]s:8181
    cache 2
    kubernetes cluster.local in-addr.arpa {
        kubeconfig %[2]s
        ttl 2
    }
}
`, p.NodeIP(), p.path("kubeconfig", "coredns"))
}

// baseManifest has what a cluster needs besides its processes: the DNS Service and a default StorageClass.
func baseManifest(p *Plan) string {
	objects := []map[string]any{
		{
			"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
			"metadata": map[string]any{"name": "standard",
				"annotations": map[string]any{"storageclass.kubernetes.io/is-default-class": "true"}},
			"provisioner": volumesName, "reclaimPolicy": "Delete",
		},
		{
			"apiVersion": "v1", "kind": "Service",
			"metadata": map[string]any{"name": "kube-dns", "namespace": "kube-system"},
			"spec": map[string]any{"clusterIP": p.DNSService().String(), "ports": []any{
				map[string]any{"name": "dns", "port": 53, "protocol": "UDP"},
				map[string]any{"name": "dns-tcp", "port": 53, "protocol": "TCP"}}},
		},
		{
			"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
			"metadata": map[string]any{"name": "kube-dns", "namespace": "kube-system",
				"labels": map[string]any{"kubernetes.io/service-name": "kube-dns"}},
			"ports": []any{
				map[string]any{"name": "dns", "port": 53, "protocol": "UDP"},
				map[string]any{"name": "dns-tcp", "port": 53, "protocol": "TCP"}},
			"endpoints": []any{
				map[string]any{"addresses": []any{p.NodeIP().String()}, "conditions": map[string]any{"ready": true}},
			},
		},
	}
	text := ""
	for _, o := range objects {
		data, _ := json.Marshal(o) // maps of strings and numbers always marshal
		text += string(data) + "\n---\n"
	}
	return text
}
