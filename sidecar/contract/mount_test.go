package contract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMounts(t *testing.T) {
	t.Parallel()
	all := Mounts{{Path: "config"}, {Path: "config/nested/more"}, {Path: "var/cache"}, {Path: "var/lib/db"}}
	for rel, want := range map[string]struct{ covered, above bool }{
		"config":             {true, true},
		"config/app.ini":     {true, false},
		"configs":            {false, false},
		"config/nested/more": {true, false},
		"var":                {false, true},
		"var/cache":          {true, false},
		"var/cache/a/b":      {true, false},
		"var/lib":            {false, true},
		"va":                 {false, false},
		"":                   {false, false},
	} {
		if _, covered := all.Covering(rel); covered != want.covered || all.Above(rel) != want.above {
			t.Errorf("%q: covered %v, above %v", rel, covered, all.Above(rel))
		}
	}
	if diff := cmp.Diff([]string{"var", "var/lib"}, all.Parents()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if Mounts(nil).Parents() != nil || Mounts(nil).Above("a") {
		t.Error("without mounts there is nothing above any")
	}
}
