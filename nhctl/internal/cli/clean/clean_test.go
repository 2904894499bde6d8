package clean

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// The list says of each thing whether it goes, and why; what is someone else's stays, unless it is named.
func TestFate(t *testing.T) {
	t.Parallel()
	since := time.Now().Add(-time.Hour)
	all := []rpc.Leftover{
		{Key: "a", What: "one's own", Session: "aaaaaaaa", State: rpc.LeftoverYours},
		{
			Key:     "b",
			What:    "a colleague's",
			Session: "bbbbbbbb",
			State:   rpc.LeftoverHeld,
			Holder:  &rpc.Holder{Local: "eve@desk"},
			Since:   &since,
			Silent:  2,
		},
		{Key: "c", What: "no one's", Session: "cccccccc", State: rpc.LeftoverAbandoned},
		{Key: "d", What: "a front", State: rpc.LeftoverAbandoned, Reason: "no route is left"},
		{Key: "e", What: "a Lease", State: rpc.LeftoverUnclear, Reason: "it is no record"},
	}
	for name, tt := range map[string]struct {
		options Options
		want    []string
		goes    int
	}{
		"others stay": {want: []string{
			"ended: it is yours",
			"stays: it is theirs (--others bbbbbbbb)",
			"ended: it is abandoned",
			"removed: no route is left",
			"stays: it is no record",
		}, goes: 3},
		"one is named": {options: Options{Others: []string{"bbbbbbbb"}}, want: []string{
			"ended: it is yours",
			"ended: you name it",
			"ended: it is abandoned",
			"removed: no route is left",
			"stays: it is no record",
		}, goes: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var fates []string
			goes := 0
			for _, l := range all {
				fates = append(fates, tt.options.fate(l))
				if tt.options.removes(l) {
					goes++
				}
			}
			if diff := cmp.Diff(tt.want, fates); diff != "" || goes != tt.goes {
				t.Error(diff, goes)
			}
			var text bytes.Buffer
			show(&text, all, &tt.options)
			lines := strings.Count(text.String(), "\n")
			if lines != len(all)+1 || !strings.Contains(text.String(), "eve@desk") {
				t.Error(text.String())
			}
		})
	}
	if err := (&Options{Others: []string{"dddddddd"}}).known(all); problem.From(err).Code != problem.NoSession {
		t.Errorf("of no session: %v", err)
	}
}
