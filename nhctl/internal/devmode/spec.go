package devmode

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Spec says what to take into dev mode, and how.
type Spec struct {
	Workload workload.Ref
	Mode     record.Mode
	// PodTemplate is where a custom resource has its pod template; empty means the usual place.
	PodTemplate string
	// Ordinal chooses a StatefulSet's pod; All parks those below it too. Yes is the answer to what would be asked.
	Ordinal  *int
	All, Yes bool
	// Answers are those to single questions.
	Answers problem.Answers
	Depend  Depend
	// Dev is the container that is developed; Extra are others of the same pod.
	Dev
	Extra    []Dev
	SkipInit bool
	// StorageClass is that of the developer's volumes.
	StorageClass string
	ClaimUse     workload.ClaimUse
	Patches      []workload.Patch
	// Scaled says that the end does not wait for ready pods.
	Scaled bool
	// Folder is on this computer; GitURL is where its sources are from.
	Folder, GitURL string
	// MountPath is where the dev container has the folder; empty means WorkDir. More are other synced folders, without
	// ids, those of the containers next to it too.
	MountPath    string
	More         []record.Folder
	SidecarImage string
	// SidecarResources override those of nhctl's own containers, quantity by quantity.
	SidecarResources corev1.ResourceRequirements
	// ByExec plants the sidecar's binary through exec, instead of from its image; ElseByExec does so once the image
	// turns out not to be available.
	ByExec, ElseByExec bool
	Holder             record.Holder
	// TakeOver ends another's session of the workload, Wait waits for its end.
	TakeOver, Wait bool
	// AbandonAfter is how long a silent session blocks others; 0 means the default.
	AbandonAfter time.Duration
}

// Dev says how a container is developed.
type Dev struct {
	// Container is the original's; empty means the only one. DevName is its name in the twin; empty means its own.
	Container, DevName string
	Image              string
	PullPolicy         corev1.PullPolicy
	WorkDir            string
	Shell              string
	Env                []corev1.EnvVar
	Resources          corev1.ResourceRequirements
	User               workload.User
	Probes             workload.Probes
	Seed               bool
	// Dirs are kept on volumes of the developer's.
	Dirs []Dir
	// Drop are paths of mounts that the twin goes without.
	Drop []string
}

// Name is the container's in the twin.
func (d Dev) Name() string { return cmp.Or(d.DevName, d.Container) }

// devs are all containers that are developed.
func (s Spec) devs() []Dev { return append([]Dev{s.Dev}, s.Extra...) }

// leaveUsers leaves the users of all that were to take root's place to the cluster, and says whether there were any.
func (s *Spec) leaveUsers() (any bool) {
	s.Extra = slices.Clone(s.Extra)
	devs := []*Dev{&s.Dev}
	for i := range s.Extra {
		devs = append(devs, &s.Extra[i])
	}
	for _, d := range devs {
		any = any || d.User.NotRoot != nil
		d.User.NotRoot = nil
	}
	return any
}

// dirs are the folders of all of them that outlive dev mode.
func (s Spec) dirs() []Dir {
	var all []Dir
	for _, d := range s.devs() {
		for _, dir := range d.Dirs { // the same path is the same volume
			if !slices.ContainsFunc(all, func(o Dir) bool { return o.Path == dir.Path }) {
				all = append(all, dir)
			}
		}
	}
	return all
}

// Link does the work that needs the twin's pod, or this computer.
type Link interface {
	// Save keeps the record and the carrier's token on this computer, before anything is made in the cluster.
	Save(Record, []byte) error
	// Mounted says what the twin's pods are made of: what they have mounted below a synced folder is no part of sync.
	Mounted(context.Context, corev1.PodSpec) error
	// Start begins to dial the twin's pod, and to read the folder, without waiting for either. Wake makes a dial that
	// rests try at once.
	Start() error
	Wake()
	// Connect returns when a carrier to the twin's pod is up.
	Connect(context.Context) error
	// Reach lists what does not answer of HOST:PORTs and URLs, as seen from the twin's pod, each with the reason.
	Reach(ctx context.Context, tcp, http []string) ([]string, error)
	// FirstSync returns when all that exists locally is in the pod.
	FirstSync(context.Context) error
	// SetReady opens or closes the twin's readiness gate.
	SetReady(context.Context, bool) error
	// Flush returns when what only the pod has is here.
	Flush(context.Context) error
}

// Deps are what entering and leaving work with.
type Deps struct {
	Cluster *kube.Client
	Link    Link
	Emit    func(event.Event)
	// Binaries finds those that come into pods through exec.
	Binaries func() plant.Binaries
	// Oust ends a session whose own computer is silent, and returns the folder where it keeps what the pod had, if it
	// did.
	Oust func(context.Context, Record) (kept string, err error)
}

// complete says what neither the config nor the command line has named. It comes after the workload was found: a typo
// in its name is the likelier mistake.
func (s Spec) complete() error {
	switch {
	case s.Folder == "" && s.GitURL != "":
		return problem.New(problem.Usage, "the sources of %s are not on this computer", s.Workload).
			WithHint("get them with git clone %s, then name their folder with --dir", s.GitURL)
	case s.Folder == "":
		return problem.New(problem.Usage, "no config describes %s, so the folder of its sources is not known",
			s.Workload).
			WithHint("go to the folder of its sources and write a .dev/config.yaml, " +
				"or name the folder with --dir and the dev image with --image (auto chooses one by the sources)")
	}
	for _, d := range s.devs() {
		if d.Image == "" {
			place := strings.TrimSuffix(s.Workload.String()+", container "+d.Container, ", container ")
			return problem.New(problem.Usage, "no dev image for %s", place).
				WithHint("set containers[].dev.image in .dev/config.yaml, or name one with --image, " +
					"such as docker.io/library/golang:1.26; --image auto chooses one by the sources")
		}
	}
	return nil
}
