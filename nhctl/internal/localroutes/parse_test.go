package localroutes

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

var equalPrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func local(network, by string) clusternet.Local {
	return clusternet.Local{Network: netip.MustParsePrefix(network), By: by}
}

// row is a line as the kernel of this machine prints it.
func row(device, network string, flags int) string {
	p := netip.MustParsePrefix(network)
	word := func(b []byte) string { return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(b)) }
	to := p.Addr().As4()
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-p.Bits()))
	return fmt.Sprintf("%s\t%s\t00000000\t%04X\t0\t0\t0\t%s\t0\t0\t0\n", device, word(to[:]), flags, word(mask))
}

func TestParse4(t *testing.T) {
	t.Parallel()
	const up, reject = 1, 0x200
	table := "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n" +
		row("eth0", "0.0.0.0/0", up) + row("eth0", "192.168.1.0/24", up) + row("wg0", "10.0.0.0/8", up) +
		row("nhctl1", "10.96.0.0/16", up) + row("eth0", "169.254.0.0/16", up) + row("eth0", "10.1.0.0/16", up|reject) +
		"nonsense\n" + "eth0 ZZ 0 1 0 0 0 FF 0 0 0\n"
	want := []clusternet.Local{local("192.168.1.0/24", "device eth0"), local("10.0.0.0/8", "device wg0")}
	got := parse4(table)
	if diff := cmp.Diff(want, got, equalPrefixes); diff != "" {
		t.Fatal(diff)
	}
	if VPN(got[0]) || !VPN(got[1]) || VPN(local("10.0.0.1/32", "name server")) {
		t.Error("wg0 is a VPN, eth0 is none")
	}
}

func TestParse6(t *testing.T) {
	t.Parallel()
	zero := strings.Repeat("0", 32)
	line := func(network string, length int, flags int, device string) string {
		return fmt.Sprintf("%s %02x %s 00 %s 00000400 00000001 00000000 %08x %8s\n", network, length, zero, zero, flags,
			device)
	}
	fd00 := "fd000001" + strings.Repeat("0", 24)
	table := line(fd00, 64, 1, "eth0") + line(zero, 0, 1, "eth0") + line("fe8"+strings.Repeat("0", 29), 64, 1, "eth0") +
		line(zero, 0, 0x200201, "lo") + "nonsense\n"
	want := []clusternet.Local{local("fd00:1::/64", "device eth0")}
	if diff := cmp.Diff(want, parse6(table), equalPrefixes); diff != "" {
		t.Error(diff)
	}
}

func TestNameServers(t *testing.T) {
	t.Parallel()
	got := NameServers([]netip.AddrPort{
		netip.MustParseAddrPort("127.0.0.53:53"), netip.MustParseAddrPort("10.1.2.3:53"),
	})
	want := []clusternet.Local{local("10.1.2.3/32", "name server")}
	if diff := cmp.Diff(want, got, equalPrefixes); diff != "" {
		t.Error(diff)
	}
}
