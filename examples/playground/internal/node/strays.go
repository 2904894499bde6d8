package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// strays returns the files of a playground in folders that all container runtimes of a computer share, whose paths are
// fixed in their sources: sockets of containerd's shims, results of network plugins, and the kubelet's links to logs.
// The folders themselves stay. root is "/" but in tests.
func strays(p *Plan, root string) []string {
	var found []string
	// A shim that ends by itself removes its socket; those that were killed are named here.
	bundles, _ := filepath.Glob(filepath.Join(root, "run", p.Netns(), "containerd", "io.containerd.runtime.v2.task",
		"*", "*", "bootstrap.json"))
	for _, file := range bundles {
		var bootstrap struct{ Address string }
		data, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(data, &bootstrap) != nil {
			continue
		}
		if socket, ok := strings.CutPrefix(bootstrap.Address, "unix:///run/containerd/s/"); ok &&
			filepath.Base(socket) == socket {
			found = append(found, filepath.Join(root, "run/containerd/s", socket))
		}
	}
	results, _ := filepath.Glob(filepath.Join(root, "var/lib/cni/results", p.podNetwork()+"-*"))
	found = append(found, results...)
	links, _ := filepath.Glob(filepath.Join(root, "var/log/containers", "*.log"))
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, p.path("log", "pods")+"/") {
			found = append(found, link)
		}
	}
	return found
}

// podNetwork is the name by which network plugins know the pods' network.
func (p *Plan) podNetwork() string { return p.Netns() + "-" + p.id() }
