package devmode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// binaries are sidecars that say for which architecture; none says that there is none.
type binaries struct{ none error }

func (b binaries) Check() error { return b.none }

func (b binaries) Open(_ context.Context, arch string) (sidecarbinary.Binary, error) {
	content := "sidecar for " + arch
	return sidecarbinary.Binary{
		ReadCloser: io.NopCloser(strings.NewReader(content)),
		Size:       int64(len(content)),
	}, b.none
}

// node is what the twins' pods find on their node: the images that it can pull, and those of them that have a shell.
type node struct {
	*stage
	pulls, shells []string
	// planted has what came into pods through exec, by their images.
	planted map[string]string
	// tried are the images of plant containers, one after the other.
	tried []string
}

// status is a pod's while its plant container is at work, and nil afterwards. The stage's lock is held.
func (n *node) status(p *corev1.Pod) *corev1.PodStatus {
	c := p.Spec.InitContainers[0]
	if len(n.tried) == 0 || n.tried[len(n.tried)-1] != c.Image {
		n.tried = append(n.tried, c.Image)
	}
	s := corev1.ContainerStatus{Name: c.Name, Image: c.Image}
	switch byExec := c.Command[0] == "sh"; {
	case !slices.Contains(n.pulls, c.Image):
		text := c.Image + ": not found"
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: text}
	case byExec && !slices.Contains(n.shells, c.Image):
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "RunContainerError", Message: "sh: not found"}
	case byExec && n.planted[c.Image] == "":
		s.State.Running = &corev1.ContainerStateRunning{}
	default:
		return nil
	}
	return &corev1.PodStatus{Phase: corev1.PodPending, InitContainerStatuses: []corev1.ContainerStatus{s}}
}

func (n *node) exec(_ context.Context, pod *corev1.Pod, o kube.ExecOptions) error {
	if o.Container != contract.PlantContainer {
		return fmt.Errorf("exec into container %s", o.Container)
	}
	if o.Command[0] == "uname" {
		_, err := io.WriteString(o.Stdout, "aarch64\n")
		return err
	}
	content, err := io.ReadAll(o.Stdin)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.planted[pod.Spec.InitContainers[0].Image] = string(content)
	return err
}

// The sidecar comes from its image, or through exec where that can't be pulled: into the dev image, or where that has
// no shell, into one of the original's. Whoever ends the session later knows which way it was.
func TestPlanting(t *testing.T) {
	t.Parallel()
	const ours, dev, web = "sidecar:1", "dev:1", "web:1"
	all := []string{ours, dev, web}
	for name, tt := range map[string]struct {
		change        func(*Spec)
		pulls, shells []string
		none          error
		// tried are the images of the plant containers; byExec says that the last one's got the binary.
		tried  []string
		byExec bool
		// unasked says that no one looks for binaries; else that is done once.
		unasked bool
		notice  string
		failed  string
	}{
		"from its image": {pulls: all, shells: all, tried: []string{ours}, unasked: true},
		"the image can't be pulled": {
			pulls:  []string{dev, web},
			shells: all,
			tried:  []string{ours, dev},
			byExec: true,
			notice: "the sidecar's image sidecar:1 can't be had (ErrImagePull sidecar:1: not found)",
		},
		"nor has the dev image a shell": {
			pulls:  []string{dev, web},
			shells: []string{web},
			tried:  []string{ours, dev, web},
			byExec: true,
			notice: "web:1 is tried",
		},
		"no image has a shell": {
			pulls:  []string{dev, web},
			tried:  []string{ours, dev, web},
			notice: "web:1 is tried",
			failed: "container nhctl-plant can't start: sh: not found",
		},
		"by image and in no other way": {
			change:  func(s *Spec) { s.ElseByExec = false },
			pulls:   []string{dev, web},
			shells:  all,
			tried:   []string{ours},
			unasked: true,
			failed:  "the image sidecar:1 can't be pulled",
		},
		"without a binary": {
			pulls:  []string{dev, web},
			shells: all,
			none:   errors.New("none"),
			tried:  []string{ours},
			failed: "the image sidecar:1 can't be pulled",
		},
		"by exec": {
			change: func(s *Spec) { s.ByExec, s.ElseByExec, s.SidecarImage = true, false, "" },
			pulls:  []string{dev, web},
			shells: []string{dev},
			tried:  []string{dev},
			byExec: true,
		},
		"by exec, the dev image can't be pulled": {
			change:  func(s *Spec) { s.ByExec, s.ElseByExec, s.SidecarImage = true, false, "" },
			pulls:   []string{web},
			shells:  all,
			tried:   []string{dev},
			unasked: true,
			failed:  "the image dev:1 can't be pulled",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				n := &node{stage: s, pulls: tt.pulls, shells: tt.shells, planted: map[string]string{}}
				s.status, s.Exec = n.status, n.exec
				before := s.Snapshot("shop")
				ada := s.computer("ada", "laptop")
				looked := 0
				ada.deps.Binaries = func() plant.Binaries { looked++; return binaries{tt.none} }
				wanted := ada.spec(record.Replace)
				wanted.ElseByExec = true
				if tt.change != nil {
					tt.change(&wanted)
				}
				r, err := ada.enter(wanted)
				if diff := cmp.Diff(tt.tried, n.tried); diff != "" {
					t.Errorf("plant containers:\n%s", diff)
				}
				if want := map[bool]int{true: 0, false: 1}[tt.unasked]; looked != want {
					t.Errorf("the binaries were looked for %d times, want %d", looked, want)
				}
				if tt.notice != "" && !ada.heard(tt.notice) || tt.notice == "" && ada.heard("sidecar") {
					t.Errorf("notices: %q, want %q", ada.notices, tt.notice)
				}
				if tt.failed != "" {
					if err == nil || !strings.Contains(err.Error(), tt.failed) || problem.From(err).Hint == "" {
						t.Errorf("%v, want %q and a next step", err, tt.failed)
					}
					s.restored(before)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := n.planted[tt.tried[len(tt.tried)-1]]; tt.byExec && got != "sidecar for arm64" {
					t.Errorf("%q was planted", got)
				}
				stored, _, err := lease.Lookup(t.Context(), ada.deps.Cluster, r)
				knows := []bool{r.ByExec, stored.ByExec, ada.link.saved.ByExec}
				if slices.Contains(knows, !tt.byExec) || err != nil {
					t.Errorf("by exec: %v in the record, its Lease, on the computer, want %v; %v", knows, tt.byExec,
						err)
				}
				twin := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", r.Twin())
				if text := twin.Annotations[contract.AnnotationRecord]; strings.Contains(text, "byExec") != tt.byExec {
					t.Errorf("the twin's own record: %s", text)
				}
				if err := ada.leave(r); err != nil {
					t.Fatal(err)
				}
				s.restored(before)
			})
		})
	}
}

// A pod that fails is looked at until the twin's next one comes, and changes the twin once.
func TestPlantingChangesTheTwinOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		n := &node{stage: s, pulls: []string{"dev:1", "web:1"}, planted: map[string]string{}}
		ada := s.computer("ada", "laptop")
		ada.deps.Binaries = func() plant.Binaries { return binaries{} }
		e := &entry{Deps: ada.deps, spec: ada.spec(record.Replace)}
		e.spec.ElseByExec = true
		if err := errors.Join(e.resolve(t.Context()), e.create(t.Context())); err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{Spec: e.twin.Spec.Template.Spec}
		pod.Name = "web-1"
		pod.Status = *n.status(pod)
		for range 3 {
			if acted, err := e.planter.Tend(t.Context(), e.Cluster, e.record, pod); !acted || err != nil {
				t.Fatalf("%v, %v", acted, err)
			}
		}
		twin := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", e.record.Twin())
		if image := twin.Spec.Template.Spec.InitContainers[0].Image; image != "dev:1" {
			t.Errorf("the plant container has the image %s, want that of the first try, dev:1", image)
		}
	})
}

// A pull that takes too long is as good as one that fails, but only where that is what the pod waits for. The pods of a
// session that is entered are looked after in the same way.
func TestPullThatHangs(t *testing.T) {
	t.Parallel()
	const planter, other = "spec.initContainers{nhctl-plant}", "spec.initContainers{migrate}"
	for name, tt := range map[string]struct {
		pulls  string // the container whose image the events say is being pulled
		change func(*Record, *corev1.ContainerStatus)
		after  time.Duration
		acts   bool
	}{
		"it hangs":                     {pulls: planter, after: 20 * time.Second, acts: true},
		"not for long":                 {pulls: planter, after: 19 * time.Second},
		"another image's pull":         {pulls: other, after: time.Minute},
		"a volume that isn't attached": {after: time.Minute},
		"it has come": {
			pulls:  planter,
			change: func(_ *Record, s *corev1.ContainerStatus) { s.State = corev1.ContainerState{} },
			after:  time.Minute,
		},
		"by image and in no other way": {
			pulls:  planter,
			change: func(r *Record, _ *corev1.ContainerStatus) { r.ElseByExec = false },
			after:  time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				ada := s.computer("ada", "laptop")
				ada.deps.Binaries = func() plant.Binaries { return binaries{} }
				e := &entry{Deps: ada.deps, spec: ada.spec(record.Replace)}
				e.spec.ElseByExec = true
				if err := errors.Join(e.resolve(t.Context()), e.create(t.Context())); err != nil {
					t.Fatal(err)
				}
				r, saved, notes := e.record, []bool{}, 0
				p := &Planter{
					Binaries: func() plant.Binaries { return binaries{} },
					Save:     func(_ context.Context, r Record) error { saved = append(saved, r.ByExec); return nil },
					Note:     func(string) { notes++ },
				}
				pod := &corev1.Pod{Spec: e.twin.Spec.Template.Spec}
				pod.Name, pod.Namespace, pod.UID = "web-1", "shop", "uid-1"
				status := corev1.ContainerStatus{Name: contract.PlantContainer}
				status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "PodInitializing"}
				if tt.change != nil {
					tt.change(&r, &status)
				}
				pod.Status.InitContainerStatuses = []corev1.ContainerStatus{status}
				if tt.pulls != "" {
					pulling := &corev1.Event{Reason: "Pulling"}
					pulling.Name, pulling.Namespace = "web-1.1", "shop"
					pulling.InvolvedObject = corev1.ObjectReference{Kind: "Pod", UID: pod.UID, FieldPath: tt.pulls}
					s.Add(pulling)
				}
				first, err := p.Tend(t.Context(), ada.deps.Cluster, r, pod)
				if first || err != nil {
					t.Fatalf("at once: %v, %v", first, err)
				}
				pass(tt.after)
				acted, err := p.Tend(t.Context(), ada.deps.Cluster, r, pod)
				if acted != tt.acts || err != nil || len(saved) == 1 != tt.acts || notes == 1 != tt.acts {
					t.Errorf("%v, %v; saved %v, %d notices", acted, err, saved, notes)
				}
				want := e.twin.Spec.Template.Spec.InitContainers[0].Image
				if tt.acts {
					want = "dev:1"
				}
				twin := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", r.Twin())
				if image := twin.Spec.Template.Spec.InitContainers[0].Image; image != want {
					t.Errorf("the plant container has the image %s, want %s", image, want)
				}
			})
		})
	}
}
