// Package devmode takes a workload into dev mode and back: a list of steps, each with its undo. What it knows of a session is in
// the cluster, in the session's Lease, so any computer can end it. It knows nothing of sync, carriers or terminals: those come
// in as a Link.
package devmode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Record is what is written down of a session.
type Record = record.Record

// Listed are the sessions of a namespace, everyone's.
type Listed struct {
	Records []Record
	// Unreadable are the Leases of sessions that can't be read.
	Unreadable []Unreadable
}

// Unreadable is the Lease of a session that can't be read, and why.
type Unreadable struct {
	Lease string
	Err   error
}

// List returns the sessions of the client's namespace. One that can't be read hides no other.
func List(ctx context.Context, c *kube.Client) (Listed, error) {
	var listed Listed
	leases, err := c.API.CoordinationV1().Leases(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleSession})
	if err != nil {
		return listed, fmt.Errorf("list sessions: %w", c.Explain(err))
	}
	for i := range leases.Items {
		r, err := record.FromLease(&leases.Items[i])
		if err != nil {
			listed.Unreadable = append(listed.Unreadable, Unreadable{Lease: leases.Items[i].Name, Err: err})
			continue
		}
		listed.Records = append(listed.Records, r)
	}
	return listed, nil
}

// Lookup returns a session's record as the cluster has it, and whether it is there.
func Lookup(ctx context.Context, c *kube.Client, r Record) (Record, bool, error) {
	l, err := c.API.CoordinationV1().Leases(r.Namespace).Get(ctx, r.Lease(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read the session's Lease: %w", c.Explain(err))
	}
	found, err := record.FromLease(l)
	return found, err == nil && found.Session == r.Session, err
}

// Update writes a record to its Lease.
func Update(ctx context.Context, c *kube.Client, r Record) error {
	text, err := r.Text()
	if err != nil {
		return err
	}
	return change(ctx, c, r, "/metadata/annotations/"+strings.ReplaceAll(contract.AnnotationRecord, "/", "~1"), text)
}

// Heartbeat tells everybody that the session lives.
func Heartbeat(ctx context.Context, c *kube.Client, r Record) error {
	now, err := c.Now(ctx)
	if err != nil {
		return err
	}
	return change(ctx, c, r, "/spec/renewTime", metav1.NewMicroTime(now))
}

// errNotHolder says that a session's Lease is gone, or another session's.
var errNotHolder = errors.New("the session does not hold the workload any more")

// change sets a field of the session's Lease, unless another session has it by now.
func change(ctx context.Context, c *kube.Client, r Record, path string, value any) error {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/labels/" + strings.ReplaceAll(contract.LabelSession, "/", "~1"), "value": r.Session},
		{"op": "add", "path": path, "value": value}})
	if err != nil {
		return err
	}
	_, err = c.API.CoordinationV1().Leases(r.Namespace).Patch(ctx, r.Lease(), types.JSONPatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return errNotHolder
	}
	return c.Explain(err)
}
