package routes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse([]string{"web", "api:80:3000", "db:tcp", "api:http:unix:/run/api.sock", "x:1:host:2"})
	want := []Wanted{
		{Service: "web"},
		{Service: "api", Ports: []rpc.WantedPort{
			{Port: "80", Local: "3000"},
			{Port: "http", Local: "unix:/run/api.sock"},
		}},
		{Service: "db", Ports: []rpc.WantedPort{{Port: "tcp"}}},
		{Service: "x", Ports: []rpc.WantedPort{{Port: "1", Local: "host:2"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, bad := range [][]string{{""}, {":80"}, {"web:"}, {"web", "web:80"}, {"web:80", "web"}} {
		if _, err := Parse(bad); problem.From(err).Code != problem.Usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A route to a duplicate says whose it is, and no place of this computer.
func TestDescribeDuplicate(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	Describe(&b, rpc.Session{Namespace: "shop", Route: &rpc.Route{
		Service: "web",
		Dev:     "deployment/web",
		Ports:   []rpc.RoutePort{{Port: 80, Target: 8080, Local: "dev"}},
		Matches: []rpc.Match{{Of: "path", Value: "/x"}},
	}})
	want := "meshed: Service web port 80 -> your duplicate of deployment/web (namespace shop)\n" +
		"requests with:  path /x\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
