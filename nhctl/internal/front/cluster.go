package front

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Read reads what a front of a Service depends on.
func Read(ctx context.Context, c *kube.Client, service string) (f Facts, err error) {
	if f.Service, err = c.API.CoreV1().Services(c.Namespace).Get(ctx, service, metav1.GetOptions{}); err != nil {
		if apierrors.IsNotFound(err) {
			return f, problem.New(problem.NotFound, "no Service %s in namespace %s", service, c.Namespace).
				WithHint("`kubectl get services -n %s` lists them", c.Namespace)
		}
		return f, c.Explain(err)
	}
	all := metav1.ListOptions{}
	services, err := c.API.CoreV1().Services(c.Namespace).List(ctx, all)
	if err != nil {
		return f, c.Explain(err)
	}
	pods, err := c.API.CoreV1().Pods(c.Namespace).List(ctx, all)
	if err != nil {
		return f, c.Explain(err)
	}
	sets, err := c.API.AppsV1().StatefulSets(c.Namespace).List(ctx, all)
	if err != nil {
		return f, c.Explain(err)
	}
	f.Services, f.Pods, f.Sets = services.Items, pods.Items, sets.Items
	for i := range sets.Items {
		f.Selectors = append(f.Selectors, sets.Items[i].Spec.Selector)
	}
	deployments, err := c.API.AppsV1().Deployments(c.Namespace).List(ctx, all)
	if err != nil {
		return f, c.Explain(err)
	}
	for i := range deployments.Items {
		f.Selectors = append(f.Selectors, deployments.Items[i].Spec.Selector)
	}
	daemons, err := c.API.AppsV1().DaemonSets(c.Namespace).List(ctx, all)
	if err != nil {
		return f, c.Explain(err)
	}
	for i := range daemons.Items {
		f.Selectors = append(f.Selectors, daemons.Items[i].Spec.Selector)
	}
	// Whoever may not list budgets has labels counted by one: that delays an eviction at most. Whoever may not list
	// policies learns of those that are in the way between front and originals, when it connects to them.
	if budgets, err := c.API.PolicyV1().PodDisruptionBudgets(c.Namespace).List(ctx, all); err == nil {
		for i := range budgets.Items {
			f.Selectors = append(f.Selectors, budgets.Items[i].Spec.Selector)
		}
	}
	if policies, err := c.API.NetworkingV1().NetworkPolicies(c.Namespace).List(ctx, all); err == nil {
		f.Policies = policies.Items
	}
	return f, nil
}

// Try asks the cluster's policies about all that a new front changes, and returns the limits that they have.
func Try(ctx context.Context, c *kube.Client, p Plan, image string) (fit workload.Limits, err error) {
	limits, err := c.Limits(ctx)
	if err != nil {
		return fit, err
	}
	dry := []string{metav1.DryRunAll}
	_, err = c.API.CoreV1().Services(p.Namespace).Create(ctx, p.originals(), metav1.CreateOptions{DryRun: dry})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fit, refused(c, err)
	}
	err = limits.Retry(func(l workload.Limits) error {
		fit = l
		d, err := p.Deployment(image, "192.0.2.1", l)
		if err != nil {
			return err
		}
		_, err = c.API.CoreV1().Pods(p.Namespace).Create(ctx, pod(d), metav1.CreateOptions{DryRun: dry})
		return err
	})
	if err != nil {
		return fit, refused(c, err)
	}
	return fit, refused(c, p.patch(ctx, c, true))
}

// refused explains why the cluster does not take a front.
func refused(c *kube.Client, err error) error {
	if err == nil {
		return nil
	}
	err = c.Explain(err)
	if p := problem.From(err); p.Code == problem.Refused {
		return p.WithHint("the text above names a policy or quota of namespace %s: whoever set it has to leave room "+
			"for the front's one small pod", c.Namespace)
	}
	return err
}

// Raised is a front that is there.
type Raised struct {
	// Made says that it was made by this call.
	Made bool
	// Owner is the Service that leads to the originals: what goes with the front belongs to it.
	Owner metav1.OwnerReference
	// Alone says why the front can't restore its Service by itself; nil where it can, or someone else has made it.
	Alone error
}

// Raise makes a front, unless it is there. Its Service's traffic stays where it is.
func Raise(
	ctx context.Context, c *kube.Client, p Plan, image string, limits workload.Limits, token []byte,
) (r Raised, err error) {
	_, err = c.API.AppsV1().Deployments(p.Namespace).Get(ctx, p.Name(), metav1.GetOptions{})
	there := err == nil
	if err != nil && !apierrors.IsNotFound(err) {
		return r, c.Explain(err)
	}
	services := c.API.CoreV1().Services(p.Namespace)
	original, err := services.Create(ctx, p.originals(), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		original, err = services.Get(ctx, p.Original(), metav1.GetOptions{})
	}
	if err != nil {
		return r, refused(c, err)
	}
	r.Owner = metav1.OwnerReference{APIVersion: "v1", Kind: "Service", Name: original.Name, UID: original.UID}
	if there {
		return r, nil
	}
	if r.Alone, err = grant(ctx, c, p, r.Owner); err != nil {
		return r, err
	}
	d, err := p.Deployment(image, address(original), limits)
	if err != nil {
		return r, err
	}
	d.OwnerReferences = []metav1.OwnerReference{r.Owner}
	if r.Alone == nil {
		if err := p.restores(d, original); err != nil {
			return r, err
		}
	}
	d, err = c.API.AppsV1().Deployments(p.Namespace).Create(ctx, d, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return r, nil // someone else makes it at this moment
	}
	if err != nil {
		return r, refused(c, err)
	}
	_, err = c.API.CoreV1().Secrets(p.Namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name:   p.Name(),
			Labels: p.ObjectLabels(),
			OwnerReferences: []metav1.OwnerReference{
				{APIVersion: "apps/v1", Kind: "Deployment", Name: d.Name, UID: d.UID},
			},
		},
		StringData: map[string]string{contract.SecretToken: hex.EncodeToString(token)},
	}, metav1.CreateOptions{})
	r.Made = true
	return r, c.Explain(err)
}

// address is that of a Service, as part of an address with a port.
func address(s *corev1.Service) string {
	if a, err := netip.ParseAddr(s.Spec.ClusterIP); err == nil && a.Is6() {
		return "[" + s.Spec.ClusterIP + "]"
	}
	return s.Spec.ClusterIP
}

// ErrComing says that the front's pod does not run yet.
var ErrComing = errors.New("the front's pod is on its way")

// Pod returns the front's pod once its containers run; until then the error says what is missing.
func Pod(ctx context.Context, c *kube.Client, p Plan) (*corev1.Pod, error) {
	own := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(p.ObjectLabels()).String()}
	pods, err := c.API.CoreV1().Pods(p.Namespace).List(ctx, own)
	if err != nil {
		return nil, c.Explain(err)
	}
	var newest *corev1.Pod
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !workload.Over(pod) && (newest == nil || newest.CreationTimestamp.Before(&pod.CreationTimestamp)) {
			newest = pod
		}
	}
	if newest != nil && workload.Running(newest) {
		return newest, nil
	}
	d, err := c.API.AppsV1().Deployments(p.Namespace).Get(ctx, p.Name(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, problem.New(problem.NotReady, "the front of Service %s is gone", p.Service).
			WithHint("someone has removed it: nhctl leave %s, and begin again", p.Service)
	}
	if err != nil {
		return nil, c.Explain(err)
	}
	now, err := c.Now(ctx)
	if err != nil {
		return nil, err
	}
	waiting, fatal := workload.Diagnose(d, newest, now.Sub(d.CreationTimestamp.Time))
	switch {
	case p.NeverPull && newest != nil && workload.CannotRunAgent(newest) != "":
		return nil, unpublished(newest.Spec.Containers[0].Image)
	case fatal != nil:
		return nil, fatal
	case waiting != "":
		return nil, fmt.Errorf("%w: it waits %s", ErrComing, waiting)
	}
	return nil, ErrComing
}

// unpublished is the problem of an agent's image that neither a node nor a registry has. A front has to come up again
// without any computer, so that the agent can't be copied into it.
func unpublished(image string) error {
	return problem.New(problem.NotReady, "the node does not have the sidecar's image of this nhctl, %s, which no "+
		"registry has either, and a front runs it", image).
		WithHint("push it where the cluster may pull it, and build an nhctl that knows so: " +
			"make push IMAGES=sidecar REGISTRY=registry.example.com/nhctl, and make build with the same REGISTRY; " +
			"or name an image of it with --sidecar-image")
}

// Token asks a front for its token, which only its pod has.
func Token(ctx context.Context, c *kube.Client, p Plan, pod string) ([]byte, error) {
	text := bound.Buffer{Limit: 64 << 10}
	argv := []string{contract.ImageEntry, "token", p.ID}
	err := c.Exec(ctx, kube.ExecOptions{
		Pod:       pod,
		Container: contract.AgentContainer,
		Command:   argv,
		Stdout:    &text,
	})
	if err != nil {
		return nil, fmt.Errorf("ask the front for its token: %w", err)
	}
	return hex.DecodeString(strings.TrimSpace(text.String()))
}

// ErrChanged says that someone else has changed a Service's selector.
var ErrChanged = errors.New("someone else has changed the Service's selector")

// AwaitReady returns once the front is ready. Without a ready endpoint the Service would refuse its clients, or lead
// them to the pod of a front before.
func AwaitReady(ctx context.Context, c *kube.Client, p Plan) error {
	err := await(ctx, func() (bool, error) {
		pod, err := Pod(ctx, c, p)
		if errors.Is(err, ErrComing) {
			return false, nil
		}
		return workload.Ready(pod), err
	})
	if err != nil {
		return fmt.Errorf("wait until the front of Service %s is ready: %w", p.Service, err)
	}
	return nil
}

// Switch leads the Service to its front, and returns once its EndpointSlices lead there and nowhere else.
func Switch(ctx context.Context, c *kube.Client, p Plan) error {
	if err := p.patch(ctx, c, false); err != nil {
		return err
	}
	err := await(ctx, func() (bool, error) {
		toFront, elsewhere, err := leads(ctx, c, p)
		return toFront && !elsewhere, err
	})
	if err != nil {
		return fmt.Errorf("wait until Service %s leads to its front: %w", p.Service, err)
	}
	return nil
}

// Changed says who has led the Service elsewhere since, in words; "" where it still leads to its front.
func Changed(ctx context.Context, c *kube.Client, p Plan) (by string, err error) {
	s, err := c.API.CoreV1().Services(p.Namespace).Get(ctx, p.Service, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && ID(s) != p.ID {
		return "Service " + p.Service + " was deleted", nil
	}
	if err != nil {
		return "", c.Explain(err)
	}
	switched, err := Switched(s)
	if err == nil && switched == nil {
		by = "someone else has changed the selector of Service " + p.Service
		if manager := managerOf(s.ManagedFields); manager != "" {
			by = manager + " has changed the selector of Service " + p.Service
		}
	}
	return by, err
}

// managerOf is who has written the selector last, as the API server knows them.
func managerOf(all []metav1.ManagedFieldsEntry) (manager string) {
	var last metav1.Time
	for _, m := range all {
		if m.FieldsV1 == nil || m.Time == nil || !strings.Contains(string(m.FieldsV1.Raw), `"f:selector"`) {
			continue
		}
		if !m.Time.Before(&last) {
			manager, last = escape.Line(m.Manager), *m.Time
		}
	}
	return manager
}

func (p Plan) patch(ctx context.Context, c *kube.Client, dry bool) error {
	services := c.API.CoreV1().Services(p.Namespace)
	s, err := services.Get(ctx, p.Service, metav1.GetOptions{})
	if err != nil {
		return c.Explain(err)
	}
	switched, err := Switched(s)
	if err != nil || switched != nil {
		return err
	}
	body, err := p.swap(s)
	if err != nil {
		return err
	}
	o := metav1.PatchOptions{}
	if dry {
		o.DryRun = []string{metav1.DryRunAll}
	}
	_, err = services.Patch(ctx, p.Service, types.JSONPatchType, body, o)
	if apierrors.IsInvalid(err) {
		return problem.New(problem.Refused, "Service %s: %w: %v", p.Service, ErrChanged, err).WithHint("try again")
	}
	return c.Explain(err)
}

// Restore leads the Service to its originals. One that leads elsewhere by now is left alone, but for nhctl's note.
func Restore(ctx context.Context, c *kube.Client, p Plan) error {
	services := c.API.CoreV1().Services(p.Namespace)
	s, err := services.Get(ctx, p.Service, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return c.Explain(err)
	}
	if ID(s) != p.ID {
		return nil // another one came to its name, or a record says so
	}
	switched, err := Switched(s)
	if err != nil {
		return err
	}
	var body []byte
	_, noted := s.Annotations[contract.AnnotationFront]
	switch {
	case switched != nil:
		p.Selector, p.Swapped = switched.Selector, s.Spec.Selector
		body, err = p.restore()
	case noted:
		body, err = json.Marshal([]operation{{Op: "remove", Path: notePath()}})
	default:
		return nil
	}
	if err != nil {
		return err
	}
	_, err = services.Patch(ctx, p.Service, types.JSONPatchType, body, metav1.PatchOptions{})
	if apierrors.IsInvalid(err) {
		return fmt.Errorf("restore Service %s: %w", p.Service, ErrChanged)
	}
	return c.Explain(err)
}

// Lower leads the Service to its originals, waits until the cluster does, and then removes the front.
func Lower(ctx context.Context, c *kube.Client, p Plan) error {
	if err := Restore(ctx, c, p); err != nil {
		return err
	}
	err := await(ctx, func() (bool, error) {
		toFront, _, err := leads(ctx, c, p)
		return !toFront, err
	})
	if err != nil {
		return fmt.Errorf("wait until Service %s leads to its originals: %w", p.Service, err)
	}
	return Remove(ctx, c, p)
}

// await asks until something holds.
func await(ctx context.Context, holds func() (bool, error)) error {
	const pause = 50 * time.Millisecond
	for {
		there, err := holds()
		if there || err != nil {
			return err
		}
		if err := delay.For(ctx, pause); err != nil {
			return err
		}
	}
}

// leads says whether the Service's EndpointSlices lead to the front and nowhere else, or not to it at all.
func leads(ctx context.Context, c *kube.Client, p Plan) (toFront, elsewhere bool, err error) {
	slices, err := endpointSlices(ctx, c, p.Service)
	if err != nil {
		return false, false, err
	}
	for _, s := range slices {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			if e.TargetRef != nil && strings.HasPrefix(e.TargetRef.Name, p.Name()+"-") {
				toFront = true
			} else {
				elsewhere = true
			}
		}
	}
	return toFront, elsewhere, nil
}

// Originals are the addresses of the ready originals, by their ports, which are the front's.
func Originals(ctx context.Context, c *kube.Client, p Plan) (map[int][]netip.AddrPort, error) {
	all, err := endpointSlices(ctx, c, p.Original())
	if err != nil {
		return nil, err
	}
	known := map[int][]netip.AddrPort{}
	for _, s := range all {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			for _, port := range s.Ports {
				if port.Port != nil {
					add(known, *port.Port, e.Addresses)
				}
			}
		}
	}
	return known, nil
}

func add(known map[int][]netip.AddrPort, port int32, addresses []string) {
	for _, text := range addresses {
		address, err := netip.ParseAddr(text)
		to := netip.AddrPortFrom(address, uint16(port))
		if err == nil && port > 0 && port <= 65535 && !slices.Contains(known[int(port)], to) {
			known[int(port)] = append(known[int(port)], to)
		}
	}
}

func endpointSlices(ctx context.Context, c *kube.Client, service string) ([]discoveryv1.EndpointSlice, error) {
	list, err := c.API.DiscoveryV1().EndpointSlices(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: labels.Set{discoveryv1.LabelServiceName: service}.String(),
	})
	if err != nil {
		return nil, c.Explain(err)
	}
	return list.Items, nil
}
