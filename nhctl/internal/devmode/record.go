// Package devmode takes a workload into dev mode and back: a list of steps, each with its undo. What it knows of a session is in
// the cluster, in the session's Lease, so any computer can end it. It knows nothing of sync, carriers or terminals: those come
// in as a Link.
package devmode

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	// Beside are the other containers in dev mode.
	Beside []Container `json:"beside,omitempty"`
	// ByExec says that the sidecar's binary comes through exec, into each pod of the twin.
	ByExec bool `json:"byExec,omitempty"`
	// Alone says that the twin's pod and the original's can't run at once: whichever comes waits for the other to go.
	Alone bool `json:"alone,omitempty"`
	// Paused are the autoscalers that rest meanwhile, by our doing.
	Paused []string `json:"paused,omitempty"`
	// Fingerprint is that of the pod template that the twin was made of.
	Fingerprint string `json:"fingerprint,omitempty"`
	// TookOver is the session that was ended for this one.
	TookOver *TookOver `json:"tookOver,omitempty"`
	// Heartbeat is when the holder's daemon last renewed the Lease, AbandonAfter how long a silent session blocks others: the Lease's own
	// fields. Wanted is who asks for its end, nil when nobody does.
	Heartbeat    time.Time     `json:"-"`
	AbandonAfter time.Duration `json:"-"`
	Wanted       *Wanted       `json:"-"`
}

// Container is a container in dev mode, as the twin has it.
type Container struct {
	Name    string `json:"name"`
	Image   string `json:"image"`
	WorkDir string `json:"workDir"`
	Shell   string `json:"shell,omitempty"`
}

// Containers are all in dev mode; the first is the one that is meant where none is named.
func (r Record) Containers() []Container {
	return append([]Container{{Name: r.Container, Image: r.Image, WorkDir: r.WorkDir, Shell: r.Shell}}, r.Beside...)
}

// Folder is a synced folder.
type Folder struct {
	ID string `json:"id"`
	// Container has it; empty means the first.
	Container string `json:"container,omitempty"`
	// Local is on the holder's computer, Remote in the dev container.
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// Folders are all that are synced, the sources first.
func (r Record) Folders() []Folder {
	all := append([]Folder{{ID: r.FolderID, Local: r.Folder, Remote: cmp.Or(r.MountPath, r.WorkDir)}}, r.More...)
	for i := range all {
		all[i].Container = cmp.Or(all[i].Container, r.Container)
	}
	return all
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

// DefaultAbandonAfter is how long a silent session blocks others, where nobody says otherwise.
const DefaultAbandonAfter = 10 * time.Minute

func (r Record) lease() (*coordinationv1.Lease, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	holder, now := r.Holder.String(), metav1.NewMicroTime(r.Since)
	seconds := int32(cmp.Or(r.AbandonAfter, DefaultAbandonAfter) / time.Second)
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
	r.AbandonAfter = DefaultAbandonAfter
	if l.Spec.LeaseDurationSeconds != nil {
		r.AbandonAfter = time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
	}
	if text := l.Annotations[contract.AnnotationWanted]; text != "" {
		r.Wanted = &Wanted{}
		if err := json.Unmarshal([]byte(text), r.Wanted); err != nil || r.Wanted.Session != r.Session {
			r.Wanted = nil // it was meant for a session before this one
		}
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

// Update writes a record to its Lease.
func Update(ctx context.Context, c *kube.Client, r Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return r.change(ctx, c, "/metadata/annotations/"+strings.ReplaceAll(contract.AnnotationRecord, "/", "~1"), string(data))
}

// Heartbeat tells everybody that the session lives.
func Heartbeat(ctx context.Context, c *kube.Client, r Record) error {
	now, err := c.Now(ctx)
	if err != nil {
		return err
	}
	return r.change(ctx, c, "/spec/renewTime", metav1.NewMicroTime(now))
}

// errNotHolder says that a session's Lease is gone, or another session's.
var errNotHolder = errors.New("the session does not hold the workload any more")

// change sets a field of the session's Lease, unless another session has it by now.
func (r Record) change(ctx context.Context, c *kube.Client, path string, value any) error {
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
