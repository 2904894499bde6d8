package hack

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/sidecar/contract"
)

const (
	module   = "github.com/nhctl/nhctl/"
	internal = module + "nhctl/internal/"

	syncthing = "github.com/syncthing/syncthing/lib/"
)

// imports maps each package of the module, and each that those link, to what it imports itself. The tags are the
// binaries' own.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-tags", "noassets,noquic,noupgrade", "-f",
		`{{.ImportPath}} {{join .Imports " "}}`, module+"...")
	list.Env = append(os.Environ(), "GOOS=linux") // the sidecar's
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		all[words[0]] = words[1:]
	}
	for _, binary := range []string{module + "nhctl", module + "sidecar"} {
		if len(all[binary]) == 0 {
			t.Fatalf("%s is not among the %d packages", binary, len(all))
		}
	}
	return all
}

// within says whether a package is one of some, or lies in a folder of theirs.
func within(pkg string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return contract.Within(pkg, root)
	})
}

// chain is the shortest way by which a package links a forbidden one, without looking behind closed ones; nil when
// there is none.
func chain(imports map[string][]string, from string, forbidden, closed []string) []string {
	seen := map[string]bool{from: true}
	ways := [][]string{{from}}
	for len(ways) > 0 {
		way := ways[0]
		ways = ways[1:]
		for _, next := range imports[way[len(way)-1]] {
			longer := append(slices.Clone(way), next)
			if within(next, forbidden) {
				return longer
			}
			if !seen[next] && !within(next, closed) {
				seen[next] = true
				ways = append(ways, longer)
			}
		}
	}
	return nil
}

// Rooms that only some may enter, directly or by way of others, and why.
func TestImports(t *testing.T) {
	t.Parallel()
	under := func(parent string, names ...string) (list []string) {
		for _, name := range names {
			list = append(list, parent+name)
		}
		return list
	}
	rules := []struct {
		importers, forbidden []string
		reason               string
		but                  []string
	}{
		{under(module, ""), under("k8s.io/", "client-go"),
			"one place talks to the API server, so that errors, credentials and limits are one place's matter",
			under(internal, "kube")},
		{under(module, ""), under("k8s.io/", "kubernetes", "apiserver"),
			"the playground's dependencies never reach the product", nil},
		{under(module, ""), under("github.com/", "syncthing/syncthing"),
			"one place knows the engine, so that another version or another engine is that place's matter",
			under(module, "sidecar/filesync")},
		{under(module, "sidecar"), under(module, "nhctl"),
			"the sidecar is the smaller program, and runs in other people's pods", nil},
		{under(module, "sidecar"), under("", "k8s.io"),
			"the sidecar has no business with the API server, and client-go alone is bigger than all of it", nil},
		{under(module, "sidecar"), under("github.com/", "spf13/cobra"), "the standard library's flags are enough",
			nil},
		{under(module, "sidecar"), under("github.com/", "go-delve"), "debuggers belong to the dev image", nil},
		{under(module+"sidecar/filesync/", "fill", "folderfs", "ignore"), under(syncthing, "model"),
			"the engine alone runs the model", nil},
		{under(module+"sidecar/filesync/", "fill", "folderfs"), under(module, "sidecar/wire"),
			"streams are given by whoever has a carrier", nil},
		{under(module+"sidecar/filesync/", "kept", "rooted"), under("", syncthing),
			"kept versions are plain files, and rooted is about directories", nil},
		{under(module, "sidecar/filesync/rooted"), under(module, "sidecar/contract"), "it knows nothing of pods", nil},
		{under(internal, "cli"),
			under(internal, "devmode", "devsession", "tunnelsession", "routesession", "front", "session",
				"daemon/dispatch", "daemon/registry"),
			"commands parse flags and call the daemon by its client", nil},
		{under(internal, "cli/factory"), under(internal, "kube"),
			"most commands need no client-go, and their tests are linked without it", nil},
		{under(internal, "daemon/client"),
			under(internal, "devsession", "session", "daemon/dispatch", "daemon/registry", "kube"),
			"the client links no server", nil},
		{under(internal, "ide"),
			slices.Concat(
				under(internal, "app", "cli", "config", "devmode", "devsession", "tunnelsession", "kube", "session"),
				under(internal, "daemon/dispatch", "daemon/registry", "daemon/subscription", "daemon/topics"),
			),
			"the bridge passes calls on, and knows nothing of what they do", nil},
		{under(internal, "dap"),
			under(internal, "cli", "devmode", "devsession", "session", "daemon/dispatch", "daemon/registry", "kube"),
			"the debug adapter knows sessions by calls to the daemon",
			under(internal, "dap/dapschema", "dap/gen")},
		{under(internal, "daemon/rpc"),
			slices.Concat(
				under(module+"sidecar/", "contract", "endpoint", "filesync", "resume", "supervise", "wire"),
				under(internal, "config", "kube", "record", "session", "workload"),
			),
			"the protocol has types of its own: clients see no others",
			under(internal, "daemon/rpc/rpcschema")},
		{under(internal, "daemon/dispatch"), under(internal, "session", "devsession", "kube", "config"),
			"JSON-RPC knows methods by their names alone", nil},
		{under(internal, "daemon/subscription"),
			under(internal, "kube", "session", "daemon/dispatch", "daemon/registry"),
			"how updates are made of a state knows neither clusters nor connections", nil},
		{under(internal, "daemon/topics"), under(internal, "devsession", "devmode", "config"),
			"topics show what the cluster and the registry have, and do nothing", nil},
		{under(internal, "daemon/registry", "session"), under(internal, "devsession", "devmode", "config"),
			"what every kind has knows no kind", nil},
		{under(internal, "session"), under(module, "sidecar/filesync"), "what every kind has knows no kind", nil},
		{under(internal, "held"),
			under(internal, "devsession", "devmode", "config", "tunnelsession", "routesession", "gateway", "front"),
			"what tunnels and routes have in common knows neither", nil},
		{under(internal, "tunnelsession", "gateway"),
			under(internal, "devsession", "devmode", "config", "routesession", "front"),
			"a tunnel takes no workload into dev mode, and knows no config", nil},
		{under(internal, "routesession", "front"),
			under(internal, "devsession", "devmode", "config", "tunnelsession", "gateway"),
			"a route is of a Service, and knows no config", nil},
		{under(internal, "front"), under(internal, "session", "daemon", "tunnel", "gatewayclient"),
			"a front is objects of the cluster: what goes through it is not its matter", nil},
		{under(internal, "devsession"), under(internal, "tunnelsession", "routesession", "gateway", "front"),
			"kinds know nothing of each other",
			under(internal, "devsession/sessiontest")},
		{under(internal, "socks", "gatewayclient"), under(internal, "kube", "session", "daemon", "tunnel"),
			"a proxy and its dialler know the cluster by a function that opens streams", nil},
		{under(internal, "podenv", "podfiles"), under(internal, "kube", "session", "daemon", "tunnel", "gatewayclient"),
			"what a command gets of a pod is no matter of how it comes here", nil},
		{under(internal, "gateway"), under(internal, "session", "daemon", "tunnel", "socks"),
			"a gateway is an object of the cluster: what goes through it is not its matter", nil},
		{under(module+"sidecar/", "agent"), under(module+"sidecar/", "endpoint", "filesync", "supervise"),
			"an agent's pod has neither sources nor programs", nil},
		{under(module+"sidecar/", "route"), under(module+"sidecar/", "agent", "contract", "endpoint", "token"),
			"traffic is led by functions that connect, whatever those use", nil},
		{under(internal, "devmode", "record"), under(internal, "daemon"), "imports go downwards only", nil},
		{under(internal, "lease"), under(internal, "devmode", "devsession", "session", "daemon", "config"),
			"sessions of every kind hold a Lease", nil},
		{under(internal, "devsession/plan"), under(internal, "devsession/folders", "session", "daemon/registry"),
			"a plan does nothing", nil},
		{under(internal, "devsession/commands"),
			under(internal, "devsession/folders", "session", "daemon/registry", "daemon/dispatch"),
			"commands know their session by an interface: calls never run back up", nil},
		{under(internal, "cli/dev"), under(internal, "cli/dev", "cli/daemon"), "commands don't import each other", nil},
		{under(internal, "cli/daemon"), under(internal, "cli/dev", "cli/daemon"), "commands don't import each other",
			nil},
		{under(internal, "record"), under(internal, "daemon", "devmode", "kube"),
			"records are data that others may write: what checks them does nothing with them", nil},
		// the types of objects bring it along
		{under(internal, "workload"), under("", "net/http"), "workload is pure", under("", "k8s.io")},
		{under(internal, "config/source", "config/node", "config/edit", "config/outline"),
			under(internal, "workload"),
			"text and YAML nodes know no field: neither workloads, nor the config, which links them", nil},
		{under(internal, "config/node"), under(internal, "config/source", "config/edit"),
			"nodes know nothing of the text that they come from", nil},
		{under(internal, "config/outline"), under("", "go.yaml.in/yaml"),
			"an outline is of text that may be no YAML yet", nil},
		{under(internal, "lsp"),
			under(internal, "daemon", "devmode", "devsession", "session", "lease", "kube", "tunnel", "debugger"),
			"the language server works without a cluster and without a daemon, and runs nothing", nil},
		{under(module, ""), under("gvisor.dev/", "gvisor"),
			"one place knows the network stack, so that another one is that place's matter",
			under(internal, "netstack")},
		{under(internal, "netstack", "enclosure", "loopback", "netlink", "controlsocket"),
			under(internal, "kube", "clusternet", "daemon", "session", "tunnel", "cli"),
			"each part of a command's network stands alone, and is tested alone", nil},
		{under(internal, "clusternet", "clusterdns"), under(internal, "daemon", "session", "tunnel", "cli"),
			"each part of a command's network stands alone, and is tested alone", nil},
		{under(internal, "localrun"),
			under(internal, "daemon", "session", "tunnelsession", "gatewayclient", "gatewaylink", "cli"),
			"a run knows the gateway by an interface", nil},
		{under(internal, "sharedfile", "hostsfile", "journal"), under(internal, "kube", "clusternet", "daemon", "cli"),
			"what is changed on this computer knows no cluster", nil},
		{under(internal, "netsetup"), under(internal, "kube", "daemon", "netstack", "cli"),
			"whoever is root carries no packet, and knows no cluster", nil},
		{under(internal, "localnames", "computer"),
			under(internal, "daemon", "session", "tunnelsession", "gatewayclient", "gatewaylink", "cli"),
			"names know the way into the cluster by a function", nil},
		{under(internal, "lsp/protocol"), under(module, "nhctl", "sidecar"),
			"a protocol's types know no config", nil},
		{under(internal, "daemon", "devmode", "tunnel", "config", "lsp"), under(internal, "app", "cli"),
			"imports go downwards only", nil},
		{under(internal, "workload", "kube", "localsync"),
			under(internal, "app", "cli", "daemon", "devmode", "tunnel", "config"), "imports go downwards only", nil},
	}
	all := imports(t)
	for _, rule := range rules {
		applies := false
		for pkg := range all {
			if !within(pkg, rule.importers) || within(pkg, rule.but) {
				continue
			}
			applies = true
			// What an importer has by way of another one is that one's fault.
			if way := chain(all, pkg, rule.forbidden, slices.Concat(rule.importers, rule.but)); way != nil {
				t.Errorf("%s: %s", strings.Join(way, " -> "), rule.reason)
			}
		}
		if !applies {
			t.Errorf("there is no package %v any more: the rule guards nothing (%s)", rule.importers, rule.reason)
		}
	}
}
