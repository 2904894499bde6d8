package record

import (
	"cmp"
	"encoding/json"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Text is the record as the cluster has it.
func (r Record) Text() (string, error) {
	r.Version = Version
	data, err := json.Marshal(r)
	return string(data), err
}

// NewLease is the session's Lease.
func (r Record) NewLease() (*coordinationv1.Lease, error) {
	text, err := r.Text()
	if err != nil {
		return nil, err
	}
	holder, now := r.Holder.String(), metav1.NewMicroTime(r.Since)
	seconds := int32(cmp.Or(r.AbandonAfter, DefaultAbandonAfter) / time.Second)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name:        r.Lease(),
			Namespace:   r.Namespace,
			Labels:      map[string]string{contract.LabelSession: r.Session, contract.LabelRole: contract.RoleSession},
			Annotations: map[string]string{contract.AnnotationRecord: text},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       &holder,
			LeaseDurationSeconds: &seconds,
			AcquireTime:          &now,
			RenewTime:            &now,
		},
	}, nil
}

// FromLease reads the record of a Lease of the namespace. Whoever may write Leases there may have written it.
func FromLease(l *coordinationv1.Lease) (Record, error) {
	source := "Lease " + l.Name
	r, err := parse(source, l.Annotations[contract.AnnotationRecord])
	if err != nil {
		return r, err
	}
	if l.Spec.RenewTime != nil {
		r.Heartbeat = l.Spec.RenewTime.Time
	}
	r.AbandonAfter = DefaultAbandonAfter
	if l.Spec.LeaseDurationSeconds != nil {
		r.AbandonAfter = time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
	}
	r.Wanted = wanted(l.Annotations[contract.AnnotationWanted], r.Session)
	if err := r.check(source); err != nil {
		return r, err
	}
	return r, r.checkObject(source, l.ObjectMeta, contract.RoleSession, r.Lease())
}

// FromTwin reads the copy that a twin has of its session's record. Whoever may write Deployments of the namespace may have written it.
func FromTwin(d *appsv1.Deployment) (Record, error) {
	source := "Deployment " + d.Name
	r, err := parse(source, d.Annotations[contract.AnnotationRecord])
	if err != nil {
		return r, err
	}
	if err := r.check(source); err != nil {
		return r, err
	}
	return r, r.checkObject(source, d.ObjectMeta, contract.RoleTwin, r.Twin())
}

// wanted reads who asks for a session's end. A request that is no such thing, or is about a session before this one, is none.
func wanted(text, session string) *Wanted {
	var w Wanted
	if text == "" || len(text) > maxText || json.Unmarshal([]byte(text), &w) != nil || w.Session != session || w.By.check() != "" {
		return nil
	}
	return &w
}
