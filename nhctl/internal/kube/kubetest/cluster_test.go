package kubetest_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// settings is a ConfigMap.
func settings(name string, labels map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", Labels: labels},
		Data:       map[string]string{"color": "red"},
	}
}

// web is a Deployment of two pods.
func web() *appsv1.Deployment {
	two, labels := int32(2), map[string]string{"app": "web"}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}}
	d.Spec.Replicas, d.Spec.Selector = &two, &metav1.LabelSelector{MatchLabels: labels}
	d.Spec.Template.Labels = labels
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "web:1"}}
	return d
}

// Each change of an object is accepted or refused as an API server does.
func TestChanges(t *testing.T) {
	t.Parallel()
	patch := func(how types.PatchType, text string) func(context.Context, *kube.Client) error {
		return func(ctx context.Context, c *kube.Client) error {
			_, err := c.API.CoreV1().ConfigMaps("shop").Patch(ctx, "settings", how, []byte(text), metav1.PatchOptions{})
			return err
		}
	}
	remove := func(p metav1.Preconditions, dry ...string) func(context.Context, *kube.Client) error {
		return func(ctx context.Context, c *kube.Client) error {
			options := metav1.DeleteOptions{Preconditions: &p, DryRun: dry}
			return c.API.CoreV1().ConfigMaps("shop").Delete(ctx, "settings", options)
		}
	}
	other := types.UID("other")
	red, blue := map[string]string{"color": "red"}, map[string]string{"color": "blue"}
	const (
		merge, strategic, json = types.MergePatchType, types.StrategicMergePatchType, types.JSONPatchType
		paint                  = `{"op":"replace","path":"/data/color","value":"blue"}`
	)
	test := func(color string) string {
		return `[{"op":"test","path":"/data/color","value":"` + color + `"},` + paint + "]"
	}
	elsewhere := settings("x", nil)
	elsewhere.Namespace = "prod"
	failed := func(err error) bool { return err != nil }
	for name, tt := range map[string]struct {
		do   func(context.Context, *kube.Client) error
		is   func(error) bool
		want map[string]string
	}{
		"merge patch":              {patch(merge, `{"data":{"color":"blue"}}`), nil, blue},
		"merge patch that removes": {patch(merge, `{"data":{"color":null}}`), nil, nil},
		"merge patch of an old version": {
			patch(merge, `{"metadata":{"resourceVersion":"1"}}`), apierrors.IsConflict, red},
		"strategic merge patch":        {patch(strategic, `{"data":{"color":"blue"}}`), nil, blue},
		"JSON patch":                   {patch(json, "["+paint+"]"), nil, blue},
		"JSON patch with a test":       {patch(json, test("red")), nil, blue},
		"JSON patch with a wrong test": {patch(json, test("green")), apierrors.IsInvalid, red},
		"JSON patch of nothing": {
			patch(json, `[{"op":"remove","path":"/data/size"}]`), apierrors.IsInvalid, red},
		"JSON patch that is none":     {patch(json, `{}`), apierrors.IsBadRequest, red},
		"patch of an unknown type":    {patch(types.ApplyYAMLPatchType, `{}`), failed, red},
		"delete":                      {remove(metav1.Preconditions{}), nil, nil},
		"delete another of the name":  {remove(metav1.Preconditions{UID: &other}), apierrors.IsConflict, red},
		"delete, dry":                 {remove(metav1.Preconditions{}, metav1.DryRunAll), nil, red},
		"create what is there":        {create(settings("settings", nil)), apierrors.IsAlreadyExists, red},
		"create, dry":                 {create(settings("more", nil), metav1.DryRunAll), nil, red},
		"create in another namespace": {create(elsewhere), failed, red},
		"update an old version":       {update("1"), apierrors.IsConflict, red},
		"update whatever is there":    {update(""), nil, blue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := kubetest.New([]string{"shop"})
			c.Add(settings("settings", nil))
			err := tt.do(t.Context(), c.Client(t, "ada", "shop"))
			if (err != nil) != (tt.is != nil) || err != nil && !tt.is(err) {
				t.Errorf("%v", err)
			}
			var got map[string]string
			if left := kubetest.Get[corev1.ConfigMap](c, "shop", "settings"); left != nil {
				got = left.Data
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if kubetest.Get[corev1.ConfigMap](c, "shop", "more") != nil {
				t.Error("a dry run has created an object")
			}
		})
	}
}

func create(m *corev1.ConfigMap, dry ...string) func(context.Context, *kube.Client) error {
	return func(ctx context.Context, c *kube.Client) error {
		_, err := c.API.CoreV1().ConfigMaps("shop").Create(ctx, m, metav1.CreateOptions{DryRun: dry})
		return err
	}
}

func update(version string) func(context.Context, *kube.Client) error {
	return func(ctx context.Context, c *kube.Client) error {
		m := settings("settings", nil)
		m.ResourceVersion, m.Data = version, map[string]string{"color": "blue"}
		_, err := c.API.CoreV1().ConfigMaps("shop").Update(ctx, m, metav1.UpdateOptions{})
		return err
	}
}

// A Deployment's pods come and go with its replicas, and with itself.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kubelet := kubetest.Kubelet{Start: 2 * time.Second, Grace: 3 * time.Second}
		c := kubetest.New([]string{"shop"}, kubetest.Workloads(), kubelet.Controller())
		c.Add(web())
		ctx, client := t.Context(), c.Client(t, "ada", "shop")
		pods := func(want int, ready int32) {
			t.Helper()
			list, err := client.API.CoreV1().Pods("shop").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
			if err != nil || len(list.Items) != want {
				t.Fatalf("%d pods, want %d: %v", len(list.Items), want, err)
			}
			d, err := client.API.AppsV1().Deployments("shop").Get(ctx, "web", metav1.GetOptions{})
			if err == nil && d.Status.AvailableReplicas != ready {
				t.Fatalf("%+v, want %d available", d.Status, ready)
			}
		}
		pods(2, 0)
		time.Sleep(kubelet.Start) // on the bubble's clock
		pods(2, 2)
		scale := []byte(`{"spec":{"replicas":1}}`)
		deployments := client.API.AppsV1().Deployments("shop")
		_, err := deployments.Patch(ctx, "web", types.MergePatchType, scale, metav1.PatchOptions{}, "scale")
		if err != nil {
			t.Fatal(err)
		}
		pods(2, 1)
		time.Sleep(kubelet.Grace)
		pods(1, 1)
		if err := deployments.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(kubelet.Grace)
		pods(0, 0)
		if sets := kubetest.List[appsv1.ReplicaSet](c, "shop"); len(sets) > 0 {
			t.Errorf("%d ReplicaSets are left", len(sets))
		}
	})
}

// A watch says what happens to the objects that it selects, from where it begins.
func TestWatch(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(*testing.T, *kubetest.Cluster) *kube.Client{
		"in memory": func(t *testing.T, c *kubetest.Cluster) *kube.Client { return c.Client(t, "ada", "shop") },
		"by socket": served,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := kubetest.New([]string{"shop"})
			c.Add(settings("a", map[string]string{"on": "yes"}), settings("b", nil))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			maps := client(t, c).API.CoreV1().ConfigMaps("shop")
			list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "on=yes"})
			if err != nil || len(list.Items) != 1 {
				t.Fatal(list, err)
			}
			options := metav1.ListOptions{LabelSelector: "on=yes", ResourceVersion: list.ResourceVersion}
			w, err := maps.Watch(ctx, options)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Stop()
			on := func(name string, labels map[string]string) {
				kubetest.Edit(c, "shop", name, func(m *corev1.ConfigMap) { m.Labels = labels })
			}
			on("b", map[string]string{"on": "yes"})
			on("a", map[string]string{"on": "yes", "more": "x"})
			on("b", nil)
			c.Add(settings("c", nil))
			kubetest.Delete[corev1.ConfigMap](c, "shop", "a")
			var got []string
			for range 4 {
				e := <-w.ResultChan()
				got = append(got, string(e.Type)+" "+e.Object.(*corev1.ConfigMap).Name)
			}
			if diff := cmp.Diff([]string{"ADDED b", "MODIFIED a", "DELETED b", "DELETED a"}, got); diff != "" {
				t.Error(diff)
			}
			c.Compact()
			late, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
			if err != nil {
				t.Fatal(err)
			}
			if e := <-late.ResultChan(); e.Type != watch.Error {
				t.Errorf("a watch from before the history: %+v", e)
			}
		})
	}
}

// served is a client that reaches a cluster by a socket.
func served(t *testing.T, c *kubetest.Cluster) *kube.Client {
	client, err := kube.New(kube.Options{Kubeconfig: c.Serve(t, "ada", "shop")})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault kubetest.Fault
		made  bool
	}{{kubetest.Refuse, false}, {kubetest.Lose, true}, {kubetest.Hang, false}} {
		for name, client := range map[string]func(*testing.T, *kubetest.Cluster) *kube.Client{
			"in memory": func(t *testing.T, c *kubetest.Cluster) *kube.Client { return c.Client(t, "ada", "shop") },
			"by socket": served,
		} {
			t.Run(string(tt.fault)+" "+name, func(t *testing.T) {
				t.Parallel()
				c := kubetest.New([]string{"shop"})
				points := &kubetest.Points{At: "POST configmaps, no. 2", Fault: tt.fault}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				c.Inject(func(q kubetest.Request) kubetest.Fault {
					fault := points.Decide(q)
					if fault == kubetest.Hang {
						cancel() // the client is out of patience
					}
					return fault
				})
				api := client(t, c)
				if err := create(settings("first", nil))(ctx, api); err != nil {
					t.Fatal(err)
				}
				if err := create(settings("second", nil))(ctx, api); err == nil {
					t.Error("the fault is not seen")
				}
				c.Inject(nil)
				if made := kubetest.Get[corev1.ConfigMap](c, "shop", "second") != nil; made != tt.made || !points.Hit {
					t.Errorf("made: %v, hit: %v, %q", made, points.Hit, points.Seen)
				}
			})
		}
	}
}

// What a user may do, and who they are, is the server's to say.
func TestPermissions(t *testing.T) {
	t.Parallel()
	c := kubetest.New([]string{"shop"})
	c.Ahead = time.Hour
	c.Restrict("bob")
	c.Forbid("ada", "list", "secrets")
	ada, bob := c.Client(t, "ada", "shop"), c.Client(t, "bob", "shop")
	if user, err := ada.User(t.Context()); err != nil || user != "ada" {
		t.Error(user, err)
	}
	now, err := ada.Now(t.Context())
	if err != nil || time.Until(now) < 59*time.Minute {
		t.Error(now, err)
	}
	for _, tt := range []struct {
		client         *kube.Client
		verb, resource string
		want           bool
	}{{ada, "list", "secrets", false}, {ada, "get", "secrets", true}, {bob, "get", "secrets", false}} {
		if may, err := tt.client.May(t.Context(), tt.verb, "", tt.resource); err != nil || may != tt.want {
			t.Errorf("%s %s: %v, %v", tt.verb, tt.resource, may, err)
		}
	}
	_, err = bob.API.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
	if p := problem.From(bob.Explain(err)); p.Code != problem.Forbidden {
		t.Errorf("%+v", p)
	}
	c.Admit(func(q kubetest.Request, _ *unstructured.Unstructured) error {
		if q.Resource == "configmaps" {
			return errors.New("no more settings")
		}
		return nil
	})
	err = create(settings("x", nil))(t.Context(), ada)
	if p := problem.From(ada.Explain(err)); p.Code != problem.Refused {
		t.Errorf("%+v", p)
	}
}

// A namespace that is made again is another one, and so is that of another cluster.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	one, two := kubetest.New([]string{"shop"}), kubetest.New([]string{"shop"})
	first, err := one.Client(t, "ada", "shop").Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := two.Client(t, "ada", "shop").Place(t.Context())
	if err != nil || first.Same(second) || first.Server == second.Server {
		t.Error(first, second, err)
	}
	one.Add(settings("settings", nil))
	kubetest.Delete[corev1.Namespace](one, "", "shop")
	if kubetest.Get[corev1.ConfigMap](one, "shop", "settings") != nil {
		t.Error("a namespace's objects outlive it")
	}
	one.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	if again, err := one.Client(t, "ada", "shop").Place(t.Context()); err != nil || again.Same(first) {
		t.Error(again, err)
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	c := kubetest.New([]string{"shop"})
	c.Define(kubetest.Rollout())
	client := c.Client(t, "ada", "shop")
	version, err := client.API.Discovery().ServerVersion()
	if err != nil || version.Minor != "34" {
		t.Error(version, err)
	}
	_, lists, err := client.API.Discovery().ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, list := range lists {
		for _, r := range list.APIResources {
			if r.Name == "pods" || r.Name == "rollouts" || r.Name == "rollouts/scale" {
				found++
			}
		}
	}
	if found != 3 {
		t.Errorf("%d of 3 resources are listed", found)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	c := kubetest.New([]string{"shop"})
	c.Add(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}})
	c.Log = func(pod, container string, previous bool) string { return pod + " " + container }
	pods := c.Client(t, "ada", "shop").API.CoreV1().Pods("shop")
	stream, err := pods.GetLogs("web", &corev1.PodLogOptions{Container: "app"}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(stream); err != nil || string(text) != "web app" {
		t.Errorf("%q, %v", text, err)
	}
}
