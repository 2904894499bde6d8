package localnames

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// A taken port is named with its owner, and stays its owner's; no address beyond loopback is listened on.
func TestListen(t *testing.T) {
	t.Parallel()
	l, err := Listen(t.Context(), at("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(t.Context(), netip.MustParseAddrPort(l.Addr().String()))
	p := problem.From(err)
	owner := fmt.Sprintf("(process %d)", os.Getpid())
	if p.Code != problem.PortTaken || runtime.GOOS == "linux" && !strings.Contains(p.Message, owner) {
		t.Errorf("%s: %s", p.Code, p.Message)
	}
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		if l, err := Listen(t.Context(), at(address)); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%v, %v", l, err)
		}
	}
}
