package devmode

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// crashed is the status of a pod whose container ends again and again.
func crashed() *corev1.PodStatus {
	ended := &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}
	return &corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name:                 "app",
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: ended},
	}}}
}

// A start that can't work says why, and leaves everything as it was.
func TestStartThatFails(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for name, tt := range map[string]struct {
		kind string
		mode record.Mode
		// arrange brings the cause about.
		arrange func(*computer, *Spec)
		code    problem.Code
		said    string
	}{
		"the image is missing": {arrange: func(c *computer, _ *Spec) {
			c.fails = &corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
				Name:  "app",
				Image: "dev:1",
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
			}}}
		}, code: problem.NotReady, said: "the image dev:1 can't be pulled"},
		"the container ends": {
			arrange: func(c *computer, _ *Spec) { c.fails = crashed() },
			code:    problem.NotReady,
			said:    "ended with code 3: Error; the last that it printed:\n    app: no such file",
		},
		"a policy speaks": {arrange: func(c *computer, _ *Spec) {
			c.Admit(func(q kubetest.Request, _ *unstructured.Unstructured) error {
				if q.Resource == "pods" {
					return errors.New("no latest images")
				}
				return nil
			})
		}, code: problem.Refused, said: "no latest images"},
		"a policy of Deployments speaks": {arrange: func(c *computer, _ *Spec) {
			c.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
				if q.Resource == "deployments" && o.GetLabels()[contract.LabelRole] == contract.RoleTwin {
					return errors.New("too many Deployments")
				}
				return nil
			})
		}, code: problem.Refused, said: "too many Deployments"},
		"the sidecar does not answer": {
			arrange: func(c *computer, _ *Spec) { c.link.fail = map[string]error{"connect": down} },
			said:    "connect to the sidecar: down",
		},
		"the sources don't come": {
			arrange: func(c *computer, _ *Spec) { c.link.fail = map[string]error{"sync": down} },
			said:    "sync the sources: down",
		},
		"the session can't be kept": {
			arrange: func(c *computer, _ *Spec) { c.link.fail = map[string]error{"save": down} },
			said:    "keep the session on this computer: down",
		},
		"the gate does not open": {
			arrange: func(c *computer, _ *Spec) { c.link.fail = map[string]error{"open": down} },
			said:    "route traffic to the twin: down",
		},
		"no permission": {
			arrange: func(c *computer, _ *Spec) { c.Forbid("ada", "patch", "deployments") },
			code:    problem.Forbidden,
			said:    "ask the cluster's policies: park deployment/web",
		},
		"no such workload": {
			arrange: func(_ *computer, s *Spec) { s.Workload.Name = "wbe" },
			code:    problem.NotFound,
			said:    `has no deployment "wbe"`,
		},
		"no such container": {
			arrange: func(_ *computer, s *Spec) { s.Container = "ap" },
			code:    problem.Usage,
			said:    `no container "ap"`,
		},
		"no yes":     {kind: "job", arrange: func(_ *computer, s *Spec) { s.Yes = false }, code: problem.Confirm},
		"no sources": {arrange: func(_ *computer, s *Spec) { s.Folder = "" }, code: problem.Usage},
		"others' sources": {
			arrange: func(_ *computer, s *Spec) { s.Folder, s.GitURL = "", "https://example.com/web" },
			code:    problem.Usage,
			said:    "not on this computer",
		},
		"no such ordinal": {
			kind:    "statefulset",
			arrange: func(_ *computer, s *Spec) { seven := 7; s.Ordinal = &seven },
			code:    problem.Usage,
			said:    "has no pod 7",
		},
		"dependencies stay down": {
			arrange: func(_ *computer, s *Spec) {
				s.Depend = Depend{Pods: []string{"app=db"}, Jobs: []string{"migrate"}}
			},
			code: problem.Timeout,
			said: "no pod with app=db is ready; no Job with migrate is complete",
		},
		"a port stays down": {
			arrange: func(c *computer, s *Spec) {
				s.Depend, c.link.down = Depend{TCP: []string{"db:1"}}, []string{"db:1: refused"}
			},
			code: problem.Timeout,
			said: "db:1: refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if tt.kind == "" {
					tt.kind = "deployment"
				}
				s := newStage(t, tt.kind)
				s.Log = func(_, container string, _ bool) string { return container + ": no such file\n" }
				before := s.Snapshot("shop")
				ada := s.computer("ada", "laptop")
				wanted := ada.spec(record.Replace)
				tt.arrange(ada, &wanted)
				_, err := ada.enter(wanted)
				p := problem.From(err)
				if err == nil || tt.code != "" && p.Code != tt.code || !strings.Contains(err.Error(), tt.said) {
					t.Errorf("%v, want the code %q and %q", err, tt.code, tt.said)
				}
				if tt.code != "" && p.Hint == "" {
					t.Errorf("no next step: %v", err)
				}
				s.restored(before)
			})
		})
	}
}

// Dependencies are waited for, and then the workload is taken.
func TestDependencies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop"}}
		s.Add(job)
		ada := s.computer("ada", "laptop")
		wanted := ada.spec(record.Replace)
		wanted.Depend = Depend{Pods: []string{"app=db"}, Jobs: []string{"migrate"}, TCP: []string{"db:1"}}
		ada.link.down = []string{"db:1: refused"}
		time.AfterFunc(10*time.Second, func() {
			db := metav1.ObjectMeta{Name: "db", Namespace: "shop", Labels: map[string]string{"app": "db"}}
			s.Add(&corev1.Pod{ObjectMeta: db})
		})
		time.AfterFunc(20*time.Second, func() {
			kubetest.Edit(s.Cluster, "shop", "migrate", func(j *batchv1.Job) {
				j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
			})
		})
		time.AfterFunc(30*time.Second, func() {
			ada.mu.Lock()
			defer ada.mu.Unlock()
			ada.link.down = nil
		})
		begin := time.Now()
		ada.mustEnter(wanted)
		if waited := time.Since(begin); waited < 30*time.Second || waited > 40*time.Second {
			t.Errorf("waited %s", waited)
		}
		for _, want := range []string{"app=db is ready; no Job", "no Job with migrate", "db:1: refused"} {
			if !strings.Contains(strings.Join(ada.waits, "\n"), want) {
				t.Errorf("%q is not among %q", want, ada.waits)
			}
		}
	})
}

// What ails a session's twin is named.
func TestAils(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		ada := s.computer("ada", "laptop")
		r := ada.mustEnter(ada.spec(record.Replace))
		for _, tt := range []struct {
			status *corev1.PodStatus
			want   string
		}{
			{nil, ""},
			{&corev1.PodStatus{Phase: corev1.PodPending}, "the dev pod waits for the pod's containers to start"},
			{crashed(), "container app ended with code 3: Error (`kubectl logs` of that container has more)"},
		} {
			s.mu.Lock()
			s.fails = tt.status
			s.mu.Unlock()
			time.Sleep(time.Second)
			if got, err := Ails(t.Context(), ada.deps.Cluster, r); err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		}
		s.mu.Lock()
		s.fails = nil
		s.mu.Unlock()
		if err := deleteDeployment(t.Context(), ada.deps.Cluster, r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		got, err := Ails(t.Context(), ada.deps.Cluster, r)
		if err != nil || !strings.Contains(got, "the twin was deleted") {
			t.Errorf("%q, %v", got, err)
		}
	})
}
