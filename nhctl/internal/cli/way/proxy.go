package way

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Proxied are the variables by which most programs find a tunnel's proxy, in the cases that one or the other looks for.
// The API servers of the caller's kubeconfig are reached without: the tunnel itself leads through one of them.
func Proxied(port int, env map[string]string, servers []string) map[string]string {
	proxy := fmt.Sprintf("127.0.0.1:%d", port)
	direct := []string{"localhost", "127.0.0.1", "::1"}
	for _, host := range slices.Concat(strings.Split(cmp.Or(env["NO_PROXY"], env["no_proxy"]), ","), servers) {
		if host = strings.TrimSpace(host); host != "" && !slices.Contains(direct, host) {
			direct = append(direct, host)
		}
	}
	all := map[string]string{}
	for name, value := range map[string]string{
		"ALL_PROXY":   "socks5h://" + proxy,
		"HTTP_PROXY":  "http://" + proxy,
		"HTTPS_PROXY": "http://" + proxy,
		"NO_PROXY":    strings.Join(direct, ","),
	} {
		all[name], all[strings.ToLower(name)] = value, value
	}
	return all
}
