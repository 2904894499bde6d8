package topics

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

func template(app, version string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name:  "app",
			Image: app + ":" + version,
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
		}}},
	}
}

func deployment(name, version string) *appsv1.Deployment {
	replicas := int32(2)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: template(name, version),
		},
	}
}

// seen is a deployment as clients see it.
func seen(name, version string) rpc.Workload {
	return rpc.Workload{
		Workload: "deployment/" + name,
		Kind:     "deployment",
		Name:     name,
		Replicas: 2,
		Containers: []rpc.Container{{
			Name:  "app",
			Image: name + ":" + version,
			Ports: []rpc.Port{{Name: "http", Port: 8080, Protocol: "TCP"}},
		}},
	}
}

func service(name, app string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": app},
			Ports:    []corev1.ServicePort{{Name: "web", Port: 80, TargetPort: intstr.FromString("http")}},
		},
	}
}

// deployments is their kind.
func deployments() kubetest.Kind {
	return kubetest.Kind{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"),
		Resource:         "deployments",
		Scales:           true,
	}
}

type workloads = map[string]rpc.Workload

func one(w rpc.Workload) workloads { return workloads{w.Workload: w} }

// Workloads come, change and go with what belongs to them: containers, Services, owners.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Add(deployment("web", "1"), service("front", "web"), service("other", "db"))
		twin := deployment("web-dev", "1")
		twin.Labels = map[string]string{contract.LabelRole: contract.RoleTwin}
		s.Add(twin)
		s.Add(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "nightly", Namespace: "shop"}})
		flow := kubetest.Get[corev1.ConfigMap](s.Cluster, "shop", "nightly").UID
		web := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", "web").UID
		owned := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name:            "web-x",
				Namespace:       "shop",
				OwnerReferences: owner("Deployment", "web", web),
			},
			Spec: template("web", "1").Spec,
		}
		job := &batchv1.Job{
			ObjectMeta: metav1.ObjectMeta{
				Name:            "report",
				Namespace:       "shop",
				OwnerReferences: owner("ConfigMap", "nightly", flow),
			},
			Spec: batchv1.JobSpec{Template: template("report", "1")},
		}
		s.Add(owned, job)
		l := s.subscribe(s.workloads, s.visit("ada"))
		front := seen("web", "1")
		front.Pods, front.PodCount = []rpc.Pod{{Name: "web-x"}}, 1
		front.Services = []rpc.Service{{
			Name:  "front",
			Ports: []rpc.Port{{Name: "web", Port: 80, Protocol: "TCP", Target: "http"}},
		}}
		report := seen("report", "1")
		report.Workload, report.Kind, report.Owner, report.Replicas = "job/report", "job", "ConfigMap/nightly", 1
		l.want(t, rpc.Update{
			Topic:     rpc.TopicWorkloads,
			Snapshot:  true,
			Workloads: workloads{"deployment/web": front, "job/report": report},
		})

		kubetest.Edit(s.Cluster, "shop", "web", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Image = "web:2"
		})
		rest(time.Second)
		front.Containers[0].Image = "web:2"
		l.want(t, rpc.Update{Topic: rpc.TopicWorkloads, Workloads: one(front)})

		// A status is no news.
		kubetest.Edit(s.Cluster, "shop", "web", func(d *appsv1.Deployment) { d.Status.ReadyReplicas = 2 })
		rest(time.Second)
		l.want(t)

		kubetest.Delete[corev1.Service](s.Cluster, "shop", "front")
		rest(time.Second)
		front.Services = nil
		l.want(t, rpc.Update{Topic: rpc.TopicWorkloads, Workloads: one(front)})
		kubetest.Delete[batchv1.Job](s.Cluster, "shop", "report")
		rest(time.Second)
		l.want(t, rpc.Update{Topic: rpc.TopicWorkloads, Gone: []string{"job/report"}})
		l.leave()
	})
}

// Pods are told with the workload that they belong to, through whatever controls them, and how they are; volumes are
// those of the template.
func TestPodsAndVolumes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		web := deployment("web", "1")
		spec := &web.Spec.Template.Spec
		spec.Volumes = []corev1.Volume{{
			Name: "settings",
			VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: "web"},
			}},
		}}
		spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "settings", MountPath: "/etc/web"}}
		s.Add(web)
		controller := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", "web").UID
		s.Add(&appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{
				Name:            "web-1",
				Namespace:       "shop",
				OwnerReferences: owner("Deployment", "web", controller),
			},
			Spec: appsv1.ReplicaSetSpec{Template: template("web", "1")},
		})
		set := kubetest.Get[appsv1.ReplicaSet](s.Cluster, "shop", "web-1").UID
		pod := func(name string, status corev1.PodStatus, labels map[string]string) *corev1.Pod {
			return &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Name:            name,
					Namespace:       "shop",
					Labels:          labels,
					OwnerReferences: owner("ReplicaSet", "web-1", set),
				},
				Spec:   template("web", "1").Spec,
				Status: status,
			}
		}
		ready := corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		}
		crashing := corev1.PodStatus{
			Phase: corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{{
				RestartCount: 3,
				State:        corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			}},
		}
		twins := map[string]string{contract.LabelRole: contract.RoleTwin}
		s.Add(pod("web-1-a", ready, nil), pod("web-1-b", crashing, nil), pod("web-dev", ready, twins))
		s.Add(&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "shell", Namespace: "shop"},
			Spec:       template("shell", "1").Spec,
			Status:     ready,
		})

		l := s.subscribe(s.workloads, s.visit("ada"))
		wanted := seen("web", "1")
		wanted.Volumes = []rpc.PodVolume{{Name: "settings", Source: "ConfigMap web", Paths: []string{"/etc/web"}}}
		wanted.Pods = []rpc.Pod{
			{Name: "web-1-b", State: "CrashLoopBackOff", Restarts: 3},
			{Name: "web-1-a", State: "Running", Ready: true},
		}
		wanted.PodCount = 2
		shell := seen("shell", "1")
		shell.Workload, shell.Kind, shell.Replicas, shell.PodCount = "pod/shell", "pod", 1, 1
		shell.Pods = []rpc.Pod{{Name: "shell", State: "Running", Ready: true}}
		l.want(t, rpc.Update{
			Topic:     rpc.TopicWorkloads,
			Snapshot:  true,
			Workloads: workloads{"deployment/web": wanted, "pod/shell": shell},
		})

		kubetest.Edit(s.Cluster, "shop", "web-1-b", func(p *corev1.Pod) { p.Status = ready })
		rest(time.Second)
		wanted.Pods = []rpc.Pod{wanted.Pods[1], {Name: "web-1-b", State: "Running", Ready: true}}
		l.want(t, rpc.Update{Topic: rpc.TopicWorkloads, Workloads: one(wanted)})
		l.leave()
	})
}

// Of thousands of pods a few are told, among them those that are not ready.
func TestManyPods(t *testing.T) {
	t.Parallel()
	var pods []rpc.Pod
	for i := range 1_000 {
		pods = append(pods, rpc.Pod{Name: fmt.Sprintf("log-%03d", i), Ready: i != 500})
	}
	got := first(pods)
	if len(got) != mostPods || got[0].Name != "log-500" || got[1].Name != "log-000" {
		t.Errorf("%d pods: %v", len(got), got)
	}
	if pods[0].Name != "log-000" || first(nil) != nil {
		t.Error("the pods themselves were sorted")
	}
}

// An object that is the same is read once.
func TestMemory(t *testing.T) {
	t.Parallel()
	first, second := &unstructured.Unstructured{}, &unstructured.Unstructured{}
	var m memory[int]
	reads := 0
	read := func(*unstructured.Unstructured) int { reads++; return reads }
	for _, look := range [][]*unstructured.Unstructured{{first}, {first, second}, {second}, {first}} {
		m.next()
		for _, o := range look {
			m.of(o, read)
		}
	}
	if reads != 3 || len(m.now) != 1 {
		t.Errorf("%d reads, want one of each, and one more of the object that was away; %d kept", reads, len(m.now))
	}
}

// Services select by all of their labels.
func TestSelecting(t *testing.T) {
	t.Parallel()
	s := selecting{}
	for name, selector := range map[string]map[string]string{
		"web":        {"app": "web"},
		"web-canary": {"app": "web", "track": "canary"},
		"all":        {"tier": "front"},
		"other":      {"app": "api"},
		"external":   nil,
	} {
		s.add(matcher{item: rpc.Service{Name: name}, selector: selector})
	}
	for name, tt := range map[string]struct {
		labels map[string]string
		want   []string
	}{
		"none":       {},
		"one":        {labels: map[string]string{"app": "web"}, want: []string{"web"}},
		"several":    {labels: map[string]string{"app": "web", "tier": "front"}, want: []string{"all", "web"}},
		"all labels": {labels: map[string]string{"app": "web", "track": "canary"}, want: []string{"web", "web-canary"}},
		"a part":     {labels: map[string]string{"track": "canary"}},
	} {
		var got []string
		for _, one := range s.of(tt.labels) {
			got = append(got, one.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func owner(kind, name string, uid types.UID) []metav1.OwnerReference {
	yes := true
	version := map[string]string{"Deployment": "apps/v1", "ReplicaSet": "apps/v1", "ConfigMap": "v1"}[kind]
	return []metav1.OwnerReference{{APIVersion: version, Kind: kind, Name: name, UID: uid, Controller: &yes}}
}

// A workload says who holds it, and what others did to it in the meantime.
func TestHolder(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(s *stage)
		want rpc.Drift
		gone bool
	}{
		"nothing": {do: func(*stage) {}},
		"scaled up": {
			do: func(s *stage) {
				three := int32(3)
				kubetest.Edit(s.Cluster, "shop", "web", func(d *appsv1.Deployment) { d.Spec.Replicas = &three })
			},
			want: rpc.DriftFreed,
		},
		"another template": {
			do: func(s *stage) {
				kubetest.Edit(s.Cluster, "shop", "web", func(d *appsv1.Deployment) {
					d.Spec.Template.Spec.Containers[0].Image = "web:2"
				})
			},
			want: rpc.DriftTemplate,
		},
		"deleted": {
			do:   func(s *stage) { kubetest.Delete[appsv1.Deployment](s.Cluster, "shop", "web") },
			want: rpc.DriftDeleted,
		},
		"created again": {
			do: func(s *stage) {
				kubetest.Delete[appsv1.Deployment](s.Cluster, "shop", "web")
				s.Add(deployment("web", "1"))
			},
			want: rpc.DriftReplaced,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.Add(deployment("web", "1"))
				l := s.subscribe(s.workloads, s.visit("ada"))
				r := s.held("web", func(r *record.Record) {
					u := s.Unstructured(deployments(), "shop", "web")
					r.Fingerprint = workload.Fingerprint(workload.Deployment, u)
				})
				rest(time.Second)
				tt.do(s)
				rest(time.Second)
				items := workloads{}
				for _, u := range l.take() {
					rpc.Fold(items, u, u.Workloads)
				}
				want := []rpc.WorkloadSession{{
					ID:     r.Session,
					Mode:   rpc.Replace,
					Phase:  "active",
					Holder: rpc.Holder{User: "ada", Local: "ada@laptop"},
					Mine:   true,
					Since:  r.Since,
					Drift:  tt.want,
				}}
				got := items["deployment/web"].Sessions
				who := cmpopts.IgnoreFields(rpc.WorkloadSession{}, "DriftBy", "DriftAt")
				if diff := cmp.Diff(want, got, who); diff != "" {
					t.Errorf("sessions (-want +got):\n%s", diff)
				}
				// Its heartbeats are no news.
				l.take()
				kubetest.Edit(s.Cluster, "shop", r.Lease(), beat)
				rest(time.Second)
				l.want(t)
				l.leave()
			})
		})
	}
}

// Kinds that may not be listed are left out, those that may not be watched say so; that no Deployment may be listed is
// worth a word.
func TestForbiddenKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Add(deployment("web", "1"))
		s.Forbid("ada", "list", "jobs")
		s.Forbid("ada", "watch", "deployments")
		s.Forbid("bob", "list", "deployments")
		l := s.subscribe(s.workloads, s.visit("ada"))
		items := workloads{}
		for _, u := range l.take() {
			rpc.Fold(items, u, u.Workloads)
			if u.Problem != nil {
				t.Errorf("problem: %v", u.Problem)
			}
		}
		if len(items) != 1 || items["deployment/web"].Polled == "" {
			t.Errorf("items: %+v", items)
		}
		l.take()
		s.Add(deployment("api", "1"))
		rest(20 * time.Second)
		l.want(t)
		rest(10 * time.Second)
		if got := l.take(); len(got) != 1 || len(got[0].Workloads) != 1 {
			t.Errorf("after 30 seconds: %+v", got)
		}
		l.leave()

		other := s.subscribe(s.workloads, s.visit("bob"))
		other.want(t, rpc.Update{
			Topic:    rpc.TopicWorkloads,
			Snapshot: true,
			Problem:  problem.New(problem.Forbidden, ""),
		})
		other.leave()
	})
}

// Who drifted a workload, and when, is told as the API server has it.
func TestDriftBy(t *testing.T) {
	t.Parallel()
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	entry := func(manager string, at metav1.Time, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager:  manager,
			Time:     &at,
			FieldsV1: &metav1.FieldsV1{Raw: []byte(fields)},
		}
	}
	before := metav1.NewTime(at.Add(-time.Hour))
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetManagedFields([]metav1.ManagedFieldsEntry{
		entry("nhctl", before, `{"f:spec":{"f:replicas":{}}}`),
		entry("kubectl-scale", at, `{"f:spec":{"f:replicas":{}}}`),
		entry("helm", before, `{"f:spec":{"f:template":{"f:spec":{}}}}`),
	})
	r := record.Record{Workload: workload.Ref{Kind: workload.Deployment, Name: "web"}}
	for drift, want := range map[rpc.Drift]string{
		rpc.DriftFreed:    "kubectl-scale at " + at.UTC().String(),
		rpc.DriftTemplate: "helm at " + before.UTC().String(),
		rpc.DriftDeleted:  "",
		"":                "",
	} {
		got := ""
		if manager, at := driftedBy(drift, r, object); at != nil {
			got = manager + " at " + at.String()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", drift, got, want)
		}
	}
}

// rollout is a custom resource with a pod template.
func rollout(replicas int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1",
		"kind":       "Rollout",
		"metadata":   map[string]any{"name": "web", "namespace": "shop"},
		"spec": map[string]any{
			"replicas": replicas,
			"template": map[string]any{"spec": map[string]any{
				"containers": []any{map[string]any{"name": "app", "image": "web:1"}},
			}},
		},
	}}
}

// editRollout is someone's change of the rollout.
func (s *stage) editRollout(value any, field ...string) {
	s.t.Helper()
	o := s.Unstructured(kubetest.Rollout(), "shop", "web")
	if err := unstructured.SetNestedField(o.Object, value, field...); err != nil {
		s.t.Fatal(err)
	}
	s.Replace(kubetest.Rollout(), o)
	rest(time.Second)
}

// Someone who scales a custom resource that a session replaces shows, as for other kinds. The scale subresource is read
// when the resource asks for something else, and not when its controller says how it is.
func TestCustomKindScaled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		forbidden bool
		edit      func(*stage)
		want      rpc.Drift
		asked     int
	}{
		"nothing": {edit: func(*stage) {}, asked: 1},
		"scaled": {
			edit:  func(s *stage) { s.editRollout(int64(3), "spec", "replicas") },
			want:  rpc.DriftFreed,
			asked: 2,
		},
		"scaled down again": {
			edit: func(s *stage) {
				s.editRollout(int64(3), "spec", "replicas")
				s.editRollout(int64(0), "spec", "replicas")
			},
			asked: 3,
		},
		"its status": {edit: func(s *stage) { s.editRollout(int64(3), "status", "replicas") }, asked: 1},
		"its scale may not be read": {
			forbidden: true,
			edit:      func(s *stage) { s.editRollout(int64(3), "status", "replicas") },
			asked:     1,
		},
		"its scale may not be read for long": {
			forbidden: true,
			edit:      func(*stage) { rest(kube.PollInterval) },
			asked:     2,
		},
		"deleted": {
			edit:  func(s *stage) { s.Remove(kubetest.Rollout(), "shop", "web"); rest(time.Second) },
			want:  rpc.DriftDeleted,
			asked: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.Define(kubetest.Rollout())
				s.Add(rollout(0), deployment("api", "1"))
				if tt.forbidden {
					s.Forbid("ada", "get", "rollouts/scale")
				}
				kind := workload.Kind("rollouts.v1alpha1.argoproj.io")
				s.held("api", func(r *record.Record) {
					r.Workload = workload.Ref{Kind: kind, Name: "web"}
					r.UID = s.Unstructured(kubetest.Rollout(), "shop", "web").GetUID()
				})
				v := s.visit("ada")
				v.custom = map[workload.Kind]string{kind: ""}
				l := s.subscribe(s.workloads, v)
				tt.edit(s)
				items := workloads{}
				for _, u := range l.take() {
					rpc.Fold(items, u, u.Workloads)
				}
				sessions := items[string(kind)+"/web"].Sessions
				if len(sessions) != 1 || sessions[0].Drift != tt.want {
					t.Errorf("sessions: %+v", sessions)
				}
				if asked := s.asked("get rollouts"); asked != tt.asked {
					t.Errorf("the scale was read %d times, want %d", asked, tt.asked)
				}
				l.leave()
			})
		})
	}
}

// Kinds of custom resources that a subscription or the config names are watched; one that the cluster does not have is
// left out.
func TestCustomKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Define(kubetest.Rollout())
		s.Register(newFollower(t))
		s.Add(rollout(2))
		v := s.visit("ada")
		var err error
		v.custom, err = s.custom(rpc.Subscribe{
			Topic: rpc.TopicWorkloads,
			Kinds: map[string]string{"rollouts.v1alpha1.argoproj.io": ""},
		})
		if err != nil || len(v.custom) != 2 { // the config names one that the cluster does not have
			t.Fatalf("%v, %v", v.custom, err)
		}
		l := s.subscribe(s.workloads, v)
		items := workloads{}
		for _, u := range l.take() {
			rpc.Fold(items, u, u.Workloads)
			if u.Problem != nil {
				t.Errorf("problem: %v", u.Problem)
			}
		}
		want := workloads{"rollouts.v1alpha1.argoproj.io/web": {
			Workload:   "rollouts.v1alpha1.argoproj.io/web",
			Kind:       "rollouts.v1alpha1.argoproj.io",
			Name:       "web",
			Replicas:   2,
			Containers: []rpc.Container{{Name: "app", Image: "web:1"}},
		}}
		if diff := cmp.Diff(want, items); diff != "" {
			t.Errorf("items (-want +got):\n%s", diff)
		}
		l.leave()
		wrong := rpc.Subscribe{Topic: rpc.TopicWorkloads, Kinds: map[string]string{"Rollout": ""}}
		if _, err := s.custom(wrong); problem.From(err).Code != problem.Usage {
			t.Errorf("no kind: %v", err)
		}
	})
}

// What sessions consist of is no workload, and a Service that leads to a front is still that of its own pods.
func TestPartsOfSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Add(deployment("web", "1"), service("web", "web"))
		uid := kubetest.Get[corev1.Service](s.Cluster, "shop", "web").UID
		name := contract.FrontPrefix + contract.FrontID(string(uid))
		note := `{"kind":"front","version":1,"selector":{"app":"web"},"restore":"kubectl"}`
		kubetest.Edit(s.Cluster, "shop", "web", func(s *corev1.Service) {
			s.Annotations = map[string]string{contract.AnnotationFront: note}
			s.Spec.Selector = map[string]string{"app": name}
		})
		part := func(o metav1.Object, role string) { o.SetLabels(map[string]string{contract.LabelRole: role}) }
		agents, originals := deployment(name, "1"), service("nhctl-original", "web")
		gateway := &batchv1.Job{
			ObjectMeta: metav1.ObjectMeta{Name: "nhctl-gateway", Namespace: "shop"},
			Spec:       batchv1.JobSpec{Template: template("gateway", "1")},
		}
		part(agents, contract.RoleFront)
		part(originals, contract.RoleFront)
		part(gateway, contract.RoleGateway)
		s.Add(agents, originals, gateway)
		l := s.subscribe(s.workloads, s.visit("ada"))
		web := seen("web", "1")
		web.Services = []rpc.Service{{
			Name:  "web",
			Ports: []rpc.Port{{Name: "web", Port: 80, Protocol: "TCP", Target: "http"}},
		}}
		l.want(t, rpc.Update{Topic: rpc.TopicWorkloads, Snapshot: true, Workloads: one(web)})
		l.leave()
	})
}
