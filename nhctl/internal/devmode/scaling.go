package devmode

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// scaling parks custom resources through their scale subresource, which is all that is known of them.
type scaling struct{ *kube.Client }

// scale asks for the scale subresource, and the replicas in it.
func (s scaling) scale(ctx context.Context, r Record) (*unstructured.Unstructured, int64, error) {
	return s.Scale(ctx, r.Workload.Kind.Resource(), r.Namespace, r.Workload.Name)
}

// set scales, unless someone changed the workload since it or its scale was read.
func (s scaling) set(
	ctx context.Context, r Record, read *unstructured.Unstructured, replicas int32, dry ...string,
) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": read.GetResourceVersion()},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return err
	}
	objects := s.Dynamic.Resource(r.Workload.Kind.Resource()).Namespace(r.Namespace)
	_, err = objects.Patch(ctx, r.Workload.Name, types.MergePatchType, patch, metav1.PatchOptions{DryRun: dry}, "scale")
	return err
}

// replicas finds out how many a custom resource has, and whether it can be scaled at all.
func (s scaling) replicas(ctx context.Context, r Record) (int32, error) {
	_, n, err := s.scale(ctx, r)
	if apierrors.IsNotFound(err) {
		return 0, problem.New(problem.Refused, "%s has no scale subresource, so it can't be parked", r.Workload).
			WithHint("develop on a copy instead: --mode duplicate")
	}
	if err != nil {
		return 0, fmt.Errorf("read the scale of %s: %w", r.Workload, err)
	}
	return int32(n), nil
}

func (s scaling) ask(ctx context.Context, r Record, original *unstructured.Unstructured) error {
	return s.set(ctx, r, original, 0, metav1.DryRunAll)
}

func (s scaling) park(ctx context.Context, r Record) error {
	for range parkTries {
		scale, _, err := s.scale(ctx, r)
		if err != nil {
			return err
		}
		if err = s.set(ctx, r, scale, 0); !apierrors.IsConflict(err) {
			return s.Explain(err)
		}
	}
	return changing(r)
}

func (s scaling) unpark(ctx context.Context, r Record) (string, error) {
	for range parkTries {
		scale, replicas, err := s.scale(ctx, r)
		switch {
		case apierrors.IsNotFound(err):
			return fmt.Sprintf("%s was deleted in the meantime: there is nothing to restore", r.Workload), nil
		case err != nil:
			return "", err
		case scale.GetUID() != r.UID || replicas == int64(r.Replicas):
			return "", nil
		case replicas != 0:
			return fmt.Sprintf("someone scaled %s to %d in the meantime: it stays so", r.Workload, replicas), nil
		}
		if err := s.set(ctx, r, scale, r.Replicas); !apierrors.IsConflict(err) {
			return "", s.Explain(err)
		}
	}
	return "", changing(r)
}

func (s scaling) gone(ctx context.Context, r Record, wholly bool) (bool, error) {
	scale, _, err := s.scale(ctx, r)
	if err != nil {
		return false, err
	}
	selector, _, err := unstructured.NestedString(scale.Object, "status", "selector")
	if err != nil || selector == "" {
		return err == nil, err // its controller does not say which pods are its own
	}
	pods, err := s.API.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return false, s.Explain(err)
	}
	for i := range pods.Items {
		if present(&pods.Items[i], wholly) {
			return false, nil
		}
	}
	return true, nil
}

// restored compares what the controller says with what it is asked for. One that never said anything is not waited for.
func (s scaling) restored(ctx context.Context, r Record) (bool, error) {
	objects := s.Dynamic.Resource(r.Workload.Kind.Resource()).Namespace(r.Namespace)
	object, err := objects.Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if _, said := object.Object["status"]; err != nil || !said {
		return err == nil, s.Explain(err)
	}
	scale, replicas, err := s.scale(ctx, r)
	if err != nil {
		return false, err
	}
	have, _, err := unstructured.NestedInt64(scale.Object, "status", "replicas")
	return have >= replicas, err
}

func (s scaling) drift(ctx context.Context, r Record) (Change, error) {
	objects := s.Dynamic.Resource(r.Workload.Kind.Resource()).Namespace(r.Namespace)
	original, err := objects.Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return lost(r), nil
	}
	if err != nil {
		return Change{}, s.Explain(err)
	}
	if original.GetUID() == r.UID {
		_, replicas, err := s.scale(ctx, r)
		if err != nil || replicas != 0 {
			manager := workload.Manager(original, r.Workload.Kind, r.Before())
			said := fmt.Sprintf("someone scaled %s to %d%s while it was parked", r.Workload, replicas, by(manager))
			return Change{Text: said, Freed: true, Hint: workload.KeepAway(r.Workload, original, r.Before())}, err
		}
	}
	return drifted(r, original), nil
}
