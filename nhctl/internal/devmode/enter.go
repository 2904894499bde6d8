package devmode

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"math/big"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/steps"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// entry is an entering in progress.
type entry struct {
	Deps
	spec     Spec
	record   Record
	token    []byte
	original *workload.Original
	twin     *appsv1.Deployment
	// exclusive are the original's claims that two pods can't write to.
	exclusive []string
	// first says why the original must go before the twin comes; empty when it need not.
	first string
	// limits are what LimitRanges ask of the twin's containers, as far as that is known.
	limits workload.Limits
	// tookOver is the session that was ended for this one.
	tookOver *record.TookOver
	planter  *Planter
}

// Enter takes a workload into dev mode. On failure everything is as before; the error says why.
func Enter(ctx context.Context, deps Deps, spec Spec) (Record, error) {
	e := &entry{Deps: deps, spec: spec}
	if err := e.makeWay(ctx); err != nil {
		return Record{}, err
	}
	if err := e.resolve(ctx); err != nil {
		return Record{}, err
	}
	if len(spec.Depend.Pods)+len(spec.Depend.Jobs) > 0 {
		await := []steps.Step{{Name: stepDepend, Do: e.awaitDependencies}}
		if err := steps.Run(ctx, await, e.Emit); err != nil {
			return Record{}, err
		}
		if err := e.resolve(ctx); err != nil { // the original may be another one by now
			return Record{}, err
		}
	}
	e.tell()
	err := e.run(ctx)
	return e.record, err
}

func (e *entry) run(ctx context.Context) error {
	// A start may take longer than a silent session may block others.
	defer lease.KeepRenewed(ctx, e.Cluster, e.record)()
	return steps.Run(ctx, e.steps(), e.Emit)
}

// tell says what the user should know before the twin is made.
func (e *entry) tell() {
	if e.duplicate() {
		e.tellClaims()
		return
	}
	if e.first != "" {
		e.Emit(notice("the original stops first, since two of its pods can't run at once: " + e.first))
	}
	if rule := workload.KeepAway(e.spec.Workload, e.original.Object, e.record.Before()); rule != "" {
		e.Emit(notice("a GitOps tool may bring the original back while it is parked, " +
			"and the twin would step aside." + rule))
	}
}

// steps are those that the mode and the original ask for, in their order.
func (e *entry) steps() []steps.Step {
	spec := e.spec
	all := []steps.Step{
		{Name: stepLock, Do: e.lock, Undo: e.unlock},
		{Name: "ask the cluster's policies", Do: e.try},
	}
	if len(spec.dirs()) > 0 {
		all = append(all, steps.Step{Name: "prepare the volumes", Do: e.prepareVolumes})
	}
	if len(e.record.Paused) > 0 {
		resume := func(ctx context.Context) error { return resume(ctx, e.Cluster, e.record) }
		all = append(all, steps.Step{Name: "pause the autoscaler", Do: e.pause, Undo: resume})
	}
	park := steps.Step{Name: "park the original", Do: e.park, Undo: e.unpark}
	route := steps.Step{Name: "route traffic to the twin", Do: e.route}
	switch {
	case e.duplicate():
		all = append(append(all, e.twinSteps()...), steps.Step{Name: "open the readiness gate", Do: e.open})
	case e.first != "":
		all = append(append(append(all, park), e.twinSteps()...), route)
	default:
		all = append(append(all, e.twinSteps()...), park, route)
	}
	return append(all, steps.Step{Name: "record the session", Do: e.activate})
}

// twinSteps bring the twin up, with the sources in it.
func (e *entry) twinSteps() []steps.Step {
	all := []steps.Step{
		{Name: "create the twin", Do: e.create, Undo: e.remove},
		{Name: "wait for the dev pod", Do: e.wait},
		{Name: "connect to the sidecar", Do: e.Link.Connect},
	}
	if len(e.spec.Depend.TCP)+len(e.spec.Depend.HTTP) > 0 {
		all = append(all, steps.Step{Name: stepReachable, Do: e.awaitReachable})
	}
	return append(all, steps.Step{Name: "sync the sources", Do: e.sync})
}

func (e *entry) duplicate() bool { return e.spec.Mode == record.Duplicate }

// resolve finds the original and plans the twin, without changing anything.
func (e *entry) resolve(ctx context.Context) error {
	c, spec := e.Cluster, e.spec
	original, err := c.Original(ctx, spec.Workload, spec.PodTemplate)
	if err != nil {
		return err
	}
	if p := original.Refuse(e.duplicate()); p != nil {
		return p
	}
	if why := original.Ask(); why != "" && !e.duplicate() && !spec.Yes {
		question := replacing(original, why)
		if spec.Answers.To(question) != problem.Yes {
			return problem.New(problem.Confirm, "to replace it needs a yes: %s", why).
				WithHint("say so with --yes, or work on a copy: --mode duplicate").
				WithQuestion(question).WithRemedy(onACopy())
		}
	}
	if err := original.Choose(spec.Ordinal, spec.All, e.duplicate()); err != nil {
		return err
	}
	e.original = original
	e.planter = &Planter{
		Binaries: e.Binaries,
		Original: original.Template,
		Save:     func(_ context.Context, r Record) error { e.record = r; return nil }, // it is written at the end
		Note:     func(text string) { e.Emit(notice(text)) },
	}
	if e.spec.Container, err = original.Container(spec.Container); err != nil {
		return err
	}
	spec = e.spec
	for _, d := range spec.Extra {
		if _, err := original.Container(d.Container); err != nil {
			return err
		}
	}
	if err := spec.complete(); err != nil {
		return err
	}
	id, token, port, err := secrets(original.Template)
	if err != nil {
		return err
	}
	e.token = token
	e.record = Record{
		Kind:         record.DevMode,
		Version:      record.Version,
		Session:      id,
		Namespace:    c.Namespace,
		Workload:     spec.Workload,
		UID:          original.Object.GetUID(),
		Replicas:     original.Replicas,
		Kept:         original.Kept,
		Suspended:    original.Suspended,
		Scaled:       spec.Scaled,
		Mode:         spec.Mode,
		Phase:        record.Entering,
		Holder:       spec.Holder,
		Port:         port,
		Container:    spec.Name(),
		Image:        spec.Image,
		WorkDir:      spec.WorkDir,
		Shell:        spec.Shell,
		Folder:       spec.Folder,
		MountPath:    spec.MountPath,
		AbandonAfter: spec.AbandonAfter,
		ByExec:       spec.ByExec,
		ElseByExec:   spec.ElseByExec,
		TookOver:     e.tookOver,
		Fingerprint:  workload.Fingerprint(spec.Workload.Kind, original.Object),
	}
	for _, d := range spec.Extra {
		e.record.Extra = append(e.record.Extra, record.Container{
			Name:    d.Name(),
			Image:   d.Image,
			WorkDir: d.WorkDir,
			Shell:   d.Shell,
		})
	}
	e.record.More = append(e.record.More, spec.More...)
	if spec.Workload.Kind.Custom() && !e.duplicate() {
		if e.record.Replicas, err = (scaling{c}).replicas(ctx, e.record); err != nil {
			return err
		}
	}
	if e.record.Since, err = c.Now(ctx); err != nil {
		return err
	}
	if e.record.Place, err = c.Place(ctx); err != nil {
		return err
	}
	if err := e.findAutoscalers(ctx); err != nil {
		return err
	}
	return e.plan(ctx)
}

// plan makes the twin, as it will be created.
func (e *entry) plan(ctx context.Context) error {
	spec, r := e.spec, e.record
	selecting, err := e.Cluster.Selecting(ctx, e.original)
	if err != nil {
		return err
	}
	if e.exclusive, err = e.exclusiveClaims(ctx); err != nil {
		return err
	}
	e.twin, err = workload.Twin(e.original.Template, workload.Settings{
		Name:             r.Twin(),
		Namespace:        r.Namespace,
		Session:          r.Session,
		Duplicate:        e.duplicate(),
		Selecting:        selecting,
		Identity:         e.original.Identity,
		Dev:              e.dev(spec.Dev),
		Extra:            e.extra(),
		SkipInit:         spec.SkipInit,
		Exclusive:        e.exclusive,
		ClaimUse:         spec.ClaimUse,
		SidecarImage:     spec.SidecarImage,
		ByExec:           spec.ByExec,
		Port:             r.Port,
		SidecarResources: spec.SidecarResources,
	})
	if err != nil {
		return err
	}
	if e.twin, err = workload.Apply(e.twin, spec.Patches); err != nil {
		return err
	}
	if e.limits, err = e.Cluster.Limits(ctx); err != nil {
		return err
	}
	e.twin = workload.Fit(e.twin, e.limits, spec.SidecarResources)
	if !e.duplicate() {
		e.first = workload.CannotCoexist(e.original.Template, e.exclusive)
	}
	e.record.Alone = e.first != ""
	known, err := e.record.Text()
	if err != nil {
		return err
	}
	metav1.SetMetaDataAnnotation(&e.twin.ObjectMeta, contract.AnnotationRecord, known)
	return nil
}

// dev is a container as the twin has it, with its own folders.
func (e *entry) dev(d Dev) workload.Dev {
	var folders []contract.Folder
	for _, f := range e.record.Folders() {
		if f.Container == d.Name() {
			folders = append(folders, contract.Folder{ID: f.ID, MountPath: f.Remote})
		}
	}
	return workload.Dev{
		Container:  d.Container,
		DevName:    d.DevName,
		Image:      d.Image,
		PullPolicy: d.PullPolicy,
		WorkDir:    d.WorkDir,
		Folders:    folders,
		Env:        d.Env,
		Resources:  d.Resources,
		User:       d.User,
		Probes:     d.Probes,
		Seed:       d.Seed,
		Mounts:     e.mounts(d),
		Drop:       d.Drop,
	}
}

func (e *entry) extra() (all []workload.Dev) {
	for _, d := range e.spec.Extra {
		all = append(all, e.dev(d))
	}
	return all
}

// The carrier's port lies below those that connections get of themselves (32768 and up): while no one listens there
// yet, a dial from the pod's own network could get that very port, connect to itself, and leave it taken for a minute.
const (
	firstPort = 20_000
	ports     = 10_000
)

// secrets draws a session's id, its token and its carrier port, which no container of the pod uses.
func secrets(template corev1.PodTemplateSpec) (id string, token []byte, port int, err error) {
	random := make([]byte, 4+32)
	if _, err := rand.Read(random); err != nil {
		return "", nil, 0, err
	}
	used := workload.UsedPorts(template)
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(ports))
		if err != nil {
			return "", nil, 0, err
		}
		if port := firstPort + int(n.Int64()); !used[port] {
			return hex.EncodeToString(random[:4]), random[4:], port, nil
		}
	}
}

func (e *entry) unlock(ctx context.Context) error { return lease.Release(ctx, e.Cluster, e.record) }

func (e *entry) create(ctx context.Context) error {
	c, ns := e.Cluster, e.record.Namespace
	twin, err := c.API.AppsV1().Deployments(ns).Create(ctx, e.twin, metav1.CreateOptions{})
	if err != nil {
		return c.Explain(err)
	}
	e.twin = twin
	yes := true
	_, err = c.API.CoreV1().Secrets(ns).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name:   e.record.Twin(),
			Labels: twin.Labels,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1",
				Kind:       "Deployment",
				Name:       twin.Name,
				UID:        twin.UID,
				Controller: &yes,
			}},
		},
		StringData: map[string]string{contract.SecretToken: hex.EncodeToString(e.token)},
	}, metav1.CreateOptions{})
	return c.Explain(err)
}

func (e *entry) remove(ctx context.Context) error {
	return deleteTwin(ctx, e.Cluster, e.record)
}
