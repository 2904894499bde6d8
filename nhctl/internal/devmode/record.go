// Package devmode takes a workload into dev mode and back: a list of steps, each with its undo. What it knows of a session is in
// the cluster, in the session's Lease, so any computer can end it. It knows nothing of sync, carriers or terminals: those come
// in as a Link.
package devmode

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Phase is where a session stands.
type Phase string

// The phases.
const (
	Entering Phase = "entering"
	Active   Phase = "active"
	Leaving  Phase = "leaving"
)

// Record is all that is needed to end a session, from any computer.
type Record struct {
	Session   string       `json:"session"`
	Namespace string       `json:"namespace"`
	Workload  workload.Ref `json:"workload"`
	// UID, Replicas and Suspended are the original's when the session began; Kept replicas go on while it is parked.
	UID       types.UID `json:"uid"`
	Replicas  int32     `json:"replicas"`
	Kept      int32     `json:"kept,omitempty"`
	Suspended bool      `json:"suspended,omitempty"`
	// Scaled says that the end is over once the original has its replicas back, ready or not.
	Scaled bool       `json:"scaled,omitempty"`
	Mode   rpc.Mode   `json:"mode"`
	Phase  Phase      `json:"phase"`
	Holder rpc.Holder `json:"holder"`
	Since  time.Time  `json:"since"`
	// Twin names the Deployment and the Secret.
	Twin string `json:"twin"`
	// Port is the carrier's on the pod's loopback.
	Port      int    `json:"port"`
	Container string `json:"container"`
	Image     string `json:"image"`
	WorkDir   string `json:"workDir"`
	Shell     string `json:"shell,omitempty"`
	FolderID  string `json:"folderID"`
	// Folder is on the holder's computer.
	Folder string `json:"folder"`
	// MountPath is where the dev container has it; empty means WorkDir.
	MountPath string `json:"mountPath,omitempty"`
	// More are the other synced folders.
	More []Folder `json:"more,omitempty"`
	// Heartbeat is when the holder's daemon last renewed the Lease; it is the Lease's own field.
	Heartbeat time.Time `json:"-"`
}

// Folder is a synced folder.
type Folder struct {
	ID string `json:"id"`
	// Local is on the holder's computer, Remote in the dev container.
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// Folders are all that are synced, the sources first.
func (r Record) Folders() []Folder {
	return append([]Folder{{ID: r.FolderID, Local: r.Folder, Remote: cmp.Or(r.MountPath, r.WorkDir)}}, r.More...)
}

func (r Record) before() workload.Before {
	return workload.Before{Replicas: r.Replicas, Kept: r.Kept, Suspended: r.Suspended}
}

// Lease is the name of the session's Lease. In replace mode it does not hold the session's id: creating it is the lock.
func (r Record) Lease() string {
	name := "nhctl-" + string(r.Workload.Kind) + "-" + r.Workload.Name
	if r.Mode == rpc.Duplicate {
		name += "-" + r.Session
	}
	return name
}

// leaseSeconds is how long a silent session blocks others.
const leaseSeconds = 600

func (r Record) lease() (*coordinationv1.Lease, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	holder, seconds, now := r.Holder.User+" ("+r.Holder.Local+")", int32(leaseSeconds), metav1.NowMicro()
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: r.Lease(), Namespace: r.Namespace,
			Labels:      map[string]string{contract.LabelSession: r.Session, contract.LabelRole: contract.RoleSession},
			Annotations: map[string]string{contract.AnnotationRecord: string(data)}},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now},
	}, nil
}

func fromLease(l *coordinationv1.Lease) (Record, error) {
	var r Record
	if err := json.Unmarshal([]byte(l.Annotations[contract.AnnotationRecord]), &r); err != nil {
		return r, fmt.Errorf("read the session record of Lease %s: %w", l.Name, err)
	}
	if l.Spec.RenewTime != nil {
		r.Heartbeat = l.Spec.RenewTime.Time
	}
	return r, nil
}

// List returns the sessions of the namespace, everybody's.
func List(ctx context.Context, c *kube.Client) ([]Record, error) {
	leases, err := c.API.CoordinationV1().Leases(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleSession})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", c.Explain(err))
	}
	records := []Record{}
	for i := range leases.Items {
		r, err := fromLease(&leases.Items[i])
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
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
	found, err := fromLease(l)
	return found, err == nil && found.Session == r.Session, err
}

// update writes a record to its Lease.
func update(ctx context.Context, c *kube.Client, r Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{contract.AnnotationRecord: string(data)}}})
	if err != nil {
		return err
	}
	_, err = c.API.CoordinationV1().Leases(r.Namespace).Patch(ctx, r.Lease(), types.MergePatchType, patch, metav1.PatchOptions{})
	return c.Explain(err)
}

// Heartbeat tells everybody that the session lives.
func Heartbeat(ctx context.Context, c *kube.Client, r Record) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"renewTime": metav1.NowMicro()}})
	if err != nil {
		return err
	}
	_, err = c.API.CoordinationV1().Leases(r.Namespace).Patch(ctx, r.Lease(), types.MergePatchType, patch, metav1.PatchOptions{})
	return c.Explain(err)
}
