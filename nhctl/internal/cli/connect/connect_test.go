package connect

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// A shell's own exceptions stay, and the API servers are reached without the proxy, in both cases of each name.
func TestVariables(t *testing.T) {
	t.Parallel()
	env := map[string]string{"NO_PROXY": "intra.example, 10.0.0.0/8,localhost"}
	var b strings.Builder
	export(&b, way.Proxied(1080, env, []string{"api.example", "it's odd"}))
	const direct = `'localhost,127.0.0.1,::1,intra.example,10.0.0.0/8,api.example,it'\''s odd'`
	want := `export ALL_PROXY='socks5h://127.0.0.1:1080'
export HTTPS_PROXY='http://127.0.0.1:1080'
export HTTP_PROXY='http://127.0.0.1:1080'
export NO_PROXY=` + direct + `
export all_proxy='socks5h://127.0.0.1:1080'
export http_proxy='http://127.0.0.1:1080'
export https_proxy='http://127.0.0.1:1080'
export no_proxy=` + direct + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	describe(&b, rpc.Session{Namespace: "shop", Tunnel: &rpc.Tunnel{Port: 1090}})
	const want = "connected: SOCKS5 and HTTP proxy on 127.0.0.1:1090 (namespace shop)\n"
	if got := b.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "nhctl disconnect") {
		t.Error(got)
	}
}

// Words that are neither networks nor names are refused before anything is looked at.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, o := range []*Options{{Also: []string{"a b"}}, {Never: []string{"0.0.0.0/0"}}} {
		if p := problem.From(run(t.Context(), &factory.Factory{}, o)); p.Code != problem.Usage {
			t.Errorf("%+v: %s: %s", o, p.Code, p.Message)
		}
	}
}

// The API servers are left out of the routes; each by its own address.
func TestExcluded(t *testing.T) {
	t.Parallel()
	got, err := excluded(t.Context(), []string{"192.0.2.7", "fd00::7"})
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("fd00::7/128")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
