//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// A front whose computers are gone restores its Service by itself, and leaves nothing.
func TestFrontRestoresItsService(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	before := shared.mustSnapshot(t, e.ns)
	local, _ := localServer(t, "mine")
	e.must("", "exchange", "catalog:80:"+local, "--abandon-after", "10s")
	e.comes(t, "mine", "")
	e.must("", "daemon", "stop")
	e.restored(t, before)
	text, err := shared.get(t.Context(), e.ns, "catalog", "/books")
	if !strings.Contains(text, original) || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	eventually(t, time.Minute, "its computer forgets the route", func(context.Context) error {
		for _, s := range query[[]rpc.Session](e.developer, "", "status") {
			if s.Route != nil {
				return fmt.Errorf("%+v", s.Route)
			}
		}
		return nil
	})
	e.must("", "disconnect")
}

// A colleague's clean leaves alone what someone holds, unless it is named, and removes what a dead computer has left.
func TestClean(t *testing.T) {
	t.Parallel()
	e := newExchanging(t)
	other := shared.developer(t, e.ns)
	before := shared.mustSnapshot(t, e.ns)
	local, _ := localServer(t, "mine")
	e.must("", "exchange", "catalog:80:"+local)
	other.must("", "clean", "--yes")
	e.comes(t, "mine", "")
	id := ""
	for _, l := range query[[]rpc.Leftover](other, "", "clean") {
		if l.Kind == rpc.KindRoute && l.State == rpc.LeftoverHeld {
			id = l.Session
		}
	}
	if id == "" {
		t.Fatal("the route is not listed as someone else's")
	}
	other.must("", "clean", "--yes", "--others", id)
	e.restored(t, before)
	e.must("", "exchange", "catalog:80:"+local)
	e.must("", "clean", "--yes") // one's own, the tunnel included
	shared.restoredBut(t, e.ns, before, "leases/nhctl-tunnel-", "jobs/nhctl-gateway-", "pods/nhctl-gateway-",
		"secrets/nhctl-gateway-")
}
