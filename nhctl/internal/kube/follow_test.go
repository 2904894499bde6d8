package kube_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// followed are the Services of a namespace, followed by ada until the test ends.
type followed struct {
	*kubetest.Cluster
	*kube.Objects

	mu sync.Mutex
	// requests are ada's, with the time since the beginning.
	requests []string
	fault    kubetest.Fault
}

// follow begins in a bubble. Before says what happens to the cluster before that.
func follow(t *testing.T, before func(f *followed)) *followed {
	t.Helper()
	f := &followed{Cluster: kubetest.New([]string{"shop", "other"})}
	begun := time.Now()
	f.Inject(func(q kubetest.Request) kubetest.Fault {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.requests = append(f.requests, fmt.Sprint(q.Verb, " ", time.Since(begun).Round(time.Second)))
		return f.fault
	})
	f.service("web", "shop", "front")
	f.service("db", "shop", "back")
	if before != nil {
		before(f)
	}
	client := f.Client(t, "ada", "shop")
	f.Objects = kube.NewObjects(func() {})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		client.Follow(ctx, kube.Selection{
			Resource:  schema.GroupVersionResource{Version: "v1", Resource: "services"},
			Namespace: "shop",
			Labels:    "team!=hidden",
		}, f.Objects)
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	synctest.Wait()
	return f
}

func (f *followed) service(name, namespace, team string) {
	f.Add(&corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Name:      name,
		Namespace: namespace,
		Labels:    map[string]string{"team": team},
	}})
}

// set has requests meet a fault.
func (f *followed) set(fault kubetest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// want compares the names of the Services, and why they may be old.
func (f *followed) want(t *testing.T, polled, failed problem.Code, names ...string) {
	t.Helper()
	synctest.Wait()
	objects, state := f.List()
	var got []string
	for _, o := range objects {
		got = append(got, o.GetName())
	}
	slices.Sort(got)
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	code := func(p *problem.Error) problem.Code {
		if p == nil {
			return ""
		}
		return p.Code
	}
	if code(state.Polled) != polled || code(state.Failed) != failed {
		t.Errorf("polled %v, failed %v", state.Polled, state.Failed)
	}
}

// asked compares the requests.
func (f *followed) asked(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(want, f.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// One listing and one watch have all that comes, changes and goes in the namespace, and nothing else.
func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, nil)
		f.want(t, "", "", "db", "web")
		f.service("api", "shop", "front")
		f.service("api", "other", "front")
		f.service("secret", "shop", "hidden")
		f.want(t, "", "", "api", "db", "web")
		kubetest.Edit(f.Cluster, "shop", "api", func(s *corev1.Service) { s.Labels["team"] = "hidden" })
		kubetest.Edit(f.Cluster, "shop", "web", func(s *corev1.Service) { s.Spec.ClusterIP = "10.0.0.1" })
		kubetest.Delete[corev1.Service](f.Cluster, "shop", "db")
		f.want(t, "", "", "web")
		objects, _ := f.List()
		if ip := objects[0].Object["spec"].(map[string]any)["clusterIP"]; ip != "10.0.0.1" {
			t.Errorf("address %v", ip)
		}
		time.Sleep(time.Hour)
		f.asked(t, "list 0s", "watch 0s")
	})
}

// Who may not watch gets a listing every 30 seconds, which says so; a watch follows once it is allowed.
func TestFollowWithoutWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, func(f *followed) { f.Forbid("ada", "watch", "services") })
		f.want(t, problem.Forbidden, "", "db", "web")
		f.service("api", "shop", "front")
		time.Sleep(29 * time.Second)
		f.want(t, problem.Forbidden, "", "db", "web")
		time.Sleep(time.Second)
		f.want(t, problem.Forbidden, "", "api", "db", "web")
		f.asked(t, "list 0s", "watch 0s", "list 30s", "watch 30s")
	})
}

// Who may not list is told, and asks again every 30 seconds.
func TestFollowForbidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, func(f *followed) { f.Forbid("ada", "list", "services") })
		f.want(t, "", problem.Forbidden)
		time.Sleep(time.Minute)
		f.want(t, "", problem.Forbidden)
		f.asked(t, "list 0s", "list 30s", "list 1m0s")
	})
}

// A watch that is too far behind begins again with a listing.
func TestFollowExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, nil)
		f.set(kubetest.Refuse) // the connection is lost, and no other comes about
		f.CloseWatches()
		time.Sleep(5 * time.Second)
		f.want(t, "", problem.Internal, "db", "web")
		kubetest.Delete[corev1.Service](f.Cluster, "shop", "db")
		f.Compact()
		f.set(kubetest.None)
		time.Sleep(time.Minute)
		f.want(t, "", "", "web")
	})
}

// A watch that the server ends, as it does after a while, goes on where it was.
func TestFollowAfterEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, nil)
		time.Sleep(5 * time.Minute)
		f.CloseWatches()
		f.service("api", "shop", "front")
		f.want(t, "", "", "api", "db", "web")
		f.asked(t, "list 0s", "watch 0s", "watch 5m0s")
	})
}

// A server that does not answer is asked less and less often; the objects stay, and say that they may be old.
func TestFollowUnreachable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, nil)
		f.set(kubetest.Lose)
		f.CloseWatches()
		time.Sleep(10 * time.Minute)
		f.want(t, "", problem.Unreachable, "db", "web")
		f.mu.Lock()
		tries := len(f.requests)
		f.mu.Unlock()
		if tries < 20 || tries > 60 {
			t.Errorf("%d tries in ten minutes", tries)
		}
		f.set(kubetest.None)
		time.Sleep(kube.PollInterval)
		f.want(t, "", "", "db", "web")
	})
}
