package gateway

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// in runs a test with a cluster in memory, in which ada has begun a tunnel.
func in(t *testing.T, kubelet kubetest.Kubelet, test func(*testing.T, *kubetest.Cluster, *kube.Client, record.Tunnel)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cluster := kubetest.New([]string{"shop"}, kubetest.Workloads(), kubelet.Controller())
		c := cluster.Client(t, "ada", "shop")
		place, err := c.Place(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		now, err := c.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := record.Tunnel{
			Kind:      record.TunnelKind,
			Version:   record.TunnelVersion,
			Session:   "0a1b2c3d",
			Namespace: "shop",
			Place:     place,
			Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
			Since:     now,
			Port:      20001,
			Image:     "sidecar:1",
		}
		if taken, err := lease.Create(t.Context(), c, r); taken || err != nil {
			t.Fatal(taken, err)
		}
		test(t, cluster, c, r)
	})
}

func await(t *testing.T, k *Keeper, c *kube.Client, r record.Tunnel) error {
	t.Helper()
	return follow(t, k, c, &r)
}

// owners are the UIDs of what an object goes with.
func owners(o metav1.ObjectMeta) (all []types.UID) {
	for _, r := range o.OwnerReferences {
		all = append(all, r.UID)
	}
	return all
}

// The gateway comes up with a Secret and the Lease that go with it, and is followed by another one when it is lost.
func TestKeeper(t *testing.T) {
	t.Parallel()
	in(t, kubetest.Kubelet{Start: 2 * time.Second}, func(
		t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel,
	) {
		k := &Keeper{}
		if err := await(t, k, c, r); err != nil {
			t.Fatal(err)
		}
		first := kubetest.List[batchv1.Job](cluster, "shop")
		if len(first) != 1 {
			t.Fatalf("%d Jobs", len(first))
		}
		check := func(j batchv1.Job) {
			t.Helper()
			secret := kubetest.Get[corev1.Secret](cluster, "shop", j.Name)
			held := kubetest.Get[coordinationv1.Lease](cluster, "shop", r.Lease())
			if secret == nil || held == nil || !slices.Equal(owners(secret.ObjectMeta), []types.UID{j.UID}) ||
				!slices.Equal(owners(held.ObjectMeta), []types.UID{j.UID}) {
				t.Errorf("Secret %+v, Lease %+v", secret, held)
			}
		}
		check(first[0])
		// A pod that has ended makes its Job spent, before the Job's controller has seen that.
		for _, p := range kubetest.List[corev1.Pod](cluster, "shop") {
			kubetest.Edit(cluster, "shop", p.Name, func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })
		}
		if _, err := k.Pod(t.Context(), c, r, []byte("secret")); !errors.Is(err, errComing) {
			t.Errorf("right after the loss: %v", err)
		}
		if err := await(t, k, c, r); err != nil {
			t.Fatal(err)
		}
		second := kubetest.List[batchv1.Job](cluster, "shop")
		if len(second) != 1 || second[0].UID == first[0].UID {
			t.Fatalf("%d Jobs", len(second))
		}
		check(second[0])
		// All of it goes with the last Job, as when its time to live is over.
		kubetest.Delete[batchv1.Job](cluster, "shop", second[0].Name)
		if left := kubetest.List[coordinationv1.Lease](cluster, "shop"); len(left) != 0 {
			t.Errorf("%+v is left", left)
		}
		// A computer that comes back then begins again, Lease included.
		if err := await(t, k, c, r); err != nil {
			t.Fatal(err)
		}
		check(kubetest.List[batchv1.Job](cluster, "shop")[0])
		if err := Remove(t.Context(), c, r, nil); err != nil {
			t.Error(err)
		}
		if jobs := kubetest.List[batchv1.Job](cluster, "shop"); len(jobs) != 0 {
			t.Errorf("%d Jobs are left", len(jobs))
		}
	})
}

// Nothing is made in a namespace that only has the name of the tunnel's, nor where another session has the Lease.
func TestKeeperElsewhere(t *testing.T) {
	t.Parallel()
	in(t, kubetest.Kubelet{}, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel) {
		moved := r
		moved.Place.Namespace = "another"
		if _, err := (&Keeper{}).Pod(t.Context(), c, moved, nil); err == nil || errors.Is(err, errComing) {
			t.Errorf("another namespace: %v", err)
		}
		second := r
		second.Session = "ffffffff"
		if _, err := (&Keeper{}).Pod(t.Context(), c, second, nil); !errors.Is(err, lease.ErrNotHolder) {
			t.Errorf("another session's Lease: %v", err)
		}
		if jobs := kubetest.List[batchv1.Job](cluster, "shop"); len(jobs) != 0 {
			t.Errorf("%d Jobs were made", len(jobs))
		}
	})
}

// What will not come by itself is a problem that says what to do, at once.
func TestProblems(t *testing.T) {
	t.Parallel()
	waiting := func(reason, message string) func(*corev1.Pod) *corev1.PodStatus {
		return func(*corev1.Pod) *corev1.PodStatus {
			state := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
			return &corev1.PodStatus{
				Phase:             corev1.PodPending,
				ContainerStatuses: []corev1.ContainerStatus{{Name: contract.AgentContainer, State: state}},
			}
		}
	}
	in(t, kubetest.Kubelet{Fails: waiting("ImagePullBackOff", "not found")}, func(
		t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel,
	) {
		begin := time.Now()
		err := await(t, &Keeper{}, c, r)
		p := problem.From(err)
		if p.Code != problem.NotReady || !strings.Contains(p.Message, "can't be pulled") {
			t.Errorf("%s: %s (%s)", p.Code, p.Message, p.Hint)
		}
		if after := time.Since(begin); after > 10*time.Second {
			t.Errorf("it took %s", after)
		}
	})
	in(t, kubetest.Kubelet{Start: time.Hour}, func(
		t *testing.T, _ *kubetest.Cluster, c *kube.Client, r record.Tunnel,
	) {
		if p := problem.From(await(t, &Keeper{}, c, r)); p.Code != problem.Timeout ||
			!strings.Contains(p.Hint, "--timeout") {
			t.Errorf("%s: %s (%s)", p.Code, p.Message, p.Hint)
		}
	})
	in(t, kubetest.Kubelet{}, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel) {
		cluster.Admit(func(q kubetest.Request, _ *unstructured.Unstructured) error {
			if q.Resource == "pods" {
				return errors.New("exceeded quota: pods")
			}
			return nil
		})
		if p := problem.From(await(t, &Keeper{}, c, r)); p.Code != problem.Refused ||
			!strings.Contains(p.Hint, "another namespace") {
			t.Errorf("%s: %s (%s)", p.Code, p.Message, p.Hint)
		}
		if jobs := kubetest.List[batchv1.Job](cluster, "shop"); len(jobs) != 0 {
			t.Errorf("%d Jobs were made all the same", len(jobs))
		}
	})
}

// A policy that came after the Job's dry run leaves it without a pod: an event says why.
func TestJobWithoutPod(t *testing.T) {
	t.Parallel()
	in(t, kubetest.Kubelet{}, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel) {
		cluster.Admit(func(q kubetest.Request, _ *unstructured.Unstructured) error {
			if q.Resource == "pods" && q.User == kubetest.Controllers {
				return errors.New("exceeded quota: pods")
			}
			return nil
		})
		k := &Keeper{}
		if _, err := k.Pod(t.Context(), c, r, nil); !errors.Is(err, errComing) {
			t.Fatal(err)
		}
		job := kubetest.List[batchv1.Job](cluster, "shop")[0]
		cluster.Add(&corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: "why", Namespace: "shop"},
			InvolvedObject: corev1.ObjectReference{UID: job.UID},
			Reason:         "FailedCreate",
			Message:        "exceeded quota: pods",
		})
		time.Sleep(2 * refusedAfter)
		_, err := k.Pod(t.Context(), c, r, nil)
		if p := problem.From(err); p.Code != problem.NotReady || !strings.Contains(p.Message, "exceeded quota") {
			t.Errorf("%s: %s (%s)", p.Code, p.Message, p.Hint)
		}
	})
}

// binaries are an agent's.
type binaries string

func (b binaries) Check() error { return nil }
func (b binaries) Open(context.Context, string) (sidecarbinary.Binary, error) {
	return sidecarbinary.Binary{ReadCloser: io.NopCloser(strings.NewReader(string(b))), Size: int64(len(b))}, nil
}

// Where no registry has the sidecar's image, the agent comes into any image through exec.
func TestByExec(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	planted := ""
	status := func(pod *corev1.Pod) *corev1.PodStatus {
		mu.Lock()
		defer mu.Unlock()
		if planted != "" {
			return nil
		}
		running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
		return &corev1.PodStatus{
			Phase:                 corev1.PodPending,
			InitContainerStatuses: []corev1.ContainerStatus{{Name: contract.PlantContainer, State: running}},
		}
	}
	in(t, kubetest.Kubelet{Fails: status}, func(
		t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel,
	) {
		cluster.Exec = func(_ context.Context, _ *corev1.Pod, o kube.ExecOptions) error {
			if o.Command[0] == "uname" {
				_, err := io.WriteString(o.Stdout, "x86_64\n")
				return err
			}
			data, err := io.ReadAll(o.Stdin)
			mu.Lock()
			defer mu.Unlock()
			planted = o.Container + ": " + string(data)
			return err
		}
		r.ByExec, r.Image = true, "busybox:1"
		k := &Keeper{Binaries: func() plant.Binaries { return binaries("agent") }}
		if err := await(t, k, c, r); err != nil {
			t.Fatal(err)
		}
		if planted != contract.PlantContainer+": agent" {
			t.Errorf("planted %q", planted)
		}
	})
}
