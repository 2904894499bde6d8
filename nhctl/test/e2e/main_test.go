//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
)

// shared is the cluster under test.
var shared *cluster

func TestMain(m *testing.M) {
	if do, ok := insideCommands()[os.Getenv(insideStage)]; ok {
		if err := do(); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	c, err := connect()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	shared = c
	os.Exit(m.Run())
}

const (
	catalog   = "examples/bookshop/catalog"
	manifests = repository + "/examples/bookshop/manifests/"
)

// shop makes a namespace with the bookshop's catalog and what it needs. Without redis the stock is 0, which no test
// minds; the ones about the whole shop deploy it all.
func shop(t *testing.T) string {
	t.Helper()
	return shopOf(t, "catalog")
}

// shopOf has some services of the bookshop.
func shopOf(t *testing.T, services ...string) string {
	t.Helper()
	ns := shared.namespace(t)
	shared.apply(t, ns, manifests+"settings.yaml")
	for _, service := range services {
		shared.apply(t, ns, manifests+service+".yaml")
	}
	for _, service := range services {
		shared.deploymentReady(t, ns, service)
	}
	return ns
}
