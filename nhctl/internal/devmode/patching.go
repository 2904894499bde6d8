package devmode

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// patching parks what has replicas, can be suspended, or chooses nodes: one field and a label.
type patching struct{ *kube.Client }

func (p patching) get(ctx context.Context, r Record) (*unstructured.Unstructured, error) {
	objects := p.Dynamic.Resource(r.Workload.Kind.Resource()).Namespace(r.Namespace)
	o, err := objects.Get(ctx, r.Workload.Name, metav1.GetOptions{})
	return o, p.Explain(err)
}

func (p patching) patch(ctx context.Context, r Record, how types.PatchType, patch []byte, dry ...string) error {
	objects := p.Dynamic.Resource(r.Workload.Kind.Resource()).Namespace(r.Namespace)
	_, err := objects.Patch(ctx, r.Workload.Name, how, patch, metav1.PatchOptions{DryRun: dry})
	return err
}

// ask is about a CronJob alone, without its running Jobs.
func (p patching) ask(ctx context.Context, r Record, original *unstructured.Unstructured) error {
	patch, err := workload.ParkPatch(r.Workload.Kind, original, r.Session, r.Before())
	if err != nil {
		return err
	}
	return p.patch(ctx, r, types.MergePatchType, patch, metav1.DryRunAll)
}

func (p patching) park(ctx context.Context, r Record) error {
	for range parkTries {
		original, err := p.get(ctx, r)
		if err != nil {
			return err
		}
		if other := original.GetLabels()[contract.LabelSession]; other != "" && other != r.Session {
			return problem.New(problem.Held, "%s is parked by session %s", r.Workload, other).
				WithHint("`nhctl dev list` shows the sessions")
		}
		patch, err := workload.ParkPatch(r.Workload.Kind, original, r.Session, r.Before())
		if err != nil {
			return err
		}
		if err = p.patch(ctx, r, types.MergePatchType, patch); !apierrors.IsConflict(err) {
			return p.Explain(err)
		}
	}
	return changing(r)
}

// unpark looks again where its patch's tests fail: someone else has changed the original since it was read, such as
// another computer that ends the session at the same time.
func (p patching) unpark(ctx context.Context, r Record) (said string, err error) {
	for range parkTries {
		if said, err = p.unparkOnce(ctx, r); !apierrors.IsInvalid(err) {
			break
		}
	}
	return said, p.Explain(err)
}

func (p patching) unparkOnce(ctx context.Context, r Record) (string, error) {
	original, err := p.get(ctx, r)
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("%s was deleted in the meantime: there is nothing to restore", r.Workload), nil
	}
	if err != nil {
		return "", err
	}
	if original.GetLabels()[contract.LabelSession] != r.Session {
		return "", nil // it is not parked, or not by this session
	}
	said := workload.Freed(r.Workload, original, r.Before())
	patch, err := workload.UnparkPatch(r.Workload.Kind, original, r.Session, r.Before())
	if said != "" {
		said += " in the meantime: it stays so"
		patch, err = workload.UnlabelPatch(r.Session)
	}
	if err != nil {
		return "", err
	}
	return said, p.patch(ctx, r, types.JSONPatchType, patch)
}

func (p patching) gone(ctx context.Context, r Record, wholly bool) (bool, error) {
	original, err := p.get(ctx, r)
	if err != nil {
		return false, err
	}
	labels, err := workload.Selector(original)
	if err != nil {
		return false, err
	}
	selector, err := metav1.LabelSelectorAsSelector(labels)
	if err != nil {
		return false, err
	}
	pods, err := p.API.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return false, p.Explain(err)
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; present(pod, wholly) && !workload.GoesOn(pod, original, r.Before()) {
			return false, nil
		}
	}
	return true, nil
}

func (p patching) restored(ctx context.Context, r Record) (bool, error) {
	original, err := p.get(ctx, r)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return workload.Restored(r.Workload.Kind, original)
}

func (p patching) drift(ctx context.Context, r Record) (Change, error) {
	original, err := p.get(ctx, r)
	if apierrors.IsNotFound(err) {
		return lost(r), nil
	}
	if err != nil {
		return Change{}, err
	}
	return drifted(r, original), nil
}

// scheduling parks CronJobs: no new Jobs, and the pods of those that run stop too.
type scheduling struct{ patching }

// jobs lists a CronJob's Jobs that are to be parked or freed with it.
func (s scheduling) jobs(ctx context.Context, r Record, want func(*unstructured.Unstructured) bool) ([]Record, error) {
	list, err := s.Dynamic.Resource(workload.Job.Resource()).Namespace(r.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, s.Explain(err)
	}
	var jobs []Record
	for i := range list.Items {
		if owner := metav1.GetControllerOf(&list.Items[i]); owner != nil && owner.UID == r.UID && want(&list.Items[i]) {
			job := r
			job.Workload = workload.Ref{Kind: workload.Job, Name: list.Items[i].GetName()}
			job.UID = list.Items[i].GetUID()
			job.Suspended = false
			jobs = append(jobs, job)
		}
	}
	return jobs, nil
}

func (s scheduling) park(ctx context.Context, r Record) error {
	if err := s.patching.park(ctx, r); err != nil {
		return err
	}
	jobs, err := s.jobs(ctx, r, workload.Runs)
	for _, job := range jobs {
		if err == nil {
			err = s.patching.park(ctx, job)
		}
	}
	return err
}

func (s scheduling) unpark(ctx context.Context, r Record) (string, error) {
	jobs, err := s.jobs(ctx, r, func(job *unstructured.Unstructured) bool {
		return job.GetLabels()[contract.LabelSession] == r.Session
	})
	for _, job := range jobs {
		if err == nil {
			_, err = s.patching.unpark(ctx, job)
		}
	}
	if err != nil {
		return "", err
	}
	said, err := s.patching.unpark(ctx, r)
	if err == nil && said == "" && !r.Suspended {
		said = fmt.Sprintf("%s is on again; a run that came due in the meantime may start at once", r.Workload)
	}
	return said, err
}

func (s scheduling) gone(ctx context.Context, r Record, wholly bool) (bool, error) {
	jobs, err := s.jobs(ctx, r, func(job *unstructured.Unstructured) bool {
		return job.GetLabels()[contract.LabelSession] == r.Session
	})
	for _, job := range jobs {
		if gone, err := s.patching.gone(ctx, job, wholly); err != nil || !gone {
			return false, err
		}
	}
	return err == nil, err
}
