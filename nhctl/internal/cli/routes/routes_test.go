package routes

import (
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
