package lease

import (
	"context"
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Listed are the sessions of a namespace, everyone's.
type Listed struct {
	Records []record.Record
	// Unreadable are the Leases of sessions that can't be read.
	Unreadable []Unreadable
}

// Unreadable is the Lease of a session that can't be read, and why.
type Unreadable struct {
	Lease string
	// Kind is the session's, where it is another one than dev mode.
	Kind string
	Err  error
}

// List returns the sessions of the client's namespace. One that can't be read hides no other.
func List(ctx context.Context, c *kube.Client) (Listed, error) {
	var listed Listed
	sessions := metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleSession}
	leases, err := c.API.CoordinationV1().Leases(c.Namespace).List(ctx, sessions)
	if err != nil {
		return listed, fmt.Errorf("list sessions: %w", c.Explain(err))
	}
	for i := range leases.Items {
		r, unreadable := Read(&leases.Items[i])
		if unreadable != nil {
			listed.Unreadable = append(listed.Unreadable, *unreadable)
			continue
		}
		listed.Records = append(listed.Records, r)
	}
	return listed, nil
}

// Tunnels are those into the client's namespace that a developer has from a computer. One that can't be read is left
// out.
func Tunnels(ctx context.Context, c *kube.Client, of record.Holder) ([]record.Tunnel, error) {
	found, _, err := Scan(ctx, c, contract.RoleTunnel, record.TunnelFromLease)
	return slices.DeleteFunc(found, func(t record.Tunnel) bool { return t.Holder != of }), err
}

// Scan reads all Leases of a role in the client's namespace, everyone's. One that can't be read hides no other.
func Scan[R any](
	ctx context.Context, c *kube.Client, role string, read func(*coordinationv1.Lease) (R, error),
) (all []R, unreadable []Unreadable, err error) {
	selected := metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + role}
	leases, err := c.API.CoordinationV1().Leases(c.Namespace).List(ctx, selected)
	if err != nil {
		return nil, nil, fmt.Errorf("list Leases of the role %s: %w", role, c.Explain(err))
	}
	for i := range leases.Items {
		l := &leases.Items[i]
		if r, err := read(l); err == nil {
			all = append(all, r)
		} else {
			unreadable = append(unreadable, Unreadable{Lease: l.Name, Err: err})
		}
	}
	return all, unreadable, nil
}

// Read returns the record of a session's Lease, or why it can't be read.
func Read(l *coordinationv1.Lease) (record.Record, *Unreadable) {
	r, err := record.FromLease(l)
	if err != nil {
		return r, &Unreadable{Lease: l.Name, Kind: record.OtherKind(l), Err: err}
	}
	return r, nil
}
