package devmode

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Spec says what to take into dev mode, and how.
type Spec struct {
	Workload workload.Ref
	Mode     rpc.Mode
	// Container is developed; empty means the only one.
	Container string
	Image     string
	WorkDir   string
	Shell     string
	Env       []corev1.EnvVar
	Resources corev1.ResourceRequirements
	// Folder is on this computer.
	Folder       string
	SidecarImage string
	Holder       rpc.Holder
}

// Link does the work that needs the twin's pod, or this computer.
type Link interface {
	// Save keeps the record and the carrier's token on this computer, before anything is made in the cluster.
	Save(Record, []byte) error
	// Start begins to dial the twin's pod, and to read the folder, without waiting for either. Wake makes a dial that rests try at once.
	Start() error
	Wake()
	// Connect returns when a carrier to the twin's pod is up.
	Connect(context.Context) error
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
}

// entry is an entering in progress.
type entry struct {
	Deps
	spec     Spec
	record   Record
	token    []byte
	original *appsv1.Deployment
	twin     *appsv1.Deployment
	// first says why the original must go before the twin comes; empty when it need not.
	first string
}

// Enter takes a workload into dev mode. On failure everything is as before; the error says why.
func Enter(ctx context.Context, deps Deps, spec Spec) (Record, error) {
	e := &entry{Deps: deps, spec: spec}
	if err := e.resolve(ctx); err != nil {
		return Record{}, err
	}
	lock := step{"lock the workload", e.lock, e.unlock}
	twin := step{"create the twin", e.create, e.remove}
	wait := step{"wait for the dev pod", e.wait, nil}
	connect := step{"connect to the sidecar", e.Link.Connect, nil}
	sync := step{"sync the sources", e.Link.FirstSync, nil}
	park := step{"park the original", e.park, e.unpark}
	route := step{"route traffic to the twin", e.route, nil}
	steps := []step{lock, {"ask the cluster's policies", e.try, nil}}
	switch {
	case spec.Mode == rpc.Duplicate:
		steps = append(steps, twin, wait, connect, sync, step{"open the readiness gate", func(ctx context.Context) error { return e.Link.SetReady(ctx, true) }, nil})
	case e.first != "":
		e.Emit(event.Event{Type: event.Notice, Message: "the original stops first, since two of its pods can't run at once: " + e.first})
		steps = append(steps, park, twin, wait, connect, sync, route)
	default:
		steps = append(steps, twin, wait, connect, sync, park, route)
	}
	steps = append(steps, step{"record the session", e.activate, nil})
	return e.record, run(ctx, steps, e.Emit)
}

// resolve finds the original and plans the twin, without changing anything.
func (e *entry) resolve(ctx context.Context) error {
	c, spec := e.Cluster, e.spec
	original, err := c.API.AppsV1().Deployments(c.Namespace).Get(ctx, spec.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return e.missing(ctx)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", spec.Workload, c.Explain(err))
	}
	if original.Labels[contract.LabelRole] == contract.RoleTwin {
		return problem.New(problem.Refused, "%s is a twin that nhctl made", spec.Workload).WithHint("name the original; `nhctl dev list` shows it")
	}
	if owner := metav1.GetControllerOf(original); owner != nil && spec.Mode == rpc.Replace {
		return problem.New(problem.Refused, "%s belongs to %s %s, which would undo any change to it", spec.Workload, owner.Kind, owner.Name).
			WithHint("develop on a copy instead: --mode duplicate")
	}
	e.original = original
	container, err := chooseContainer(original.Spec.Template.Spec.Containers, spec.Container)
	if err != nil {
		return err
	}
	if err := spec.complete(); err != nil {
		return err
	}
	id, token, port, err := secrets(original.Spec.Template)
	if err != nil {
		return err
	}
	e.token = token
	replicas := int32(1)
	if original.Spec.Replicas != nil {
		replicas = *original.Spec.Replicas
	}
	e.record = Record{
		Session: id, Namespace: c.Namespace, Workload: spec.Workload, UID: original.UID, Replicas: replicas, Mode: spec.Mode, Phase: Entering,
		Holder: spec.Holder, Twin: workload.TwinName(spec.Workload.Name, id), Port: port, Container: container, Image: spec.Image,
		WorkDir: spec.WorkDir, Shell: spec.Shell, FolderID: id, Folder: spec.Folder,
	}
	if e.record.Since, err = c.Now(ctx); err != nil {
		return err
	}
	keys, err := e.selectorKeys(ctx)
	if err != nil {
		return err
	}
	e.twin, err = workload.Twin(original.Spec.Template, workload.Settings{
		Name: e.record.Twin, Namespace: c.Namespace, Session: id, Duplicate: spec.Mode == rpc.Duplicate, SelectorKeys: keys,
		Container: container, Image: spec.Image, WorkDir: spec.WorkDir, FolderID: id, Env: spec.Env, Resources: spec.Resources,
		SidecarImage: spec.SidecarImage, Port: port,
	})
	if err != nil || spec.Mode == rpc.Duplicate {
		return err
	}
	once, err := e.oncePerPod(ctx)
	e.first = workload.CannotCoexist(original.Spec.Template, once)
	return err
}

// complete says what neither the config nor the command line has named. It comes after the workload was found: a typo in its
// name is the likelier mistake.
func (s Spec) complete() error {
	switch {
	case s.Folder == "":
		return problem.New(problem.Usage, "no config describes %s, so the folder of its sources is not known", s.Workload).
			WithHint("go to the folder of its sources and write a .dev/config.yaml, or name the folder with --dir and the dev image with --image")
	case s.Image == "":
		return problem.New(problem.Usage, "no dev image for %s", s.Workload).
			WithHint("set containers[].dev.image in .dev/config.yaml, or name one with --image, such as ghcr.io/nhctl/dev-go:v0.1.0")
	}
	return nil
}

// missing names the workloads that there are.
func (e *entry) missing(ctx context.Context) error {
	p := problem.New(problem.NotFound, "namespace %s has no %s %q", e.Cluster.Namespace, e.spec.Workload.Kind, e.spec.Workload.Name)
	list, err := e.Cluster.API.AppsV1().Deployments(e.Cluster.Namespace).List(ctx, metav1.ListOptions{Limit: 20})
	if err != nil || len(list.Items) == 0 {
		return p.WithHint("choose another namespace with -n")
	}
	names := ""
	for _, d := range list.Items {
		names += " " + d.Name
	}
	return p.WithHint("the namespace has:%s; choose another with -n", names)
}

func chooseContainer(containers []corev1.Container, wanted string) (string, error) {
	names := ""
	for _, c := range containers {
		if c.Name == wanted || wanted == "" && len(containers) == 1 {
			return c.Name, nil
		}
		names += " " + c.Name
	}
	if wanted == "" {
		return "", problem.New(problem.Usage, "the pod has several containers:%s", names).WithHint("choose one with -c, or in the config as containers[].name")
	}
	return "", problem.New(problem.Usage, "the pod has no container %q", wanted).WithHint("its containers are:%s", names)
}

// secrets draws a session's id, its token and its carrier port, which no container of the pod uses.
func secrets(template corev1.PodTemplateSpec) (id string, token []byte, port int, err error) {
	random := make([]byte, 4+32)
	if _, err := rand.Read(random); err != nil {
		return "", nil, 0, err
	}
	used := workload.UsedPorts(template)
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(10_000))
		if err != nil {
			return "", nil, 0, err
		}
		if port := 50_000 + int(n.Int64()); !used[port] {
			return hex.EncodeToString(random[:4]), random[4:], port, nil
		}
	}
}

// selectorKeys are the label keys that the namespace's Services, and the original itself, select pods by.
func (e *entry) selectorKeys(ctx context.Context) ([]string, error) {
	services, err := e.Cluster.API.CoreV1().Services(e.Cluster.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Services: %w", e.Cluster.Explain(err))
	}
	var keys []string
	for _, s := range services.Items {
		for key := range s.Spec.Selector {
			keys = append(keys, key)
		}
	}
	if s := e.original.Spec.Selector; s != nil {
		for key := range s.MatchLabels {
			keys = append(keys, key)
		}
		for _, x := range s.MatchExpressions {
			keys = append(keys, x.Key)
		}
	}
	return keys, nil
}

// oncePerPod lists the claims of the pod with access mode ReadWriteOncePod.
func (e *entry) oncePerPod(ctx context.Context) ([]string, error) {
	var claims []string
	for _, v := range e.original.Spec.Template.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		claim, err := e.Cluster.API.CoreV1().PersistentVolumeClaims(e.Cluster.Namespace).Get(ctx, v.PersistentVolumeClaim.ClaimName, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read claim %s: %w", v.PersistentVolumeClaim.ClaimName, e.Cluster.Explain(err))
		}
		for _, mode := range claim.Spec.AccessModes {
			if mode == corev1.ReadWriteOncePod {
				claims = append(claims, claim.Name)
			}
		}
	}
	return claims, nil
}

// lock creates the session's Lease: whoever creates it holds the workload.
func (e *entry) lock(ctx context.Context) error {
	lease, err := e.record.lease()
	if err != nil {
		return err
	}
	if err := e.Link.Save(e.record, e.token); err != nil {
		return fmt.Errorf("keep the session on this computer: %w", err)
	}
	_, err = e.Cluster.API.CoordinationV1().Leases(e.record.Namespace).Create(ctx, lease, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return Held(ctx, e.Cluster, e.record)
	}
	return e.Cluster.Explain(err)
}

// Held is the problem of a workload that another session holds.
func Held(ctx context.Context, c *kube.Client, mine Record) error {
	lease, err := c.API.CoordinationV1().Leases(mine.Namespace).Get(ctx, mine.Lease(), metav1.GetOptions{})
	if err != nil {
		return c.Explain(err)
	}
	other, err := fromLease(lease)
	if err != nil {
		return err
	}
	now, err := c.Now(ctx)
	if err != nil {
		return err
	}
	return problem.New(problem.Held, "%s is in dev mode already: held by %s (%s) since %s, last heard of %s ago", mine.Workload,
		other.Holder.Local, other.Holder.User, other.Since.Local().Format("15:04 on 2 Jan"), max(0, now.Sub(other.Heartbeat)).Round(time.Second)).
		WithHint("work on a copy (--mode duplicate), or ask %s to end it with: nhctl dev end %s", other.Holder.Local, mine.Workload.Name)
}

// unlock deletes the Lease, if it is this session's.
func (e *entry) unlock(ctx context.Context) error { return deleteLease(ctx, e.Cluster, e.record) }

// try asks the server to create the twin and its pod without doing it: quotas and policies speak before anything changes.
func (e *entry) try(ctx context.Context) error {
	c, dry := e.Cluster, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	if _, err := c.API.AppsV1().Deployments(e.record.Namespace).Create(ctx, e.twin, dry); err != nil {
		return fmt.Errorf("create Deployment %s: %w", e.twin.Name, c.Explain(err))
	}
	may, err := c.May(ctx, "create", "", "pods")
	if err != nil || !may {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: *e.twin.Spec.Template.ObjectMeta.DeepCopy(), Spec: e.twin.Spec.Template.Spec}
	pod.GenerateName = e.twin.Name + "-"
	if _, err := c.API.CoreV1().Pods(e.record.Namespace).Create(ctx, pod, dry); err != nil {
		return fmt.Errorf("create the dev pod: %w", c.Explain(err))
	}
	return nil
}

func (e *entry) create(ctx context.Context) error {
	c, ns := e.Cluster, e.record.Namespace
	twin, err := c.API.AppsV1().Deployments(ns).Create(ctx, e.twin, metav1.CreateOptions{})
	if err != nil {
		return c.Explain(err)
	}
	e.twin = twin
	yes := true
	_, err = c.API.CoreV1().Secrets(ns).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: e.record.Twin, Labels: twin.Labels, OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "apps/v1", Kind: "Deployment", Name: twin.Name, UID: twin.UID, Controller: &yes}}},
		StringData: map[string]string{contract.SecretToken: hex.EncodeToString(e.token), contract.SecretReady: "false"},
	}, metav1.CreateOptions{})
	return c.Explain(err)
}

func (e *entry) remove(ctx context.Context) error {
	return deleteTwin(ctx, e.Cluster, e.record)
}

// eager is how long a new pod's sidecar is dialled without a rest: with images present it listens within seconds.
const eager = 10 * time.Second

// wait returns when the twin's pod runs, and says early when it never will. The sidecar often answers a second before Kubernetes says
// that the pod runs, so it is dialled meanwhile.
func (e *entry) wait(ctx context.Context) error {
	if err := e.Link.Start(); err != nil {
		return err
	}
	begin, last := time.Now(), ""
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		pod, err := Pod(ctx, e.Cluster, e.record)
		if err != nil || workload.Running(pod) {
			return err == nil, err
		}
		twin := e.twin
		if pod == nil {
			if twin, err = e.Cluster.API.AppsV1().Deployments(e.record.Namespace).Get(ctx, e.record.Twin, metav1.GetOptions{}); err != nil {
				return false, e.Cluster.Explain(err)
			}
		}
		waiting, fatal := workload.Diagnose(twin, pod, time.Since(begin))
		if fatal != nil {
			return false, fatal
		}
		if waiting != last || time.Since(begin) < eager {
			e.Link.Wake()
		}
		if waiting != last {
			last = waiting
			e.Emit(stepEvent("wait for the dev pod", event.StepWaiting, waiting, begin))
		}
		return false, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.Timeout, "the dev pod is not running after %s; it still waits %s", time.Since(begin).Round(time.Second), last).
			WithHint("give it longer with --timeout")
	}
	return err
}

// Pod returns the twin's pod that is not on its way out, or nil.
func Pod(ctx context.Context, c *kube.Client, r Record) (*corev1.Pod, error) {
	pods, err := c.API.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelSession + "=" + r.Session + "," + contract.LabelRole + "=" + contract.RoleTwin})
	if err != nil {
		return nil, c.Explain(err)
	}
	var newest *corev1.Pod
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.DeletionTimestamp == nil && (newest == nil || newest.CreationTimestamp.Before(&p.CreationTimestamp)) {
			newest = p
		}
	}
	return newest, nil
}
