package devmode

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Left is what a session without a Lease has left.
type Left struct {
	Record  Record
	Guessed string // what no one knows any more
	// Twin is the name of a Deployment with a twin's labels that can't be read as one, and Err why: then there is no
	// record.
	Twin string
	Err  error
}

// Orphans finds what sessions without a Lease have left in the client's namespace. Those with one are known.
func Orphans(ctx context.Context, c *kube.Client, known []Record) (all []Left, err error) {
	lost := func(session string) bool {
		return !slices.ContainsFunc(known, func(r Record) bool { return r.Session == session })
	}
	twins, err := c.API.AppsV1().Deployments(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: contract.LabelRole + "=" + contract.RoleTwin,
	})
	if err != nil {
		return nil, c.Explain(err)
	}
	for i := range twins.Items {
		r, err := record.FromTwin(&twins.Items[i])
		switch {
		case err != nil:
			all = append(all, Left{Twin: twins.Items[i].Name, Err: err})
		case lost(r.Session):
			all = append(all, Left{Record: r})
			known = append(known, r)
		}
	}
	refs, err := parkedOnes(ctx, c, lost)
	if err != nil {
		return nil, err
	}
	pods, err := parkedPods(ctx, c, known)
	if err != nil {
		return nil, err
	}
	for _, ref := range append(refs, pods...) {
		found, guessed, err := parkedWithout(ctx, c, ref)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			all = append(all, Left{Record: r, Guessed: guessed})
		}
	}
	return all, nil
}

// parkedOnes are the workloads that have the label of a session which is lost. Those of a workload that nhctl has
// parked itself, such as a CronJob's Jobs, go with it.
func parkedOnes(ctx context.Context, c *kube.Client, lost func(session string) bool) (all []workload.Ref, err error) {
	for _, kind := range []workload.Kind{
		workload.Deployment,
		workload.ReplicaSet,
		workload.StatefulSet,
		workload.DaemonSet,
		workload.Job,
		workload.CronJob,
	} {
		list, err := c.Dynamic.Resource(kind.Resource()).Namespace(c.Namespace).List(ctx, metav1.ListOptions{
			LabelSelector: contract.LabelSession + ",!" + contract.LabelRole,
		})
		if err != nil {
			return nil, c.Explain(err)
		}
		for _, o := range list.Items {
			session := o.GetLabels()[contract.LabelSession]
			if record.ValidID(session) && lost(session) && metav1.GetControllerOf(&o) == nil {
				all = append(all, workload.Ref{Kind: kind, Name: o.GetName()})
			}
		}
	}
	return all, nil
}

// parkedPods are the pods whose manifests are kept, and that no session has parked which is known.
func parkedPods(ctx context.Context, c *kube.Client, known []Record) (all []workload.Ref, err error) {
	secret, err := c.API.CoreV1().Secrets(c.Namespace).Get(ctx, contract.ParkedPods, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil // whoever may not read it can't restore one
	}
	if err != nil {
		return nil, c.Explain(err)
	}
	for name := range secret.Data {
		ref := workload.Ref{Kind: workload.Pod, Name: name}
		if !slices.ContainsFunc(known, func(r Record) bool { return r.Workload == ref }) {
			all = append(all, ref)
		}
	}
	return all, nil
}

// HasTwin says whether a session's twin is there.
func HasTwin(ctx context.Context, c *kube.Client, r Record) (bool, error) {
	twin, err := c.API.AppsV1().Deployments(c.Namespace).Get(ctx, r.Twin(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && owned(twin.ObjectMeta, r, contract.RoleTwin), c.Explain(err)
}
