package topics

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/subscription"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// notOurs selects what is no part of a session.
var notOurs = fmt.Sprintf("%s notin (%s, %s, %s)", contract.LabelRole, contract.RoleTwin, contract.RoleFront,
	contract.RoleGateway)

// workloads follows the workloads of the caller's namespace.
func (t *Topics) workloads(ctx context.Context, v visit) error {
	return follow(ctx, t, source[rpc.Workload]{
		topic: rpc.TopicWorkloads,
		key:   v.key(rpc.TopicWorkloads),
		same:  func(a, b rpc.Workload) bool { return reflect.DeepEqual(a, b) }, // there may be thousands
		run: func(ctx context.Context, s *subscription.State[rpc.Workload]) {
			changed := newSignal()
			var following sync.WaitGroup
			defer following.Wait()
			begin := func(s kube.Selection) *kube.Objects {
				objects := kube.NewObjects(changed.raise)
				following.Go(func() { v.client.Follow(ctx, s, objects) })
				return objects
			}
			namespace := v.client.Namespace
			kinds := map[workload.Kind]*kube.Objects{}
			for _, kind := range slices.AppendSeq(workload.Kinds(), maps.Keys(v.custom)) {
				kinds[kind] = begin(kube.Selection{
					Resource:  kind.Resource(),
					Namespace: namespace,
					Labels:    notOurs,
					Managers:  true, // of drift
				})
			}
			services := begin(kube.Selection{
				Resource:  corev1.SchemeGroupVersion.WithResource("services"),
				Namespace: namespace,
			})
			held := begin(leases(namespace))
			scales, made := &scales{client: v.client}, &made{}
			refresh(ctx, changed, kube.PollInterval, func() {
				made.next()
				if n := read(kinds, services, held, v, made); n != nil {
					scales.read(ctx, n)
					s.Set(n.workloads(), n.trouble)
				}
			})
		},
		put: func(u *rpc.Update, items map[string]rpc.Workload) { u.Workloads = items },
	})
}

// namespace is what a namespace has, as far as the caller may see it.
type namespace struct {
	objects  map[workload.Kind][]*unstructured.Unstructured
	polled   map[workload.Kind]string
	listed   map[workload.Kind]bool
	services selecting
	records  []record.Record
	made     *made
	// replicas are those of custom resources that sessions replace, as far as their scales could be read.
	replicas map[workload.Ref]int64
	local    string
	custom   map[workload.Kind]string
	trouble  *problem.Error
}

// read takes what is followed; nil while some of it was not listed yet.
func read(kinds map[workload.Kind]*kube.Objects, services, held *kube.Objects, v visit, made *made) *namespace {
	n := &namespace{
		objects:  map[workload.Kind][]*unstructured.Unstructured{},
		polled:   map[workload.Kind]string{},
		listed:   map[workload.Kind]bool{},
		services: selecting{},
		made:     made,
		local:    v.local,
		custom:   v.custom,
	}
	known := true
	take := func(objects *kube.Objects, necessary bool) ([]*unstructured.Unstructured, kube.ObjectsState) {
		list, state := objects.List()
		known = known && (state.Listed || state.Failed != nil)
		// Kinds that the caller may not see, or the cluster does not have, are left out; that they may see no
		// Deployment is worth a word.
		failed := state.Failed
		unseen := failed != nil && (failed.Code == problem.Forbidden || apierrors.IsNotFound(failed))
		if failed != nil && (necessary || !unseen) && n.trouble == nil {
			n.trouble = failed
		}
		return list, state
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) { // the first trouble is the one that is told
		list, state := take(kinds[kind], kind == workload.Deployment)
		n.objects[kind], n.polled[kind], n.listed[kind] = list, reason(state.Polled), state.Listed
	}
	list, _ := take(services, false)
	for _, o := range list {
		n.services.add(made.services.of(o, serviceOf))
	}
	list, _ = take(held, false)
	for _, o := range list {
		if r, unreadable := readLease(o); unreadable == nil {
			n.records = append(n.records, r)
		}
	}
	if !known {
		return nil
	}
	slices.SortFunc(n.records, func(a, b record.Record) int { return a.Since.Compare(b.Since) })
	return n
}

// workloads are those that can be taken into dev mode, and those that a session is about.
func (n *namespace) workloads() map[string]rpc.Workload {
	items, pods := map[string]rpc.Workload{}, n.pods()
	for kind, objects := range n.objects {
		for _, object := range objects {
			if owner := n.made.owner(object); owner != nil && builtIn(owner.Kind) {
				continue // its owner is shown
			}
			if item, shown := n.workload(kind, object); shown {
				own := pods[object.GetUID()]
				item.Pods, item.PodCount = first(own), len(own)
				items[item.Workload] = item
			}
		}
	}
	for _, r := range n.records { // of custom kinds, and those whose workload is gone
		if _, shown := items[r.Workload.String()]; !shown {
			items[r.Workload.String()] = rpc.Workload{
				Workload: r.Workload.String(),
				Kind:     string(r.Workload.Kind),
				Name:     r.Workload.Name,
				Sessions: n.sessions(r.Workload, nil),
			}
		}
	}
	return items
}

// builtIn says whether a kind, as owner references name it, is one that is listed.
func builtIn(kind string) bool {
	return slices.Contains(workload.Kinds(), workload.Kind(strings.ToLower(kind)))
}

// workload is a workload with what belongs to it; shown is false where it can't be taken into dev mode.
func (n *namespace) workload(kind workload.Kind, object *unstructured.Unstructured) (item rpc.Workload, shown bool) {
	made := n.made.workloads.of(object, func(o *unstructured.Unstructured) plain {
		return plainOf(kind, o, n.custom[kind])
	})
	item = made.item
	item.Services = n.services.of(made.labels)
	item.Sessions = n.sessions(workload.Ref{Kind: kind, Name: object.GetName()}, object)
	item.Polled = n.polled[kind]
	return item, !made.hidden
}

// plainOf reads a workload.
func plainOf(kind workload.Kind, object *unstructured.Unstructured, template string) plain {
	o, err := workload.Read(workload.Ref{Kind: kind, Name: object.GetName()}, object, template)
	if err != nil {
		return plain{hidden: true}
	}
	item := rpc.Workload{
		Workload:  o.String(),
		Kind:      string(o.Kind),
		Name:      o.Name,
		Replicas:  o.Replicas,
		Suspended: o.Suspended,
		Volumes:   volumesOf(o.Template.Spec),
	}
	if owner := metav1.GetControllerOf(object); owner != nil {
		item.Owner = owner.Kind + "/" + owner.Name
	}
	for _, c := range o.Template.Spec.Containers {
		container := rpc.Container{Name: c.Name, Image: c.Image}
		for _, p := range c.Ports {
			container.Ports = append(container.Ports, rpc.Port{
				Name:     p.Name,
				Port:     p.ContainerPort,
				Protocol: protocol(p.Protocol),
			})
		}
		item.Containers = append(item.Containers, container)
	}
	return plain{item: item, labels: o.Template.Labels}
}

func protocol(p corev1.Protocol) string {
	if p == "" {
		return string(corev1.ProtocolTCP)
	}
	return string(p)
}

// sessions are those of a workload; object is nil where it is not seen.
func (n *namespace) sessions(ref workload.Ref, object *unstructured.Unstructured) []rpc.WorkloadSession {
	var all []rpc.WorkloadSession
	for _, r := range n.records {
		if r.Workload != ref {
			continue
		}
		s := rpc.WorkloadSession{
			ID:     r.Session,
			Mode:   rpc.Mode(r.Mode),
			Phase:  string(r.Phase),
			Holder: rpc.Holder(r.Holder),
			Mine:   r.Holder.Local == n.local,
			Since:  r.Since,
			Drift:  n.drift(r, object),
		}
		s.DriftBy, s.DriftAt = driftedBy(s.Drift, r, object)
		all = append(all, s)
	}
	return all
}

// driftedBy is who changed a workload, and when, where the API server has written that down.
func driftedBy(d rpc.Drift, r record.Record, object *unstructured.Unstructured) (manager string, at *time.Time) {
	var then *metav1.Time
	switch {
	case d == rpc.DriftFreed && r.Workload.Kind != workload.Pod:
		manager, then = workload.FreedBy(object, r.Workload.Kind, r.Before())
	case d == rpc.DriftTemplate:
		manager, then = workload.ChangedBy(object, r.Workload.Kind)
	}
	if then != nil {
		utc := then.UTC()
		at = &utc
	}
	return manager, at
}

// drift is what someone did to a workload that a session replaces.
func (n *namespace) drift(r record.Record, object *unstructured.Unstructured) rpc.Drift {
	kind := r.Workload.Kind
	switch {
	case !replaced(r):
		return ""
	case object == nil && kind == workload.Pod:
		return "" // a pod is parked by its deletion
	case object == nil && n.listed[kind]:
		return rpc.DriftDeleted
	case object == nil:
		return "" // it is not seen
	case kind == workload.Pod:
		return rpc.DriftFreed
	case object.GetUID() != r.UID:
		return rpc.DriftReplaced
	case kind.Custom() && n.replicas[r.Workload] != 0:
		return rpc.DriftFreed
	case !kind.Custom() && workload.Freed(r.Workload, object, r.Before()) != "":
		return rpc.DriftFreed
	case r.Fingerprint != "" && workload.Fingerprint(kind, object) != r.Fingerprint:
		return rpc.DriftTemplate
	}
	return ""
}
