package podlog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// pod is one of the StatefulSet db, whose containers run.
func pod(name string, containers ...string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}}
	p.Status.Phase = corev1.PodRunning
	for _, c := range containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name:  c,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
	return p
}

// happened is an event of a minute.
func happened(kind, name, reason string, minute int) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: name + reason, Namespace: "shop"},
		InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name},
		Type:           "Warning",
		Reason:         reason,
		Message:        "why",
		LastTimestamp:  metav1.NewTime(time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC)),
	}
}

// told are the lines, as "POD CONTAINER STREAM: TEXT".
type told struct {
	mu    sync.Mutex
	lines []string
}

func (t *told) tell(l event.LogData) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf("%s %s %s: %s", l.Pod, l.Container, l.Stream, l.Text))
}

func (t *told) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string{}, t.lines...)
}

var db = workload.Ref{Kind: workload.Pod, Name: "db-0"}

// A pod's containers are told one after the other, then the events about it; without Follow that is all.
func TestOnce(t *testing.T) {
	t.Parallel()
	c := kubetest.New([]string{"shop"})
	c.Add(pod("db-0", "app", "proxy"), pod("db-1", "app"))
	c.Add(happened("Pod", "db-0", "BackOff", 2), happened("Pod", "db-0", "Killing", 1))
	c.Add(happened("Pod", "db-1", "BackOff", 1))
	c.Log = func(pod, container string, _ bool) string {
		return "2026-01-02T03:04:05.5Z one of " + container + "\nno time\n"
	}
	for name, tt := range map[string]struct {
		options Options
		want    []string
	}{
		"all": {Options{Events: true}, []string{
			"db-0 app stdout: one of app",
			"db-0 app stdout: no time",
			"db-0 proxy stdout: one of proxy",
			"db-0 proxy stdout: no time",
			"  event: Warning Killing pod/db-0: why",
			"  event: Warning BackOff pod/db-0: why",
		}},
		"one container": {Options{Container: "proxy"}, []string{
			"db-0 proxy stdout: one of proxy",
			"db-0 proxy stdout: no time",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.options.Workload = db
			var got told
			if err := Follow(t.Context(), c.Client(t, "ada", "shop"), tt.options, got.tell); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.all()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A workload that is not there, or has no pods of its own, is an error.
func TestNoWorkload(t *testing.T) {
	t.Parallel()
	c := kubetest.New([]string{"shop"})
	c.Add(&batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Name: "report", Namespace: "shop"}})
	for ref, want := range map[workload.Ref]problem.Code{
		{Kind: workload.Deployment, Name: "web"}: problem.NotFound,
		{Kind: workload.CronJob, Name: "report"}: problem.Usage,
	} {
		err := Follow(t.Context(), c.Client(t, "ada", "shop"), Options{Workload: ref}, (&told{}).tell)
		if got := problem.From(err).Code; got != want {
			t.Errorf("%s: %s: %v", ref, got, err)
		}
	}
}

// Each line is told once, however often a stream ends; a new pod, an event and a restart are noticed.
func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := kubetest.New([]string{"shop"})
		first := pod("db-0", "app")
		c.Add(first)
		var mu sync.Mutex
		text := "2026-01-02T03:04:05Z one\n"
		c.Log = func(string, string, bool) string {
			mu.Lock()
			defer mu.Unlock()
			return text
		}
		ctx, cancel := context.WithCancel(t.Context())
		var got told
		done := make(chan error)
		go func() {
			o := Options{Workload: db, Follow: true, Events: true}
			done <- Follow(ctx, c.Client(t, "ada", "shop"), o, got.tell)
		}()
		pass := func(want ...string) {
			t.Helper()
			time.Sleep(3 * pause)
			synctest.Wait()
			have := got.all()
			slices.Sort(have) // outputs and events are told as they come
			if diff := cmp.Diff(want, have); diff != "" {
				t.Error(diff)
			}
		}
		pass("db-0 app stdout: one")
		mu.Lock()
		text += "2026-01-02T03:04:06Z two\n"
		mu.Unlock()
		c.Add(happened("Pod", "db-0", "Unhealthy", 1))
		pass("  event: Warning Unhealthy pod/db-0: why", "db-0 app stdout: one", "db-0 app stdout: two")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAbout(t *testing.T) {
	t.Parallel()
	web := workload.Ref{Kind: workload.Deployment, Name: "web"}
	pods := []corev1.Pod{*pod("web-5d-x")}
	for object, want := range map[string]bool{
		"Deployment web": true, "Deployment web-2": false, "ReplicaSet web-5d": true, "ReplicaSet web-2-5d": false,
		"Pod web-5d-x": true, "Pod web-2-5d-x": false, "Service web": false, "ReplicaSet web": false,
	} {
		kind, name, _ := strings.Cut(object, " ")
		if got := about(*happened(kind, name, "x", 1), web, pods); got != want {
			t.Errorf("%s: %t", object, got)
		}
	}
}

// What has not run has no output; what ended is read once, and again after a restart.
func TestBegin(t *testing.T) {
	t.Parallel()
	p := pod("db-0", "app")
	p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
	if got := sourcesOf(p, ""); got != nil {
		t.Errorf("waiting: %+v", got)
	}
	p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	f := &follower{last: map[source]*position{}}
	ended := sourcesOf(p, "")[0]
	at := f.begin(ended)
	if at == nil || f.begin(ended) != nil {
		t.Error("it is opened once at a time")
	}
	at.open = false
	if f.begin(ended) != nil {
		t.Error("what has ended was read")
	}
	ended.restarts++
	if f.begin(ended) != at {
		t.Error("a restart goes on where it was")
	}
}
