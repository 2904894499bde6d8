package session

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// Whose a session is decides who may remove it. The caller's own stays theirs however long it was silent; another
// computer of the same user is someone else; and someone else's is no one's only once it is abandoned.
func TestJudge(t *testing.T) {
	t.Parallel()
	me := record.Holder{User: "ada", Local: "ada@laptop"}
	since := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		by                record.Holder
		served, abandoned bool
		want              rpc.LeftoverState
	}{
		"mine":                         {by: me, want: rpc.LeftoverYours},
		"mine, abandoned":              {by: me, abandoned: true, want: rpc.LeftoverYours},
		"another's":                    {by: record.Holder{User: "bob", Local: "bob@desk"}, want: rpc.LeftoverHeld},
		"another's, abandoned":         {by: record.Holder{User: "bob"}, abandoned: true, want: rpc.LeftoverAbandoned},
		"mine, on another computer":    {by: record.Holder{User: "ada", Local: "ada@desk"}, want: rpc.LeftoverHeld},
		"another user at my computer":  {by: record.Holder{User: "bob", Local: "ada@laptop"}, want: rpc.LeftoverHeld},
		"another user, served here":    {by: record.Holder{User: "bob"}, served: true, want: rpc.LeftoverYours},
		"served here, though so quiet": {by: me, served: true, abandoned: true, want: rpc.LeftoverYours},
	} {
		found := rpc.Leftover{Key: "lease/a", State: rpc.LeftoverUnclear}
		got := Witness{Me: me}.Judge(found, tt.by, since, 90*time.Second, tt.served, tt.abandoned)
		holder := rpc.Holder(tt.by)
		want := rpc.Leftover{Key: "lease/a", Holder: &holder, Since: &since, Silent: 90, State: tt.want}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Silence is judged by the cluster's clock, whatever time this computer thinks it is; without that, no one judges.
func TestWitnessOf(t *testing.T) {
	t.Parallel()
	cluster := kubetest.New([]string{"shop"})
	cluster.Ahead = 24 * time.Hour
	caller := rpc.Caller{Env: map[string]string{"USER": "ada"}}
	w, err := WitnessOf(t.Context(), cluster.Client(t, "ada", "shop"), caller)
	if ahead := time.Until(w.Now); err != nil || ahead < 23*time.Hour || w.Me.User != "ada" {
		t.Errorf("%+v, %s ahead, %v", w.Me, ahead, err)
	}
	if w, err := WitnessOf(t.Context(), away(cluster).Client(t, "ada", "shop"), caller); err == nil {
		t.Errorf("no cluster has said that it is %s", w.Now)
	}
}
