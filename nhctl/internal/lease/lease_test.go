package lease

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// recordOf is the record of ada's session of deployment/web.
func recordOf(id string, since time.Time) record.Record {
	return record.Record{
		Session:   id,
		Namespace: "shop",
		Workload:  workload.Ref{Kind: workload.Deployment, Name: "web"},
		Replicas:  1,
		Mode:      record.Replace,
		Phase:     record.Active,
		Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
		Since:     since,
		Port:      20001,
		Container: "app",
		Image:     "dev:1",
		WorkDir:   "/src",
	}
}

// in runs a test with a cluster in memory that has the session 0a1b2c3d.
func in(t *testing.T, test func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Record)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cluster := kubetest.New([]string{"shop"})
		c := cluster.Client(t, "ada", "shop")
		now, err := c.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := recordOf("0a1b2c3d", now)
		if taken, err := Create(t.Context(), c, r); taken || err != nil {
			t.Fatal(taken, err)
		}
		test(t, cluster, c, r)
	})
}

// Whoever creates the Lease has the workload until it is released.
func TestCreatingIsTheLock(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, _ *kubetest.Cluster, c *kube.Client, r record.Record) {
		second := recordOf("11111111", r.Since)
		if taken, err := Create(t.Context(), c, second); !taken || err == nil {
			t.Errorf("a second session: taken %v, %v", taken, err)
		}
		if _, there, err := Lookup(t.Context(), c, second); there || err != nil {
			t.Errorf("the second session is there: %v, %v", there, err)
		}
		holder, _, err := Holder(t.Context(), c, second)
		if err != nil || holder == nil || holder.Session != r.Session {
			t.Errorf("held by %+v, %v", holder, err)
		}
		if err := Release(t.Context(), c, r); err != nil {
			t.Fatal(err)
		}
		if holder, _, err := Holder(t.Context(), c, second); holder != nil || err != nil {
			t.Errorf("held by %+v, %v", holder, err)
		}
		if taken, err := Create(t.Context(), c, second); taken || err != nil {
			t.Errorf("after the release: taken %v, %v", taken, err)
		}
	})
}

// Only the session that has the Lease writes to it, and deletes it.
func TestAnotherSessionsLease(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Record) {
		before := cluster.Snapshot("shop")
		other := recordOf("11111111", r.Since)
		for name, write := range map[string]func(context.Context, *kube.Client, Held) error{
			"renew":  Renew,
			"update": Update,
		} {
			if err := write(t.Context(), c, other); !errors.Is(err, ErrNotHolder) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := Release(t.Context(), c, other); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, cluster.Snapshot("shop")); diff != "" {
			t.Error(diff)
		}
	})
}

// A Lease without the label of a session's role is no session's.
func TestReleaseLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	cluster := kubetest.New([]string{"shop"})
	r := recordOf("0a1b2c3d", time.Now())
	cluster.Add(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name:      r.Lease(),
		Namespace: "shop",
		Labels:    map[string]string{contract.LabelSession: r.Session},
	}})
	if err := Release(t.Context(), cluster.Client(t, "ada", "shop"), r); err != nil {
		t.Error(err)
	}
	if all := kubetest.List[coordinationv1.Lease](cluster, "shop"); len(all) != 1 {
		t.Errorf("%d Leases are left", len(all))
	}
}

// A session is silent from its last renewal on, by the cluster's clock.
func TestKeepRenewed(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, _ *kubetest.Cluster, c *kube.Client, r record.Record) {
		stop := KeepRenewed(t.Context(), c, r)
		time.Sleep(time.Minute)
		stop()
		if found, now, err := Holder(t.Context(), c, r); err != nil || !found.Lives(now) {
			t.Errorf("after a minute of renewals: silent for %s, %v", found.Silent(now), err)
		}
		time.Sleep(time.Minute)
		if found, now, err := Holder(t.Context(), c, r); err != nil || found.Lives(now) {
			t.Errorf("after a minute without: silent for %s, %v", found.Silent(now), err)
		}
	})
}

// An update keeps who holds the Lease and since when it was silent.
func TestUpdate(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, _ *kubetest.Cluster, c *kube.Client, r record.Record) {
		r.Phase = record.Leaving
		if err := Update(t.Context(), c, r); err != nil {
			t.Fatal(err)
		}
		found, there, err := Lookup(t.Context(), c, r)
		if !there || err != nil || found.Phase != record.Leaving || !found.Heartbeat.Equal(r.Since) {
			t.Errorf("%+v, %v, %v", found, there, err)
		}
	})
}

// One Lease that can't be read hides no other.
func TestListWithABadLease(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Record) {
		bad, err := r.NewLease()
		if err != nil {
			t.Fatal(err)
		}
		bad.Name = "nhctl-deployment-payment"
		cluster.Add(bad)
		listed, err := List(t.Context(), c)
		if err != nil || len(listed.Records) != 1 || listed.Records[0].Session != r.Session {
			t.Errorf("%+v, %v", listed.Records, err)
		}
		if len(listed.Unreadable) != 1 || listed.Unreadable[0].Lease != bad.Name ||
			problem.From(listed.Unreadable[0].Err).Code != problem.Unreadable {
			t.Errorf("%+v", listed.Unreadable)
		}
	})
}

// A session of another computer is asked to end while its daemon is alive, and ended from here once it is silent.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		silent time.Duration // before
		ends   bool          // once asked
		hangs  bool          // the cluster, once asked
		kept   string
		asked  bool
		code   problem.Code
	}{
		"its daemon ends it":         {ends: true, asked: true},
		"its daemon does not":        {asked: true, code: problem.Held},
		"the cluster hangs":          {asked: true, hangs: true, code: problem.Held},
		"silent":                     {silent: time.Minute, kept: "/kept"},
		"it goes silent in the wait": {asked: true, silent: 10 * time.Second, kept: "/kept"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Record) {
				time.Sleep(tt.silent)
				if tt.silent == 0 {
					defer KeepRenewed(t.Context(), c, r)()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute+record.Beat/20) // between two looks
				defer cancel()
				bob := Successor{
					Cluster: c,
					Holder:  record.Holder{User: "bob", Local: "bob@desk"},
					Oust: func(ctx context.Context, r record.Record) (string, error) {
						return "/kept", Release(ctx, c, r)
					},
				}
				asked := false
				bob.Emit = func(event.Event) {
					found, _, err := Lookup(ctx, c, r)
					asked = err == nil && found.Wanted != nil && found.Wanted.By == bob.Holder
					if tt.hangs {
						cluster.Inject(func(q kubetest.Request) kubetest.Fault {
							if q.Verb == "get" {
								return kubetest.Hang
							}
							return kubetest.None
						})
					}
					if tt.ends {
						if err := Release(ctx, c, r); err != nil {
							t.Error(err)
						}
					}
				}
				kept, err := bob.TakeOver(ctx, r)
				if (err == nil) != (tt.code == "") || err != nil && problem.From(err).Code != tt.code {
					t.Errorf("%v, want %q", err, tt.code)
				}
				if kept != tt.kept || asked != tt.asked {
					t.Errorf("kept %q, want %q; asked %v, want %v", kept, tt.kept, asked, tt.asked)
				}
			})
		})
	}
}
