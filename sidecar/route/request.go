package route

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// request is what conditions look at, of whichever version of HTTP.
type request struct {
	method, target string
	fields         []field
}

// field is a line of a head: its name in lower case.
type field struct{ name, value string }

// values are those of a header, one for each of its lines.
func (r *request) values(name string) (all []string) {
	for _, f := range r.fields {
		if f.name == name {
			all = append(all, f.value)
		}
	}
	return all
}

// path is that of the target, without its query.
func (r *request) path() string {
	target := r.target
	if _, rest, absolute := strings.Cut(target, "://"); absolute && !strings.HasPrefix(target, "/") {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			target = rest[slash:]
		} else {
			target = "/"
		}
	}
	path, _, _ := strings.Cut(target, "?")
	return path
}

// listed are the members of a header that is a list, in lower case.
func (r *request) listed(name string) (all []string) {
	for _, value := range r.values(name) {
		for member := range strings.SplitSeq(value, ",") {
			all = append(all, strings.ToLower(strings.TrimSpace(member)))
		}
	}
	return all
}

// baggage are the values that an entry has in a W3C baggage header, decoded.
func baggage(list, name string) (all []string) {
	for member := range strings.SplitSeq(list, ",") {
		entry, _, _ := strings.Cut(member, ";")
		key, value, _ := strings.Cut(entry, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			value = strings.TrimSpace(value)
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
			all = append(all, value)
		}
	}
	return all
}

// checkers are what the User-Agent of health checks begins with, which load balancers and others send.
func checkers() []string {
	return []string{"kube-probe/", "elb-healthchecker/", "googlehc/", "consul health check", "envoy/hc"}
}

// checksHealth says whether a request is a known health checker's.
func (r *request) checksHealth() bool {
	for _, agent := range r.values("user-agent") {
		for _, prefix := range checkers() {
			if strings.HasPrefix(strings.ToLower(agent), prefix) {
				return true
			}
		}
	}
	return false
}

// probes says whether a request looks like one of the probes of a port.
func (r *request) probes(port int, known []Probe) bool {
	if r.method != http.MethodGet && r.method != http.MethodHead {
		return false
	}
	return slices.Contains(known, Probe{Port: port, Path: r.path()})
}

// upgrades says whether a request asks for another protocol from there on.
func (r *request) upgrades() bool {
	return r.method == http.MethodConnect || len(r.values("upgrade")) > 0
}

// token says whether a text is one of HTTP's tokens, such as the name of a header.
func token(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return text != ""
}
