package record

import (
	"cmp"
	"encoding/json"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
)

// Claim is an object of a session: its namespace and name, and the session and role that its labels say.
type Claim struct{ Namespace, Name, Session, Role string }

// labels are those of the object.
func (c Claim) labels() map[string]string {
	return map[string]string{contract.LabelSession: c.Session, contract.LabelRole: c.Role}
}

// Claim is the session's Lease.
func (r Record) Claim() Claim { return Claim{r.Namespace, r.Lease(), r.Session, contract.RoleSession} }

// Text is the record as the cluster has it.
func (r Record) Text() (string, error) {
	r.Kind, r.Version = DevMode, Version
	data, err := json.Marshal(r)
	return string(data), err
}

// NewLease is the session's Lease.
func (r Record) NewLease() (*coordinationv1.Lease, error) {
	text, err := r.Text()
	return newLease(r.Claim(), text, r.Holder, r.Since, cmp.Or(r.AbandonAfter, DefaultAbandonAfter)), err
}

func newLease(own Claim, text string, by Holder, since time.Time, duration time.Duration) *coordinationv1.Lease {
	holder, now, seconds := by.String(), metav1.NewMicroTime(since), int32(duration/time.Second)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name:        own.Name,
			Namespace:   own.Namespace,
			Labels:      own.labels(),
			Annotations: map[string]string{contract.AnnotationRecord: text},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       &holder,
			LeaseDurationSeconds: &seconds,
			AcquireTime:          &now,
			RenewTime:            &now,
		},
	}
}

// checked is a record of some kind, which says why it can't be used, and which Lease it has.
type checked interface {
	Check(source string) error
	Claim() Claim
}

// fromLease reads the record of a Lease of the namespace, with what the Lease itself says of it.
func fromLease[R checked](
	l *coordinationv1.Lease, known document.Head, complete func(r *R, heartbeat time.Time),
) (R, error) {
	source := "Lease " + l.Name
	r, err := parse[R](source, l.Annotations[contract.AnnotationRecord], known)
	if err != nil {
		return r, err
	}
	var heartbeat time.Time
	if l.Spec.RenewTime != nil {
		heartbeat = l.Spec.RenewTime.Time
	}
	complete(&r, heartbeat)
	if err := r.Check(source); err != nil {
		return r, err
	}
	return r, checkObject(source, l.ObjectMeta, r.Claim())
}

// FromLease reads the record of a Lease of the namespace. Whoever may write Leases there may have written it.
func FromLease(l *coordinationv1.Lease) (Record, error) {
	return fromLease(l, head(), func(r *Record, heartbeat time.Time) {
		r.Heartbeat, r.AbandonAfter = heartbeat, DefaultAbandonAfter
		if l.Spec.LeaseDurationSeconds != nil {
			r.AbandonAfter = time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
		}
		r.Wanted, r.NewerWanted = wanted(l.Annotations[contract.AnnotationWanted], r.Session)
	})
}

// OtherKind is the kind of a Lease's session where that is not dev mode, else "".
func OtherKind(l *coordinationv1.Lease) string {
	head, err := document.HeadOf([]byte(l.Annotations[contract.AnnotationRecord]))
	if err != nil || head.Kind == DevMode || !plain(head.Kind, maxName) {
		return ""
	}
	return head.Kind
}

// FromTwin reads the copy that a twin has of its session's record. Whoever may write Deployments of the namespace may
// have written it.
func FromTwin(d *appsv1.Deployment) (Record, error) {
	source := "Deployment " + d.Name
	r, err := parse[Record](source, d.Annotations[contract.AnnotationRecord], head())
	if err != nil {
		return r, err
	}
	if err := r.Check(source); err != nil {
		return r, err
	}
	return r, checkObject(source, d.ObjectMeta, Claim{r.Namespace, r.Twin(), r.Session, contract.RoleTwin})
}

// wanted reads who asks for a session's end, or the version of a request that only a newer build understands. A request
// that is no such thing, or is about a session before this one, is none.
func wanted(text, session string) (w *Wanted, newer int) {
	if text == "" || len(text) > maxText {
		return nil, 0
	}
	head, err := document.HeadOf([]byte(text))
	switch {
	case err != nil || cmp.Or(head.Kind, WantedKind) != WantedKind:
		return nil, 0
	case head.Version > WantedVersion:
		return nil, head.Version
	}
	w = new(Wanted)
	if json.Unmarshal([]byte(text), w) != nil || w.Session != session || w.By.check() != "" {
		return nil, 0
	}
	return w, 0
}
