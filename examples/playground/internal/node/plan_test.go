package node

import (
	"net/netip"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	pods, services, link, err := split(netip.MustParsePrefix("198.18.16.0/20"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join([]string{pods.String(), services.String(), link.String()}, " ")
	if want := "198.18.16.0/22 198.18.20.0/22 198.18.24.0/24"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range []string{"10.0.0.0/16", "198.18.0.0/24", "fd00::/48"} {
		if _, _, _, err := split(netip.MustParsePrefix(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestFreeRange(t *testing.T) {
	t.Parallel()
	var taken []netip.Prefix
	for n := range 32 {
		r, err := freeRange(taken)
		if err != nil {
			t.Fatalf("range %d: %v", n, err)
		}
		for _, other := range taken {
			if other.Overlaps(r) {
				t.Fatalf("%s overlaps %s", r, other)
			}
		}
		taken = append(taken, r)
	}
	if r, err := freeRange(taken); err == nil {
		t.Errorf("a range too many: %s", r)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{"default": true, "a": true, "a-b-2": true, "": false, "-a": false, "A": false,
		"../x": false, strings.Repeat("x", 21): false} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRoleBindings(t *testing.T) {
	t.Parallel()
	text, err := roleBindings(`{"kind":"List","items":[{"kind":"Role","metadata":{"name":"dev"}},`+
		`{"kind":"ConfigMap","metadata":{"name":"x"}}]}`, "eve", "shop")
	if err != nil || strings.Count(text, "RoleBinding") != 1 || !strings.Contains(text, `"name":"dev-eve"`) {
		t.Errorf("%s, %v", text, err)
	}
	if _, err := roleBindings(`{"kind":"ConfigMap","metadata":{"name":"x"}}`, "eve", "shop"); err == nil {
		t.Error("a manifest without a Role was taken")
	}
}
