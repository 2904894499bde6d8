package frontnote

import (
	"maps"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/sidecar/contract"
)

const id = "6adfce3a"

var swapped = map[string]string{"app": contract.FrontPrefix + id, "tier": contract.FrontPrefix + id}

func TestLeads(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		selector map[string]string
		want     bool
	}{
		"to the front":     {swapped, true},
		"to another front": {map[string]string{"app": contract.FrontPrefix + "00000000"}, false},
		"in part":          {map[string]string{"app": contract.FrontPrefix + id, "tier": "web"}, false},
		"to its own pods":  {map[string]string{"app": "web"}, false},
		"to nothing":       {nil, false},
	} {
		if got := Leads(tt.selector, id); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	note := func(selector string) string {
		return `{"kind":"front","version":1,"selector":` + selector + `,"restore":"kubectl"}`
	}
	n, err := Read(note(`{"app":"web","tier":"x"}`), swapped)
	if want := map[string]string{"app": "web", "tier": "x"}; err != nil || !maps.Equal(n.Selector, want) {
		t.Errorf("%v, %v", n.Selector, err)
	}
	own := contract.FrontPrefix + id
	for text, want := range map[string]string{
		"":                                     "",
		note(`{"app":"web"}`):                  "it lacks the key tier",
		note(`{"app":"a","tier":"b","x":"y"}`): "it has other keys than the Service",
		note(`{"app":"` + own + `","tier":"` + own + `"}`):                 "it has other keys",
		strings.Repeat(" ", most+1):                                        "it has 16385 bytes",
		`{"kind":"front","version":2,"selector":{"app":"web","tier":"x"}}`: "",
		`{"kind":"route","version":1,"selector":{"app":"web","tier":"x"}}`: "",
	} {
		if _, err := Read(text, swapped); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
	}
}
