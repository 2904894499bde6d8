package status

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// A tunnel is up only when its gateway has answered.
func TestShow(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)
	since := time.Now().Add(-2 * time.Minute)
	tunnel := func(id string, t rpc.Tunnel) rpc.Session {
		return rpc.Session{ID: id, Context: "test", Namespace: "shop", Kind: rpc.KindTunnel, Since: since, Tunnel: &t}
	}
	var b strings.Builder
	show(&b, []rpc.Session{
		tunnel("00000001", rpc.Tunnel{Port: 1080, RoundTrip: 7.6, Open: 1, Opened: 9, Failed: 3, Sent: 2, Received: 5}),
		tunnel("00000002", rpc.Tunnel{Port: 1081, Reason: "the gateway's pod is on its way"}),
		{
			ID:        "00000003",
			Context:   "test",
			Namespace: "shop",
			Workload:  "deployment/web",
			Mode:      rpc.Replace,
			Since:     since,
			Link:      &event.LinkData{State: "up"},
			Notices:   []string{"someone scaled it"},
		},
		{ID: "00000004", Workload: "deployment/db", Mode: rpc.Duplicate},
		{
			ID:        "00000005",
			Context:   "test",
			Namespace: "shop",
			Kind:      rpc.KindRoute,
			Since:     since,
			Route: &rpc.Route{Service: "api", RoundTrip: 2, Matched: 3, Passed: 4, FailedOpen: 1, Errors: 1, Direct: 6,
				Last: []rpc.RoutedRequest{
					{Time: noon, Method: "GET", Path: "/a", Status: 200},
					{Time: noon, Method: "PUT", Path: "/b", Status: 404, FailedOpen: "refused"},
					{Time: noon, Method: "GET", Path: "/c"},
				}},
		},
		{
			ID:    "00000006",
			Kind:  rpc.KindRoute,
			Since: since,
			Route: &rpc.Route{Service: "api", Matches: []rpc.Match{{Of: "path", Value: "/"}}, Reason: "it is starting"},
		},
		{
			ID:    "00000007",
			Kind:  rpc.KindRoute,
			Since: since,
			Route: &rpc.Route{Service: "api", Mirror: true, RoundTrip: 2, Matched: 3, Dropped: 4, Errors: 5},
		},
	})
	const route = "up, 2 ms, 0 open, 3 matched, 4 passed, 1 failed open, 1 errors, 6 direct"
	const copied = "up, 2 ms, 0 open, 3 copied, 0 passed, 4 dropped, 5 errors"
	const up = "up, 8 ms, 1 open, 9 so far, 3 failed, 2 B sent, 5 B received"
	want := `CONTEXT  NAMESPACE  SESSION   WHAT                           SINCE  STATE
test     shop       00000001  tunnel (proxy 127.0.0.1:1080)  2m     ` + up + `
test     shop       00000002  tunnel (proxy 127.0.0.1:1081)  2m     down: the gateway's pod is on its way
test     shop       00000003  deployment/web (replace)       2m     up
                    00000004  deployment/db (duplicate)      -      not served
test     shop       00000005  exchange of Service api        2m     ` + route + `
                    00000006  mesh of Service api            2m     down: it is starting
                    00000007  mirror of Service api          2m     ` + copied + `

ROUTE                    TIME      METHOD  PATH  ANSWER
exchange of Service api  12:00:00  GET     /a    200
exchange of Service api  12:00:00  PUT     /b    404 by an original: refused
exchange of Service api  12:00:00  GET     /c    none
note: deployment/web (replace) in namespace shop: someone scaled it
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	show(&b, nil)
	if got := b.String(); !strings.Contains(got, "nhctl connect --socks") {
		t.Error(got)
	}
}
