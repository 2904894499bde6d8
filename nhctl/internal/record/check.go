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
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
)

// ErrOtherKind says that a record is of a session of another kind than dev mode.
var ErrOtherKind = errors.New("it is not of dev mode")

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
	maxFingerprint = 128
)

// idPattern is what a session's id looks like: 4 random bytes.
var idPattern = regexp.MustCompile(`^[0-9a-f]{8}$`)

// ValidID says whether a text is a session's id. Local paths and names of objects are made of ids.
func ValidID(id string) bool { return idPattern.MatchString(id) }

// parse decodes a record that others may have written.
func parse(source, text string) (Record, error) {
	var r Record
	if text == "" {
		return r, unreadable(source, "it has no record")
	}
	if len(text) > maxText {
		return r, unreadable(source,
			fmt.Sprintf("its record has %d bytes, and no session's has more than %d", len(text), maxText))
	}
	head, err := document.HeadOf([]byte(text))
	if err == nil {
		if err := checkHead(source, head); err != nil {
			return r, err
		}
		err = json.Unmarshal([]byte(text), &r)
	}
	if err != nil {
		return r, unreadable(source, err.Error())
	}
	return r, nil
}

// Check checks a record that this computer has kept.
func (r Record) Check(file string) error { return r.check(file) }

func unreadable(source, why string) error {
	return problem.New(problem.Unreadable, "%s is not the record of a session: %s", source, why).
		WithHint("nhctl leaves it alone; whoever wrote it, or an administrator, can delete it")
}

// checkHead says why a record is not for this build to read. Its kind goes first: each kind counts its own versions.
func checkHead(source string, head document.Head) error {
	if cmp.Or(head.Kind, DevMode) != DevMode {
		return problem.New(problem.Unreadable, "%s can't be read: %w: its kind is %q", source, ErrOtherKind,
			clip(head.Kind)).
			WithHint("it belongs to a session of that kind: this nhctl leaves it alone")
	}
	if err := head.Check(document.Head{Kind: DevMode, Version: Version}); err != nil {
		return problem.New(problem.Unreadable, "%s can't be read: %w", source, err).
			WithHint("install the version of nhctl that its holder has; this one leaves the session alone")
	}
	return nil
}

// check is the one place that decides whether a record can be used. Everything that a path, a name, a number or a line
// on a terminal is made of has to be what a session's own program would have written.
func (r Record) check(source string) error {
	if err := checkHead(source, document.Head{Kind: r.Kind, Version: r.Version}); err != nil {
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
	kind := string(r.Workload.Kind)
	switch {
	case r.Version < 0:
		return fmt.Sprintf("its version is %d", r.Version)
	case !ValidID(r.Session):
		return fmt.Sprintf("%q is no session's id", clip(r.Session))
	case len(validation.IsDNS1123Label(r.Namespace)) > 0:
		return fmt.Sprintf("%q is no namespace", clip(r.Namespace))
	case !r.Workload.Kind.Known() || len(kind) > maxKindName:
		return fmt.Sprintf("%q is no kind of workload", clip(kind))
	case len(validation.IsDNS1123Subdomain(r.Workload.Name)) > 0:
		return fmt.Sprintf("%q is no workload's name", clip(r.Workload.Name))
	case r.Mode != Replace && r.Mode != Duplicate:
		return fmt.Sprintf("%q is no mode", clip(string(r.Mode)))
	case r.Phase != Entering && r.Phase != Active && r.Phase != Leaving:
		return fmt.Sprintf("%q is no phase", clip(string(r.Phase)))
	}
	return r.Holder.check()
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
	case r.Port < leastPort || r.Port > mostPort:
		return fmt.Sprintf("its port is %d", r.Port)
	case r.AbandonAfter < 0 || r.AbandonAfter > maxAbandon:
		return fmt.Sprintf("it is abandoned after %s", r.AbandonAfter)
	case r.Since.Year() < 2000 || r.Since.Year() > 9999:
		return fmt.Sprintf("it began at %s", r.Since)
	case !r.Heartbeat.IsZero() && r.Heartbeat.Before(r.Since.Add(-24*time.Hour)):
		return fmt.Sprintf("it began at %s, long after its last heartbeat", r.Since)
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
	if !plain(string(r.Place.Namespace), maxName) || !plain(r.Place.Server, maxName) {
		return "its place is none"
	}
	if !plain(string(r.UID), maxName) || !plain(r.Fingerprint, maxFingerprint) {
		return "its UID or fingerprint is none"
	}
	if t := r.TookOver; t != nil && (!ValidID(t.Session) || !plain(t.Kept, maxPath)) {
		return fmt.Sprintf("%q is no session that it took over", clip(t.Session))
	}
	return ""
}

// checkObject compares a record with the object that it came from: a record speaks of its own session, in its own
// namespace.
func (r Record) checkObject(source string, o metav1.ObjectMeta, role, name string) error {
	switch {
	case o.Labels[contract.LabelRole] != role:
		return unreadable(source,
			fmt.Sprintf("its label %s is %q, not %q", contract.LabelRole, o.Labels[contract.LabelRole], role))
	case o.Labels[contract.LabelSession] != r.Session:
		return unreadable(source,
			fmt.Sprintf("its label says session %q, and its record %q", o.Labels[contract.LabelSession], r.Session))
	case o.Namespace != r.Namespace:
		return unreadable(source,
			fmt.Sprintf("it is in namespace %q, and its record says %q", o.Namespace, r.Namespace))
	case o.Name != name:
		return unreadable(source, "the session that its record names would have "+name)
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
