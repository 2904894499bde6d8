// Command kube is every program of a one-node Kubernetes in one binary: its first argument (or the name it is called
// by) says which. One binary shares the libraries that they all link.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func main() {
	os.Exit(run(os.Args))
}

// run calls the program that the first argument names, with the rest as its arguments.
func run(args []string) int {
	programs := map[string]func(argv []string) int{
		"etcd":                    func(argv []string) int { etcdmain.Main(argv); return 0 },
		"coredns":                 runCoreDNS,
		"kube-apiserver":          command(apiserver.NewAPIServerCommand),
		"kube-controller-manager": command(controllermanager.NewControllerManagerCommand),
		"kube-scheduler":          command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
		"kube-proxy":              command(proxy.NewProxyCommand),
		"kubelet": command(func() *cobra.Command {
			return kubelet.NewKubeletCommand(context.Background())
		}),
		"kubectl": command(kubectl.NewDefaultKubectlCommand),
		"volumes": command(newVolumesCommand),
	}
	if name := filepath.Base(args[0]); programs[name] == nil {
		args = args[1:]
	}
	if len(args) > 0 {
		if program := programs[filepath.Base(args[0])]; program != nil {
			os.Args = args // several of the programs read their arguments from here
			return program(args)
		}
	}
	names := make([]string, 0, len(programs))
	for name := range programs {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(os.Stderr, "usage: kube PROGRAM ARGS...; the programs are %s\n", strings.Join(names, ", "))
	return 2
}

func command(make func() *cobra.Command) func([]string) int {
	return func([]string) int { return cli.Run(make()) }
}

func runCoreDNS([]string) int {
	dnsserver.Directives = []string{"bind", "health", "ready", "errors", "cache", "kubernetes"}
	coremain.Run()
	return 0
}
