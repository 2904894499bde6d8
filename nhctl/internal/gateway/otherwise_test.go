package gateway

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// node is what the gateways' pods find: the images that it has, those that it can pull, and which of them have a shell.
type node struct {
	has, pulls, shells []string

	mu sync.Mutex
	// tried are the images of the pods' first containers, in the order of their first pods.
	tried   []string
	planted string // the image into which the agent came
}

func (n *node) status(p *corev1.Pod) *corev1.PodStatus {
	if p.Labels[contract.LabelRole] != contract.RoleGateway {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Concat(p.Spec.InitContainers, p.Spec.Containers)
	c := all[0]
	text := c.Image
	if c.ImagePullPolicy == corev1.PullNever {
		text += " (never)"
	}
	if !slices.Contains(n.tried, text) {
		n.tried = append(n.tried, text)
	}
	s, phase := corev1.ContainerStatus{Name: c.Name, Image: c.Image}, corev1.PodPending
	there := slices.Contains(n.has, c.Image)
	switch byExec := c.Command[0] == "sh"; {
	case !there && c.ImagePullPolicy == corev1.PullNever:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: "not present"}
	case !there && !slices.Contains(n.pulls, c.Image):
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"}
	case byExec && !slices.Contains(n.shells, c.Image): // a pod of a Job is not tried again
		s.State.Terminated = &corev1.ContainerStateTerminated{Reason: "StartError", Message: "no sh", ExitCode: 128}
		phase = corev1.PodFailed
	case byExec && n.planted != c.Image:
		s.State.Running = &corev1.ContainerStateRunning{}
	default:
		return nil
	}
	if len(p.Spec.InitContainers) > 0 {
		return &corev1.PodStatus{Phase: phase, InitContainerStatuses: []corev1.ContainerStatus{s}}
	}
	return &corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{s}}
}

func (n *node) exec(_ context.Context, p *corev1.Pod, o kube.ExecOptions) error {
	if o.Command[0] == "uname" {
		_, err := io.WriteString(o.Stdout, "x86_64\n")
		return err
	}
	_, err := io.Copy(io.Discard, o.Stdin)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.planted = p.Spec.InitContainers[0].Image
	return err
}

// pod adds a pod that runs to the namespace.
func pod(cluster *kubetest.Cluster, name, image string, change func(*corev1.Pod)) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}}
	p.Spec.Containers = []corev1.Container{{Name: "app", Image: image}}
	if change != nil {
		change(p)
	}
	cluster.Add(p)
}

// The sidecar's image is had from the node, or from a registry that has it; else the agent comes through exec into an
// image that the namespace runs, one after the other until one has a shell. Whoever names an image gets that one.
func TestOtherwise(t *testing.T) {
	t.Parallel()
	unpublished := func(r *record.Tunnel) { r.NeverPull, r.ElseByExec = true, true }
	published := func(r *record.Tunnel) { r.ElseByExec = true }
	for name, tt := range map[string]struct {
		change    func(*record.Tunnel)
		node      *node
		companion bool
		empty     bool // no pod of the namespace runs
		// tried are the images of the gateways' pods.
		tried  []string
		image  string // of the record afterwards
		notice string
		failed string
	}{
		"not published, on the node": {
			change: unpublished,
			node:   &node{has: []string{"sidecar:1"}},
			tried:  []string{"sidecar:1 (never)"},
			image:  "sidecar:1",
		},
		"not published, not on the node": {
			change: unpublished,
			node:   &node{has: []string{"api:1", "db:1"}, shells: []string{"api:1", "db:1"}},
			tried:  []string{"sidecar:1 (never)", "api:1"},
			image:  "api:1",
			notice: "sidecar:1 can't be had (ErrImageNeverPull not present): nhctl copies the agent",
		},
		"the first image has no shell": {
			change: unpublished,
			node:   &node{has: []string{"api:1", "db:1"}, shells: []string{"db:1"}},
			tried:  []string{"sidecar:1 (never)", "api:1", "db:1"},
			image:  "db:1",
			notice: "can't be had",
		},
		"no image has a shell": {
			change: unpublished,
			node:   &node{has: []string{"api:1", "db:1"}},
			tried:  []string{"sidecar:1 (never)", "api:1", "db:1"},
			image:  "db:1",
			notice: "can't be had",
			failed: "none of the 2 images that namespace shop runs has a shell",
		},
		"no pod runs": {
			change: unpublished,
			node:   &node{},
			empty:  true,
			tried:  []string{"sidecar:1 (never)"},
			image:  "sidecar:1",
			notice: "can't be had",
			failed: "namespace shop runs no pod",
		},
		"published, but out of reach": {
			change: published,
			node:   &node{has: []string{"api:1"}, shells: []string{"api:1"}},
			tried:  []string{"sidecar:1", "api:1"},
			image:  "api:1",
			notice: "can't be had (ErrImagePull not found)",
		},
		"published": {
			change: published,
			node:   &node{pulls: []string{"sidecar:1"}},
			tried:  []string{"sidecar:1"},
			image:  "sidecar:1",
		},
		"named": {
			change: func(*record.Tunnel) {},
			node:   &node{has: []string{"api:1"}, shells: []string{"api:1"}},
			tried:  []string{"sidecar:1"},
			image:  "sidecar:1",
			failed: "sidecar:1 can't be pulled",
		},
		"a companion": {
			change:    unpublished,
			companion: true,
			node:      &node{has: []string{"web:1"}, shells: []string{"web:1"}},
			tried:     []string{"sidecar:1 (never)", "web:1"},
			image:     "web:1",
			notice:    "can't be had",
		},
		"a companion whose image has no shell": {
			change:    unpublished,
			companion: true,
			node:      &node{has: []string{"web:1"}},
			tried:     []string{"sidecar:1 (never)", "web:1"},
			image:     "web:1",
			notice:    "can't be had",
			failed:    "container nhctl-plant can't start: no sh",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := tt.node
			in(t, kubetest.Kubelet{Fails: n.status}, func(
				t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel,
			) {
				cluster.Exec = n.exec
				if tt.companion {
					r = companion(t, cluster, c, r)
				}
				if !tt.empty {
					pod(cluster, "api-1", "api:1", nil)
					pod(cluster, "db-0", "db:1", nil)
					awaitRunning(t, c)
				}
				tt.change(&r)
				notices := ""
				k := &Keeper{
					Binaries: func() plant.Binaries { return binaries("agent") },
					Note:     func(text string) { notices += text },
				}
				k.Save = func(_ context.Context, saved record.Tunnel) error {
					r = saved
					return saved.Check("it")
				}
				err := follow(t, k, c, &r)
				if diff := cmp.Diff(tt.tried, n.tried); diff != "" {
					t.Errorf("pods: %s", diff)
				}
				if r.Image != tt.image || r.ByExec != (len(tt.tried) > 1) {
					t.Errorf("image %s, by exec %v", r.Image, r.ByExec)
				}
				if tt.notice == "" && notices != "" || !strings.Contains(notices, tt.notice) {
					t.Errorf("notices: %s", notices)
				}
				if p := problem.From(err); tt.failed != "" &&
					(!strings.Contains(p.Message, tt.failed) || !strings.Contains(p.Hint, "--image")) {
					t.Errorf("%s (%s)", p.Message, p.Hint)
				}
				if err != nil && tt.failed == "" {
					t.Error(err)
				}
				if jobs := kubetest.List[batchv1.Job](cluster, "shop"); len(jobs) != 1 {
					t.Errorf("%d Jobs", len(jobs))
				}
			})
		})
	}
}

// follow waits for the gateway, as a session does: with the record as it is by then.
func follow(t *testing.T, k *Keeper, c *kube.Client, r *record.Tunnel) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return k.Await(ctx, c, func() record.Tunnel { return *r }, []byte("secret"), func(string) {})
}

// awaitRunning returns once the namespace's pods run.
func awaitRunning(t *testing.T, c *kube.Client) {
	t.Helper()
	pods, err := c.API.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		if p.Status.Phase != corev1.PodRunning {
			t.Fatalf("pod %s does not run", p.Name)
		}
	}
}

// A gateway in a borrowed image runs as its lender does, or as no one in particular, and pulls the image as that may.
func TestBorrowed(t *testing.T) {
	t.Parallel()
	user, root := int64(1000), int64(0)
	for name, tt := range map[string]struct {
		lender func(*corev1.Pod)
		user   int64
	}{
		"no user": {func(*corev1.Pod) {}, 65532},
		"the pod's": {func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &user}
		}, user},
		"the container's": {func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &root}
			p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: &user}
		}, user},
		"root": {func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &root}
		}, 65532},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &node{has: []string{"api:1"}, shells: []string{"api:1"}}
			in(t, kubetest.Kubelet{Fails: n.status}, func(
				t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel,
			) {
				cluster.Exec = n.exec
				pod(cluster, "api-1", "api:1", func(p *corev1.Pod) {
					p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
					tt.lender(p)
				})
				r, err := ByExec(t.Context(), c, r)
				if err != nil {
					t.Fatal(err)
				}
				k := &Keeper{Binaries: func() plant.Binaries { return binaries("agent") }}
				if err := follow(t, k, c, &r); err != nil {
					t.Fatal(err)
				}
				spec := kubetest.List[batchv1.Job](cluster, "shop")[0].Spec.Template.Spec
				if len(spec.ImagePullSecrets) != 1 || spec.ImagePullSecrets[0].Name != "registry" {
					t.Errorf("pull secrets: %v", spec.ImagePullSecrets)
				}
				for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
					if *c.SecurityContext.RunAsUser != tt.user || !*c.SecurityContext.RunAsNonRoot {
						t.Errorf("container %s runs as %d", c.Name, *c.SecurityContext.RunAsUser)
					}
				}
			})
		})
	}
}
