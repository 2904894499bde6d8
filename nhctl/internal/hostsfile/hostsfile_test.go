package hostsfile

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/sharedfile"
)

func line(address string, names ...string) Line {
	return Line{Address: netip.MustParseAddr(address), Names: names}
}

func TestPut(t *testing.T) {
	t.Parallel()
	const theirs = "127.0.0.1 localhost\n192.168.1.9\tNAS nas.shop # the old one: db\n"
	lines := []Line{
		line("127.1.0.1", "web.shop.svc.cluster.local", "web.shop", "web"),
		line("127.1.0.2", "nas.shop.svc.cluster.local", "nas.shop", "nas"),
		line("127.1.0.3", "localhost"),
		line("127.1.0.4", "box"),
		line("127.1.0.5", "db"),
	}
	const want = theirs + `# nhctl 1: begin
127.1.0.1	web.shop.svc.cluster.local web.shop web
127.1.0.2	nas.shop.svc.cluster.local
127.1.0.5	db
# nhctl 1: end
`
	got := Put(theirs, "1", lines, "Box")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again := Put(got, "1", lines, "Box"); again != got {
		t.Error(cmp.Diff(got, again))
	}
	if back := sharedfile.Remove(got, "1"); back != theirs {
		t.Error(cmp.Diff(theirs, back))
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		line Line
		ok   bool
	}{
		"a Service":           {line("127.1.0.1", "web.shop.svc.cluster.local"), true},
		"an address outside":  {line("10.0.0.1", "web"), false},
		"no name":             {line("127.1.0.1"), false},
		"a name with a line":  {line("127.1.0.1", "web\n10.0.0.1 bank.example"), false},
		"a name with a space": {line("127.1.0.1", "web bank.example"), false},
		"a comment":           {line("127.1.0.1", "#"), false},
		"no address":          {Line{Names: []string{"web"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := Check([]Line{tt.line}); (err == nil) != tt.ok {
				t.Error(err)
			}
		})
	}
	if Check(make([]Line, maxLines+1)) == nil {
		t.Error("too many lines")
	}
}
