package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
)

// ErrOtherKind says that a record is of a session of another kind.
var ErrOtherKind = errors.New("it is of another kind")

// Limits of what a record may hold.
const (
	maxText        = 64 << 10 // bytes of a record
	maxName        = 1024     // bytes of a name, of an image or of a user
	maxPath        = 4096     // bytes of a path
	maxList        = 64       // containers, folders or autoscalers
	maxReplicas    = 100_000
	maxKindName    = 253
	leastPort      = 1024
	mostPort       = 65535
	maxAbandon     = 365 * 24 * time.Hour
	maxYear        = 9998 // JSON has four digits for a year, wherever on earth it ends
	maxFingerprint = 128
)

// idPattern is what a session's id looks like: 4 random bytes.
var idPattern = regexp.MustCompile(`^[0-9a-f]{8}$`)

// ValidID says whether a text is a session's id. Local paths and names of objects are made of ids.
func ValidID(id string) bool { return idPattern.MatchString(id) }

// head is that of the records of dev mode.
func head() document.Head { return document.Head{Kind: DevMode, Version: Version} }

// parse decodes a record that others may have written, of the kind and of a version up to the one known.
func parse[R any](source, text string, known document.Head) (r R, err error) {
	if text == "" {
		return r, unreadable(source, "it has no record")
	}
	if len(text) > maxText {
		return r, unreadable(source,
			fmt.Sprintf("its record has %d bytes, and no session's has more than %d", len(text), maxText))
	}
	head, err := document.HeadOf([]byte(text))
	if err == nil {
		if err := checkHead(source, head, known); err != nil {
			return r, err
		}
		err = json.Unmarshal([]byte(text), &r)
	}
	if err != nil {
		return r, unreadable(source, err.Error())
	}
	return r, nil
}

func unreadable(source, why string) error {
	return problem.New(problem.Unreadable, "%s is not the record of a session: %s", source, why).
		WithHint("nhctl leaves it alone; whoever wrote it, or an administrator, can delete it")
}

// checkHead says why a record is not for this build to read. Its kind goes first: each kind counts its own versions.
func checkHead(source string, head, known document.Head) error {
	if kind := cmp.Or(head.Kind, DevMode); kind != known.Kind {
		return problem.New(problem.Unreadable, "%s can't be read: %w: %q, not %q", source, ErrOtherKind, clip(kind),
			known.Kind).
			WithHint("it belongs to a session of that kind: nhctl leaves it alone here")
	}
	if err := head.Check(known); err != nil {
		return problem.New(problem.Unreadable, "%s can't be read: %w", source, err).
			WithHint("install the version of nhctl that its holder has; this one leaves the session alone")
	}
	return nil
}

// Check is the one place that decides whether a record can be used. Everything that a path, a name, a number or a line
// on a terminal is made of has to be what a session's own program would have written.
func (r Record) Check(source string) error {
	if err := checkHead(source, document.Head{Kind: r.Kind, Version: r.Version}, head()); err != nil {
		return err
	}
	for _, check := range []func() string{r.checkIdentity, r.checkState, r.checkLists, r.checkTexts} {
		if why := check(); why != "" {
			return unreadable(source, why)
		}
	}
	return nil
}

func (r Record) checkIdentity() string {
	for _, why := range []string{checkID(r.Version, r.Session, r.Namespace), checkRef(r.Workload)} {
		if why != "" {
			return why
		}
	}
	switch {
	case r.Mode != Replace && r.Mode != Duplicate:
		return fmt.Sprintf("%q is no mode", clip(string(r.Mode)))
	case r.Phase != Entering && r.Phase != Active && r.Phase != Leaving:
		return fmt.Sprintf("%q is no phase", clip(string(r.Phase)))
	}
	return r.Holder.check()
}

// checkRef says why something can't be a workload.
func checkRef(r workload.Ref) string {
	switch {
	case !r.Kind.Known() || len(r.Kind) > maxKindName:
		return fmt.Sprintf("%q is no kind of workload", clip(string(r.Kind)))
	case len(validation.IsDNS1123Subdomain(r.Name)) > 0:
		return fmt.Sprintf("%q is no workload's name", clip(r.Name))
	}
	return ""
}

// checkID says why a record can't be that of a session of a namespace.
func checkID(version int, session, namespace string) string {
	switch {
	case version < 0:
		return fmt.Sprintf("its version is %d", version)
	case !ValidID(session):
		return fmt.Sprintf("%q is no session's id", clip(session))
	case len(validation.IsDNS1123Label(namespace)) > 0:
		return fmt.Sprintf("%q is no namespace", clip(namespace))
	}
	return ""
}

func (h Holder) check() string {
	for _, text := range []string{h.User, h.Local} {
		if text == "" || !plain(text, maxName) {
			return fmt.Sprintf("its holder is %q", clip(text))
		}
	}
	return ""
}

func (r Record) checkState() string {
	switch {
	case r.Replicas < 0 || r.Replicas > maxReplicas:
		return fmt.Sprintf("it has %d replicas", r.Replicas)
	case r.Kept < 0 || r.Kept > r.Replicas:
		return fmt.Sprintf("%d of %d replicas go on", r.Kept, r.Replicas)
	case r.AbandonAfter < 0 || r.AbandonAfter > maxAbandon:
		return fmt.Sprintf("it is abandoned after %s", r.AbandonAfter)
	}
	return checkLife(r.Port, r.Since, r.Heartbeat)
}

// checkLife says why a session can't have a port and times.
func checkLife(port int, since, heartbeat time.Time) string {
	switch {
	case port < leastPort || port > mostPort:
		return fmt.Sprintf("its port is %d", port)
	case since.Year() < 2000 || since.Year() > maxYear:
		return fmt.Sprintf("it began at %s", since)
	case heartbeat.Year() > maxYear: // a Lease can have times that no answer of the daemon's can
		return fmt.Sprintf("its last heartbeat was in the year %d", heartbeat.Year())
	case !heartbeat.IsZero() && heartbeat.Before(since.Add(-24*time.Hour)):
		return fmt.Sprintf("it began at %s, long after its last heartbeat", since)
	}
	return ""
}

func (r Record) checkLists() string {
	if len(r.More) > maxList || len(r.Extra) > maxList || len(r.Paused) > maxList {
		return fmt.Sprintf("it lists more than %d folders, containers or autoscalers", maxList)
	}
	names := map[string]bool{}
	for _, c := range r.Containers() {
		switch {
		case len(validation.IsDNS1123Label(c.Name)) > 0 || names[c.Name]:
			return fmt.Sprintf("%q is no container of its own", clip(c.Name))
		case !remote(c.WorkDir):
			return fmt.Sprintf("%q is no folder of a container", clip(c.WorkDir))
		case c.Image == "" || !plain(c.Image, maxName) || !plain(c.Shell, maxName):
			return fmt.Sprintf("container %s has image %q and shell %q", c.Name, clip(c.Image), clip(c.Shell))
		}
		names[c.Name] = true
	}
	for _, f := range r.Folders() {
		switch {
		case !remote(f.Remote):
			return fmt.Sprintf("%q is no folder of a container", clip(f.Remote))
		case !names[f.Container]:
			return fmt.Sprintf("%q is no container in dev mode", clip(f.Container))
		case !plain(f.Local, maxPath):
			return fmt.Sprintf("%q is no folder", clip(f.Local))
		}
	}
	for _, name := range r.Paused {
		if len(validation.IsDNS1123Subdomain(name)) > 0 {
			return fmt.Sprintf("%q is no autoscaler", clip(name))
		}
	}
	return ""
}

func (r Record) checkTexts() string {
	if why := r.Place.check(); why != "" {
		return why
	}
	if !plain(string(r.UID), maxName) || !plain(r.Fingerprint, maxFingerprint) {
		return "its UID or fingerprint is none"
	}
	if t := r.TookOver; t != nil && (!ValidID(t.Session) || !plain(t.Kept, maxPath)) {
		return fmt.Sprintf("%q is no session that it took over", clip(t.Session))
	}
	return ""
}

func (p Place) check() string {
	if !plain(string(p.Namespace), maxName) || !plain(p.Server, maxName) {
		return "its place is none"
	}
	return ""
}

// checkObject compares a record with the object that it came from: a record speaks of its own session, in its own
// namespace.
func checkObject(source string, o metav1.ObjectMeta, own Claim) error {
	switch {
	case o.Labels[contract.LabelRole] != own.Role:
		return unreadable(source,
			fmt.Sprintf("its label %s is %q, not %q", contract.LabelRole, o.Labels[contract.LabelRole], own.Role))
	case o.Labels[contract.LabelSession] != own.Session:
		return unreadable(source,
			fmt.Sprintf("its label says session %q, and its record %q", o.Labels[contract.LabelSession], own.Session))
	case o.Namespace != own.Namespace:
		return unreadable(source,
			fmt.Sprintf("it is in namespace %q, and its record says %q", o.Namespace, own.Namespace))
	case o.Name != own.Name:
		return unreadable(source, "the session that its record names would have "+own.Name)
	}
	return nil
}

// remote says whether a path can be a folder of a container.
func remote(p string) bool { return plain(p, maxPath) && path.IsAbs(p) }

// plain says whether a text is one that a line can show.
func plain(text string, limit int) bool {
	return len(text) <= limit && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
}

// clip shortens a text that an error quotes.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}
