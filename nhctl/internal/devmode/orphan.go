package devmode

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Orphan finds what a session without a Lease has left of a workload: its twin, which knows the session's record, or
// else the original, whose label names the session. guessed says what no one knows any more.
func Orphan(ctx context.Context, c *kube.Client, ref workload.Ref) (found []Record, guessed string, err error) {
	twins, err := c.API.AppsV1().Deployments(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: contract.LabelRole + "=" + contract.RoleTwin,
	})
	if err != nil {
		return nil, "", c.Explain(err)
	}
	for i := range twins.Items {
		if r, err := record.FromTwin(&twins.Items[i]); err == nil && r.Workload == ref {
			found = append(found, r)
		}
	}
	if len(found) > 0 {
		return found, "", nil
	}
	return parkedWithout(ctx, c, ref)
}

// unknownSession is the id of a session of which a parked pod's manifest is all that is left. No session has it.
const unknownSession = "00000000"

// parkedWithout makes a record of an original that is parked, and has neither Lease nor twin.
func parkedWithout(ctx context.Context, c *kube.Client, ref workload.Ref) ([]Record, string, error) {
	r := Record{Namespace: c.Namespace, Workload: ref, Mode: record.Replace, Phase: record.Leaving, Replicas: 1}
	objects := c.Dynamic.Resource(ref.Kind.Resource()).Namespace(c.Namespace)
	object, err := objects.Get(ctx, ref.Name, metav1.GetOptions{})
	if ref.Kind == workload.Pod {
		secret, err := (storing{c}).kept(ctx, r)
		if err != nil || secret.Data[ref.Name] == nil {
			return nil, "", err
		}
		r.Session = unknownSession
		return []Record{r}, "", nil
	}
	if apierrors.IsNotFound(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", c.Explain(err)
	}
	if r.Session = object.GetLabels()[contract.LabelSession]; !record.ValidID(r.Session) {
		return nil, "", nil
	}
	r.UID = object.GetUID()
	paused, err := c.Dynamic.Resource(scaledObjects()).Namespace(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: contract.LabelSession + "=" + r.Session,
	})
	if err == nil {
		for _, o := range paused.Items {
			r.Paused = append(r.Paused, o.GetName())
		}
	}
	switch ref.Kind {
	case workload.DaemonSet, workload.Job, workload.CronJob:
		return []Record{r}, "", nil
	}
	parked, err := workload.Read(ref, object, "")
	if err != nil {
		return nil, "", err
	}
	// What goes on while it is parked can't be less than what it had.
	r.Kept = parked.Replicas
	r.Replicas = max(1, r.Kept+min(r.Kept, 1))
	return []Record{r}, fmt.Sprintf("no one knows any more how many replicas %s had: it gets %d", ref, r.Replicas), nil
}
