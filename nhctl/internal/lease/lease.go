// Package lease reads and writes the Leases of sessions. A Lease is lock, record and heartbeat in one: creating it
// takes the workload, renewing it shows that the session is alive, and deleting it releases the workload. Each write
// tests that the Lease is still the session's own. The package knows nothing of what a session does with its workload.
package lease

import (
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

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Held is the record of a session that holds a Lease, of whichever kind.
type Held interface {
	Claim() record.Claim
	Text() (string, error)
	NewLease() (*coordinationv1.Lease, error)
}

// Create takes the Lease for a session. taken says that another session has it.
func Create(ctx context.Context, c *kube.Client, h Held) (taken bool, err error) {
	l, err := h.NewLease()
	if err != nil {
		return false, err
	}
	_, err = c.API.CoordinationV1().Leases(l.Namespace).Create(ctx, l, metav1.CreateOptions{})
	return apierrors.IsAlreadyExists(err), c.Explain(err)
}

// Holder is the session that has the Lease which a record would have, and the cluster's time; nil where none has.
func Holder(ctx context.Context, c *kube.Client, r record.Record) (*record.Record, time.Time, error) {
	found, there, err := read(ctx, c, r)
	if err != nil || !there {
		return nil, time.Time{}, err
	}
	now, err := c.Now(ctx)
	return &found, now, err
}

// Lookup returns a session's record as the cluster has it, and whether it is there. Where another session has the
// Lease, it returns that one's record.
func Lookup(ctx context.Context, c *kube.Client, r record.Record) (record.Record, bool, error) {
	found, there, err := read(ctx, c, r)
	return found, there && found.Session == r.Session, err
}

// read reads the Lease that a record would have; where there is none, it returns the record as it is.
func read(ctx context.Context, c *kube.Client, r record.Record) (record.Record, bool, error) {
	return held(ctx, c, r, "session", record.FromLease)
}

// Tunnel is the tunnel that has the Lease which a record would have, and whether there is one.
func Tunnel(ctx context.Context, c *kube.Client, t record.Tunnel) (found record.Tunnel, there bool, err error) {
	return held(ctx, c, t, "tunnel", record.TunnelFromLease)
}

// Route is the route that has the Lease which a record would have, and whether there is one.
func Route(ctx context.Context, c *kube.Client, r record.Route) (found record.Route, there bool, err error) {
	return held(ctx, c, r, "route", record.RouteFromLease)
}

// held reads the Lease that a record would have; where there is none, it returns the record as it is.
func held[R Held](
	ctx context.Context, c *kube.Client, r R, what string, from func(*coordinationv1.Lease) (R, error),
) (found R, there bool, err error) {
	own := r.Claim()
	l, err := c.API.CoordinationV1().Leases(own.Namespace).Get(ctx, own.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read the %s's Lease: %w", what, c.Explain(err))
	}
	found, err = from(l)
	return found, err == nil, err
}

// Routes are the routes of the namespace, everyone's. A Lease that can't be read is no route that anyone serves: it is
// passed by.
func Routes(ctx context.Context, c *kube.Client) (all []record.Route, err error) {
	all, _, err = Scan(ctx, c, contract.RoleRoute, record.RouteFromLease)
	return all, err
}

// Update writes a record to its Lease.
func Update(ctx context.Context, c *kube.Client, h Held) error {
	text, err := h.Text()
	if err != nil {
		return err
	}
	return change(ctx, c, h, annotation(contract.AnnotationRecord), text)
}

// Bind has the Lease go with an object.
func Bind(ctx context.Context, c *kube.Client, h Held, owner metav1.OwnerReference) error {
	return change(ctx, c, h, "/metadata/ownerReferences", []metav1.OwnerReference{owner})
}

// Renew tells everyone that the session is alive.
func Renew(ctx context.Context, c *kube.Client, h Held) error {
	now, err := c.Now(ctx)
	if err != nil {
		return err
	}
	return change(ctx, c, h, "/spec/renewTime", metav1.NewMicroTime(now))
}

// KeepRenewed renews the Lease at every heartbeat until stop is called, or ctx ends. A renewal that fails is followed
// by the next.
func KeepRenewed(ctx context.Context, c *kube.Client, h Held) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(record.Beat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = Renew(ctx, c, h)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// Release deletes the Lease, if it is this session's.
func Release(ctx context.Context, c *kube.Client, h Held) error {
	leases, own := c.API.CoordinationV1().Leases(c.Namespace), h.Claim()
	l, err := leases.Get(ctx, own.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return c.Explain(err)
	case l.Labels[contract.LabelRole] != own.Role || l.Labels[contract.LabelSession] != own.Session:
		return nil
	}
	same := metav1.Preconditions{UID: &l.UID}
	err = leases.Delete(ctx, l.Name, metav1.DeleteOptions{Preconditions: &same})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return c.Explain(err)
}

// ErrNotHolder says that a session's Lease is gone, or another session's.
var ErrNotHolder = errors.New("the session does not hold its Lease any more")

// annotation is the path of an annotation in a JSON patch.
func annotation(name string) string {
	return "/metadata/annotations/" + strings.ReplaceAll(name, "/", "~1")
}

// change sets a field of the session's Lease, unless another session has it by now.
func change(ctx context.Context, c *kube.Client, h Held, path string, value any) error {
	own := h.Claim()
	label := "/metadata/labels/" + strings.ReplaceAll(contract.LabelSession, "/", "~1")
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": label, "value": own.Session},
		{"op": "add", "path": path, "value": value},
	})
	if err != nil {
		return err
	}
	leases := c.API.CoordinationV1().Leases(own.Namespace)
	_, err = leases.Patch(ctx, own.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return ErrNotHolder
	}
	return c.Explain(err)
}
