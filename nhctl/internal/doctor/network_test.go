package doctor

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// fine is a computer that lacks nothing.
func fine() Network {
	return Network{
		Enclosure: func(context.Context) error { return nil },
		Device:    func() error { return nil },
		Local:     []clusternet.Local{{Network: netip.MustParsePrefix("192.168.1.0/24"), By: "device eth0"}},
		Resolved:  true,
		Cluster: func(context.Context) (*clusternet.Table, error) {
			return clusternet.New(clusternet.Facts{
				ServiceRanges: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/16")},
			}), nil
		},
	}
}

func TestExamineNetwork(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Network)
		want   map[string]State
		fix    map[string]string
	}{
		"nothing missing": {change: func(*Network) {}},
		"no namespaces": {
			change: func(n *Network) {
				n.Enclosure = func(context.Context) error {
					return problem.New(problem.Refused, "none").WithHint("allow them")
				}
			},
			want: map[string]State{"namespaces": Warning}, fix: map[string]string{"namespaces": "allow them"},
		},
		"no device": {
			change: func(n *Network) { n.Device = func() error { return errors.New("no such file") } },
			want:   map[string]State{"device": Warning},
		},
		"a resolver that takes no orders": {
			change: func(n *Network) {
				n.Resolved, n.Servers = false, []netip.AddrPort{netip.MustParseAddrPort("192.168.1.1:53")}
			},
			want: map[string]State{"resolver": Warning},
		},
		"files are changed": {
			change: func(n *Network) { n.Changed = true }, want: map[string]State{"files": Warning},
			fix: map[string]string{"files": "nhctl disconnect --force restores what a killed one has left"},
		},
		"a VPN on the same range": {
			change: func(n *Network) {
				n.Local = append(n.Local, clusternet.Local{
					Network: netip.MustParsePrefix("10.0.0.0/8"),
					By:      "device wg0",
				})
			},
			want: map[string]State{"overlaps": Warning},
			fix: map[string]string{"overlaps": "with nhctl run and nhctl connect, leave them to this computer: " +
				"--never-proxy 10.0.0.0/8\nor to the cluster: --also-proxy 10.0.0.0/8"},
		},
		"no cluster": {
			change: func(n *Network) {
				n.Cluster = func(context.Context) (*clusternet.Table, error) { return nil, errors.New("silent") }
			},
			want: map[string]State{"overlaps": Unknown},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := fine()
			tt.change(&n)
			want := map[string]State{
				"namespaces": OK, "device": OK, "resolver": OK, "VPN": OK, "files": OK, "overlaps": OK,
			}
			for check, state := range tt.want {
				want[check] = state
			}
			got := map[string]State{}
			ExamineNetwork(t.Context(), n, func(f Finding) {
				got[f.Check] = f.State
				if fix, ok := tt.fix[f.Check]; ok && f.Fix != fix {
					t.Errorf("%s: %q, want %q", f.Check, f.Fix, fix)
				}
				if f.State == Warning && f.Says == "" {
					t.Errorf("%s says nothing", f.Check)
				}
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
