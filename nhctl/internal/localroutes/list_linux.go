package localroutes

import (
	"io"
	"os"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

// maxTable limits how much of a kernel's table is read, in bytes.
const maxTable = 16 << 20

// List lists the networks.
func List() []clusternet.Local {
	return append(parse4(table("/proc/self/net/route")), parse6(table("/proc/self/net/ipv6_route"))...)
}

func table(name string) string {
	f, err := os.Open(name)
	if err != nil { // a kernel without IPv6
		return ""
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, maxTable))
	return string(data)
}
