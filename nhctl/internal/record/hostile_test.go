package record_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
)

// stored is what records of every kind can do.
type stored interface {
	Claim() record.Claim
	Text() (string, error)
	NewLease() (*coordinationv1.Lease, error)
}

// kind is a kind of records.
type kind struct {
	full   stored // with a value in every field, save those that exclude each other
	read   func(*coordinationv1.Lease) (stored, error)
	decode func(text string) (stored, error) // without a check
}

func kindOf[R stored](full R, read func(*coordinationv1.Lease) (R, error)) kind {
	return kind{
		full: full,
		read: func(l *coordinationv1.Lease) (stored, error) { return read(l) },
		decode: func(text string) (stored, error) {
			var r R
			err := json.Unmarshal([]byte(text), &r)
			return r, err
		},
	}
}

func kinds() map[string]kind {
	dev, to, along := full(), tunnel(), routed()
	dev.Place = record.Place{Namespace: "uid", Server: "server"}
	dev.Extra[0].Shell = "sh"
	along.Until = noon.Add(time.Hour)
	along.Dev, along.Ports[0].Local, along.Ports[1].Local = "deployment/web", record.LocalDev, record.LocalDev
	return map[string]kind{
		record.DevMode:    kindOf(dev, record.FromLease),
		record.TunnelKind: kindOf(to, record.TunnelFromLease),
		record.RouteKind:  kindOf(along, record.RouteFromLease),
	}
}

// leaf is a text or number of a document, and how to set it.
type leaf struct {
	path  string
	value any
	set   func(any)
}

// leaves are those of a decoded document, at any depth.
func leaves(path string, value any, set func(any)) (all []leaf) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, leaves(path+"."+name, v[name], func(to any) { v[name] = to })...)
		}
	case []any:
		for i := range v {
			all = append(all, leaves(fmt.Sprintf("%s[%d]", path, i), v[i], func(to any) { v[i] = to })...)
		}
	case string, float64:
		all = append(all, leaf{path, v, set})
	}
	return all
}

// leased is the Lease of a record whose text is another one.
func leased(t *testing.T, r stored, text string) *coordinationv1.Lease {
	t.Helper()
	l, err := r.NewLease()
	if err != nil {
		t.Fatal(err)
	}
	l.Annotations[contract.AnnotationRecord] = text
	return l
}

// No field of a record, of whatever kind, can bring a terminal's control characters, lines, an endless text, or a
// number that nothing has. A field that is added is looked at here by itself. The error shows none of them, either.
func TestNoFieldIsTrusted(t *testing.T) {
	t.Parallel()
	texts := map[string]func(string) any{
		"an escape":              func(s string) any { return s + "\x1b]0;x\x07" },
		"C1":                     func(s string) any { return s + "\u009b2J" },
		"a line":                 func(s string) any { return s + "\nroot" },
		"a line that hides it":   func(s string) any { return s + "\r" },
		"nothing":                func(s string) any { return s + "\x00" },
		"another direction":      func(s string) any { return "\u202e" + s },
		"no room of its own":     func(s string) any { return s + "\u200b" },
		"an end of a line":       func(s string) any { return s + "\u2028" },
		"all of a record's room": func(s string) any { return s + strings.Repeat("/x", 2500) },
		"a number":               func(string) any { return 7 },
		"a list":                 func(s string) any { return []any{s} },
	}
	numbers := map[string]any{"-1": -1, "2^31": 1 << 31, "2^63": 1e19, "1.5": 1.5, "a text": "1"}
	all := kinds()
	all["a route to a computer"] = kindOf(routed(), record.RouteFromLease) // not to a duplicate, as the full one
	for name, k := range all {
		text, err := k.full.Text()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.read(leased(t, k.full, text)); err != nil {
			t.Fatalf("%s: the record itself: %v", name, err)
		}
		var document any
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(err)
		}
		for _, l := range leaves(name, document, nil) {
			hostile := maps.Clone(numbers)
			if was, is := l.value.(string); is {
				hostile = map[string]any{}
				for what, add := range texts {
					hostile[what] = add(was)
				}
			}
			for what, value := range hostile {
				l.set(value)
				forged, err := json.Marshal(document)
				if err != nil {
					t.Fatal(err)
				}
				_, err = k.read(leased(t, k.full, string(forged)))
				if problem.From(err).Code != problem.Unreadable {
					t.Errorf("%s with %s: %v", l.path, what, err)
				} else if strings.ContainsFunc(err.Error(), func(c rune) bool { return !unicode.IsPrint(c) }) {
					t.Errorf("%s with %s: its error shows it: %q", l.path, what, err)
				}
			}
			l.set(l.value)
		}
	}
}

// The records that these tests forge have a value in every field: else a new field would go unseen.
func TestRecordsAreFull(t *testing.T) {
	t.Parallel()
	for name, k := range kinds() {
		v := reflect.ValueOf(k.full)
		for i := range v.NumField() {
			f := v.Type().Field(i)
			tag := f.Tag.Get("json")
			if tag != "-" && f.Type.Kind() != reflect.Bool && v.Field(i).IsZero() {
				t.Errorf("%s has no %s", name, f.Name)
			}
		}
	}
}

// A kind's record is never read as another's, on whatever object; a newer version is refused before its fields are
// looked at, with the way out, and survives, since nothing writes what it can't read.
func TestOtherKindsAndVersions(t *testing.T) {
	t.Parallel()
	all := kinds()
	for name, k := range all {
		text, err := k.full.Text()
		if err != nil {
			t.Fatal(err)
		}
		for other, o := range all {
			_, err := o.read(leased(t, o.full, text))
			if (err == nil) != (name == other) || errors.Is(err, record.ErrOtherKind) != (name != other) {
				t.Errorf("a %s on the Lease of a %s: %v", name, other, err)
			}
		}
		newer := leased(t, k.full, `{"kind":"`+name+`","version":2,"session":{"of":"another type"},"port":"x"}`)
		_, err = k.read(newer)
		p := problem.From(err)
		if !errors.Is(err, document.ErrNewer) || p.Code != problem.Unreadable ||
			!strings.Contains(p.Hint, "install the version") {
			t.Errorf("a newer %s: %v (%s)", name, err, p.Hint)
		}
		unknown := leased(t, k.full, `{"kind":"\u001b[2J`+strings.Repeat("x", 500)+`","version":1}`)
		_, err = k.read(unknown)
		if p := problem.From(err); p.Code != problem.Unreadable || strings.Contains(err.Error(), "\x1b") ||
			len(err.Error()) > 300 {
			t.Errorf("an unknown kind on the Lease of a %s: %v", name, err)
		}
		if kind := record.OtherKind(unknown); kind != "" {
			t.Errorf("it is shown as %q", kind)
		}
	}
}

// A heartbeat that no answer of the daemon's can carry is none: JSON has no years after 9999, and one Lease of such a
// time would cost everyone the list of the namespace's sessions.
func TestHeartbeatsOfNoTime(t *testing.T) {
	t.Parallel()
	for name, k := range kinds() {
		for what, at := range map[string]time.Time{
			"the last second":        time.Unix(math.MaxInt64, 0),
			"year 10000":             time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC),
			"year 10000 where it is": time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -14*60*60)).UTC(),
			"before Christ":          time.Date(-40, 1, 1, 0, 0, 0, 0, time.UTC),
		} {
			text, err := k.full.Text()
			if err != nil {
				t.Fatal(err)
			}
			l := leased(t, k.full, text)
			l.Spec.RenewTime = &metav1.MicroTime{Time: at}
			if _, err := k.read(l); problem.From(err).Code != problem.Unreadable {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		l, err := k.full.NewLease()
		if err != nil {
			t.Fatal(err)
		}
		l.Spec.RenewTime = nil // of a Lease that is made by hand: it was never heard of
		r, err := k.read(l)
		if err != nil {
			t.Fatalf("%s without a heartbeat: %v", name, err)
		}
		if !r.(aging).Abandoned(noon) {
			t.Errorf("%s without a heartbeat blocks others", name)
		}
	}
}

// aging is a record whose daemon was heard of at some time.
type aging interface {
	Silent(now time.Time) time.Duration
	Abandoned(now time.Time) bool
}

func heardOf(r stored, at time.Time) aging {
	switch r := r.(type) {
	case record.Tunnel:
		r.Heartbeat = at
		return r
	case record.Route:
		r.Heartbeat, r.Until = at, time.Time{}
		return r
	}
	dev := r.(record.Record)
	dev.Heartbeat = at
	return dev
}

// A session blocks others until its silence is over its limit by the API server's clock, not from it on. A heartbeat
// that is ahead of that clock by a few is one of now; by more, it is none, and never keeps a session for ever.
func TestAbandonment(t *testing.T) {
	t.Parallel()
	const skew = 4 * record.Beat
	limits := map[string]time.Duration{
		record.DevMode:    time.Hour,
		record.TunnelKind: contract.AgentLinger * time.Second,
		record.RouteKind:  record.DefaultAbandonAfter,
	}
	for name, k := range kinds() {
		limit := limits[name]
		for _, tt := range []struct {
			ago       time.Duration
			silent    time.Duration
			abandoned bool
		}{
			{0, 0, false},
			{skew - 1, skew - 1, false},
			{limit, limit, false},
			{limit + 1, limit + 1, true},
			{-skew, 0, false},
			{-skew - 1, math.MaxInt64, true},
			{-10 * limit, math.MaxInt64, true},
		} {
			r := heardOf(k.full, noon.Add(-tt.ago))
			if r.Silent(noon) != tt.silent || r.Abandoned(noon) != tt.abandoned {
				t.Errorf("%s, heard of %s ago: %s, abandoned %v", name, tt.ago, r.Silent(noon), r.Abandoned(noon))
			}
			if r, is := r.(record.Record); is && r.Lives(noon) != (tt.silent < skew) {
				t.Errorf("heard of %s ago, it lives: %v", tt.ago, r.Lives(noon))
			}
		}
	}
}

// A route with a lifetime ends at that time, however lively its daemon is; without one it never does.
func TestLifetime(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		until time.Time
		now   time.Time
		over  bool
	}{
		"none":             {time.Time{}, noon.AddDate(1000, 0, 0), false},
		"to come":          {noon.Add(time.Hour), noon, false},
		"at the time":      {noon.Add(time.Hour), noon.Add(time.Hour), false},
		"over":             {noon.Add(time.Hour), noon.Add(time.Hour + 1), true},
		"in another place": {noon.Add(time.Hour).In(time.FixedZone("", 3600)), noon.Add(time.Hour + 1), true},
	} {
		r := routed()
		r.Until, r.Heartbeat = tt.until, tt.now
		if r.Over(tt.now) != tt.over || r.Abandoned(tt.now) != tt.over {
			t.Errorf("%s: over %v, abandoned %v", name, r.Over(tt.now), r.Abandoned(tt.now))
		}
		l, err := r.NewLease()
		if err != nil {
			t.Fatal(err)
		}
		l.Spec.RenewTime = &metav1.MicroTime{Time: tt.now}
		if got, err := record.RouteFromLease(l); err != nil || !got.Until.Equal(tt.until) {
			t.Errorf("%s: %v of its Lease, %v", name, got.Until, err)
		}
	}
	r := routed()
	r.Until = noon.Add(-time.Second)
	if err := r.Check("it"); err == nil {
		t.Error("a route that ended before it began is taken")
	}
}

// Whatever text a Lease has, reading it ends in an error or in a record that a rewrite does not change: neither what it
// says, nor what only a newer build knows of.
func FuzzRecords(f *testing.F) {
	all := kinds()
	for _, k := range all {
		text, err := k.full.Text()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(strings.Replace(text, "{", `{"color":{"r":[1]},`, 1))
		f.Add(strings.Replace(text, "{", `{"ſince":"2020-01-01T00:00:00Z",`, 1)) // JSON's fields have any case
	}
	f.Add(`{"kind":"dev","KIND":"tunnel","session":"0a1b2c3d","SESSION":"x"}`)
	f.Add(`{"version":1,"session":null,"holder":[]}`)
	head := func(p cmp.Path) bool { return p.String() == "Kind" || p.String() == "Version" } // a rewrite brings these
	f.Fuzz(func(t *testing.T, text string) {
		for name, k := range all {
			said, err := k.decode(text)
			if err != nil {
				said = k.full
			}
			own := said.Claim()
			l := leased(t, k.full, text)
			l.Namespace, l.Name = own.Namespace, own.Name
			l.Labels = map[string]string{contract.LabelSession: own.Session, contract.LabelRole: own.Role}
			first, err := k.read(l)
			if err != nil {
				if problem.From(err).Code != problem.Unreadable {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if l.Annotations[contract.AnnotationRecord], err = first.Text(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			second, err := k.read(l)
			if diff := cmp.Diff(first, second, cmp.FilterPath(head, cmp.Ignore())); diff != "" || err != nil {
				t.Errorf("%s: a rewrite of %s changes it: %v\n%s", name, text, err, diff)
			}
		}
	})
}
