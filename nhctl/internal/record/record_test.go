package record_test

import (
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
)

var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// full is a record with a value in every field.
func full() record.Record {
	return record.Record{
		Kind:      record.DevMode,
		Version:   record.Version,
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Workload:  workload.Ref{Kind: workload.StatefulSet, Name: "db"},
		UID:       "original",
		Replicas:  3,
		Kept:      2,
		Suspended: true,
		Scaled:    true,
		Mode:      record.Replace,
		Phase:     record.Active,
		Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
		Since:     noon,
		Port:      20001,
		Container: "app",
		Image:     "dev:1",
		WorkDir:   "/src",
		Shell:     "bash",
		Folder:    "/home/ada/Größe 1",
		MountPath: "/src/app",
		More: []record.Folder{{Local: "/home/ada/lib", Remote: "/lib/ours"},
			{Container: "worker", Local: "/home/ada/w", Remote: "/w"}},
		Extra:        []record.Container{{Name: "worker", Image: "dev:2", WorkDir: "/w"}},
		ByExec:       true,
		Alone:        true,
		Paused:       []string{"db"},
		Fingerprint:  "abc",
		TookOver:     &record.TookOver{Session: "ffffffff", Kept: "/kept"},
		Heartbeat:    noon,
		AbandonAfter: time.Hour,
	}
}

func lease(t *testing.T, r record.Record) *coordinationv1.Lease {
	t.Helper()
	l, err := r.NewLease()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRecordSurvivesItsLease(t *testing.T) {
	t.Parallel()
	want := full()
	l := lease(t, want)
	got, err := record.FromLease(l)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wanted := `{"session":"0a1b2c3d","by":{"user":"bob","local":"bob@desktop"}}`
	l.Annotations[contract.AnnotationWanted] = wanted
	if got, err = record.FromLease(l); err != nil || got.Wanted == nil ||
		got.Wanted.By.String() != "bob@desktop (bob)" {
		t.Errorf("wanted: %+v, %v", got.Wanted, err)
	}
	l.Annotations[contract.AnnotationWanted] = `{"kind":"take-over","version":2,"session":{"id":"0a1b2c3d"}}`
	if got, err = record.FromLease(l); err != nil || got.NewerWanted != 2 {
		t.Errorf("a newer request: %d, %v", got.NewerWanted, err)
	}
	text, err := record.NewWanted("0a1b2c3d", record.Holder{User: "bob", Local: "bob@desktop"})
	if err != nil {
		t.Fatal(err)
	}
	l.Annotations[contract.AnnotationWanted] = text
	if got, err = record.FromLease(l); err != nil || got.Wanted == nil || got.Wanted.Version != record.WantedVersion {
		t.Errorf("a request of this build %s: %+v, %v", text, got.Wanted, err)
	}
	for name, text := range map[string]string{
		"of another session": strings.Replace(wanted, "0a1b", "ffff", 1),
		"of no one":          `{"session":"0a1b2c3d"}`,
		"with an escape":     `{"session":"0a1b2c3d","by":{"user":"bob","local":"\u001b[2J"}}`,
		"no JSON":            "x",
		"too long":           strings.Replace(wanted, "desktop", strings.Repeat("x", 100_000), 1),
		"of another kind":    strings.Replace(wanted, "{", `{"kind":"other","version":1,`, 1),
		"of a newer version": `{"kind":"take-over","version":2,"session":{"id":"0a1b2c3d"}}`,
	} {
		l.Annotations[contract.AnnotationWanted] = text
		if got, err := record.FromLease(l); err != nil || got.Wanted != nil {
			t.Errorf("wanted %s: %+v, %v", name, got.Wanted, err)
		}
	}
}

func TestNamesAreComputed(t *testing.T) {
	t.Parallel()
	r := full()
	if r.Lease() != "nhctl-statefulset-db" || r.Twin() != "db-nhctl-0a1b2c3d" {
		t.Error(r.Lease(), r.Twin())
	}
	want := []record.Folder{
		{ID: "0a1b2c3d", Container: "app", Local: "/home/ada/Größe 1", Remote: "/src/app"},
		{ID: "0a1b2c3d-2", Container: "app", Local: "/home/ada/lib", Remote: "/lib/ours"},
		{ID: "0a1b2c3d-3", Container: "worker", Local: "/home/ada/w", Remote: "/w"},
	}
	if diff := cmp.Diff(want, r.Folders()); diff != "" {
		t.Error(diff)
	}
	r.Mode = record.Duplicate
	if r.Lease() != "nhctl-statefulset-db-0a1b2c3d" {
		t.Error(r.Lease())
	}
}

// Whoever may write Leases may write anything into a record: what no session of ours would have written is refused.
func TestForgedRecords(t *testing.T) {
	t.Parallel()
	valid := lease(t, full()).Annotations[contract.AnnotationRecord]
	with := func(pairs ...string) string {
		text := strings.NewReplacer(pairs...).Replace(valid)
		if text == valid {
			t.Errorf("%q changes nothing of %s", pairs, valid)
		}
		return text
	}
	for name, text := range map[string]string{
		"none":                       "",
		"no JSON":                    "{",
		"a list":                     "[]",
		"too long":                   with(`"bash"`, `"`+strings.Repeat("x", 70_000)+`"`),
		"no session":                 with(`"0a1b2c3d"`, `""`),
		"session above":              with(`"0a1b2c3d"`, `"../.."`),
		"session of another form":    with(`"0a1b2c3d"`, `"0A1B2C3D"`),
		"session with more":          with(`"0a1b2c3d"`, `"0a1b2c3d\n"`),
		"another session":            with(`"0a1b2c3d"`, `"11111111"`),
		"another namespace":          with(`"shop"`, `"prod"`),
		"no namespace":               with(`"shop"`, `""`),
		"namespace that is a path":   with(`"shop"`, `"../kube-system"`),
		"no kind":                    with(`"statefulset"`, `""`),
		"unknown kind":               with(`"statefulset"`, `"secret"`),
		"kind that is a path":        with(`"statefulset"`, `"a.v1.b/../../c"`),
		"another kind":               with(`"statefulset"`, `"deployment"`),
		"another workload":           with(`"Name":"db"`, `"Name":"payment"`),
		"workload that is a path":    with(`"Name":"db"`, `"Name":"../db"`),
		"unknown mode":               with(`"replace"`, `"destroy"`),
		"another mode":               with(`"replace"`, `"duplicate"`),
		"unknown phase":              with(`"active"`, `"gone"`),
		"no holder":                  with(`"user":"ada"`, `"user":""`),
		"holder with an escape":      with(`ada@laptop`, `\u001b]0;x\u0007`),
		"holder with a line":         with(`ada@laptop`, `ada\nroot`),
		"holder that is long":        with(`ada@laptop`, strings.Repeat("x", 2000)),
		"negative replicas":          with(`"replicas":3`, `"replicas":-1`),
		"too many replicas":          with(`"replicas":3`, `"replicas":2000000000`),
		"replicas beyond a number":   with(`"replicas":3`, `"replicas":99999999999`),
		"more kept than there are":   with(`"kept":2`, `"kept":4`),
		"port 0":                     with(`"port":20001`, `"port":0`),
		"port of the system":         with(`"port":20001`, `"port":22`),
		"port that is none":          with(`"port":20001`, `"port":70000`),
		"began in another era":       with(`2024-05-01`, `0001-01-01`),
		"began after its heartbeat":  with(`2024-05-01`, `2054-05-01`),
		"container that is no name":  with(`"container":"app"`, `"container":"../x"`),
		"container twice":            with(`"name":"worker"`, `"name":"app"`),
		"folder of no container":     with(`"container":"worker"`, `"container":"other"`),
		"folder with an escape":      with(`/home/ada/lib`, `/home/\u001b[31m`),
		"image with a line":          with(`dev:1`, `dev\n:1`),
		"no image":                   with(`dev:1`, ``),
		"relative work folder":       with(`"workDir":"/src"`, `"workDir":"src"`),
		"relative mount":             with(`"/src/app"`, `"app"`),
		"autoscaler that is a path":  with(`["db"]`, `["../x"]`),
		"many autoscalers":           with(`["db"]`, `["db"`+strings.Repeat(`,"db"`, 100)+`]`),
		"took over no session":       with(`"ffffffff"`, `"../.."`),
		"fingerprint with an escape": with(`"abc"`, `"\u001b"`),
		"UID with a line":            with(`"original"`, `"a\nb"`),
		"negative version":           with(`"version":1`, `"version":-1`),
	} {
		l := lease(t, full())
		l.Annotations[contract.AnnotationRecord] = text
		_, err := record.FromLease(l)
		if err == nil || problem.From(err).Code != problem.Unreadable ||
			!strings.HasPrefix(err.Error(), "Lease nhctl-statefulset-db is not the record of a session: ") {
			t.Errorf("%s: %v", name, err)
		}
		if errors.Is(err, document.ErrNewer) {
			t.Errorf("%s counts as newer", name)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' }) {
			t.Errorf("%s: its error has control characters: %q", name, err)
		}
	}
}

// A record speaks of the object that it is on, and of no other.
func TestForgedObjects(t *testing.T) {
	t.Parallel()
	huge, negative := int32(math.MaxInt32), int32(-1)
	for name, forge := range map[string]func(*coordinationv1.Lease){
		"another name":            func(l *coordinationv1.Lease) { l.Name = "nhctl-statefulset-payment" },
		"another namespace":       func(l *coordinationv1.Lease) { l.Namespace = "dev" },
		"another session's label": func(l *coordinationv1.Lease) { l.Labels[contract.LabelSession] = "11111111" },
		"no label of a session":   func(l *coordinationv1.Lease) { delete(l.Labels, contract.LabelSession) },
		"another role":            func(l *coordinationv1.Lease) { l.Labels[contract.LabelRole] = contract.RoleTwin },
		"no labels":               func(l *coordinationv1.Lease) { l.Labels = nil },
		"never abandoned":         func(l *coordinationv1.Lease) { l.Spec.LeaseDurationSeconds = &huge },
		"abandoned before":        func(l *coordinationv1.Lease) { l.Spec.LeaseDurationSeconds = &negative },
	} {
		l := lease(t, full())
		forge(l)
		if _, err := record.FromLease(l); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestNewerRecord(t *testing.T) {
	t.Parallel()
	l := lease(t, full())
	l.Annotations[contract.AnnotationRecord] = `{"version":2,"session":{"id":"another type"},"port":"20001"}`
	_, err := record.FromLease(l)
	if !errors.Is(err, document.ErrNewer) || problem.From(err).Code != problem.Unreadable ||
		!strings.Contains(problem.From(err).Hint, "install the version") {
		t.Errorf("%v", err)
	}
	r := full()
	r.Version = 2
	if err := r.Check("session.json"); !errors.Is(err, document.ErrNewer) {
		t.Errorf("kept on this computer: %v", err)
	}
}

func TestFromTwin(t *testing.T) {
	t.Parallel()
	r := full()
	r.Heartbeat, r.AbandonAfter = time.Time{}, 0
	text, err := r.Text()
	if err != nil {
		t.Fatal(err)
	}
	twin := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Name:        r.Twin(),
		Namespace:   "shop",
		Labels:      map[string]string{contract.LabelRole: contract.RoleTwin, contract.LabelSession: r.Session},
		Annotations: map[string]string{contract.AnnotationRecord: text},
	}}
	got, err := record.FromTwin(&twin)
	if diff := cmp.Diff(r, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for name, forge := range map[string]func(*appsv1.Deployment){
		"another Deployment's":  func(d *appsv1.Deployment) { d.Name = "payment" },
		"another namespace's":   func(d *appsv1.Deployment) { d.Namespace = "prod" },
		"one that is no twin":   func(d *appsv1.Deployment) { delete(d.Labels, contract.LabelRole) },
		"one without a record":  func(d *appsv1.Deployment) { d.Annotations = nil },
		"one of another record": func(d *appsv1.Deployment) { d.Labels[contract.LabelSession] = "11111111" },
	} {
		forged := *twin.DeepCopy()
		forged.Labels = maps.Clone(forged.Labels)
		forge(&forged)
		if _, err := record.FromTwin(&forged); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestValidID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{"0a1b2c3d": true, "": false, ".": false, "..": false, "../../precious": false,
		"0a1b2c3": false, "0a1b2c3d4": false, "0a1b2c3/": false, "0a1b2c3d\n": false, "0A1B2C3D": false} {
		if record.ValidID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}

// What a newer build has added survives wherever a record is rewritten, at any depth.
func TestUnknownFieldsSurvive(t *testing.T) {
	t.Parallel()
	written := full()
	written.Extra = []record.Container{{Name: "worker", Image: "i", WorkDir: "/w"}}
	written.More = []record.Folder{{Container: "worker", Local: "/l", Remote: "/r"}}
	l := lease(t, written)
	text := l.Annotations[contract.AnnotationRecord]
	for _, add := range [][2]string{
		{`{`, `{"color":{"r":1},`},
		{`"holder":{`, `"holder":{"team":"a",`},
		{`"extra":[{`, `"extra":[{"gpu":true,`},
		{`"more":[{`, `"more":[{"mode":"x",`},
	} {
		if strings.Count(text, add[0]) == 0 {
			t.Fatalf("no %s in %s", add[0], text)
		}
		text = strings.Replace(text, add[0], add[1], 1)
	}
	l.Annotations[contract.AnnotationRecord] = text
	r, err := record.FromLease(l)
	if err != nil {
		t.Fatal(err)
	}
	r.Phase = record.Leaving
	again := lease(t, r).Annotations[contract.AnnotationRecord]
	for _, want := range []string{`"color":{"r":1}`, `"team":"a"}`, `"gpu":true}`, `"mode":"x"}`, `"phase":"leaving"`} {
		if strings.Count(again, want) != 1 {
			t.Errorf("no %s in %s", want, again)
		}
	}
}

// A session of another kind is never read as dev mode, whatever else its record says; one without a kind is of dev
// mode.
func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"": "", record.DevMode: "", "tunnel": "tunnel"} {
		l := lease(t, full())
		text := strings.Replace(l.Annotations[contract.AnnotationRecord], `"kind":"dev",`, "", 1)
		if kind != "" {
			text = strings.Replace(text, "{", `{"kind":"`+kind+`",`, 1)
		}
		l.Annotations[contract.AnnotationRecord] = text
		_, err := record.FromLease(l)
		if errors.Is(err, record.ErrOtherKind) != (want != "") || (err == nil) != (want == "") {
			t.Errorf("kind %q: %v", kind, err)
		}
		if got := record.OtherKind(l); got != want {
			t.Errorf("kind %q is shown as %q", kind, got)
		}
	}
	// Its fields may be of other types, and its version is that of its own kind.
	l := lease(t, full())
	l.Annotations[contract.AnnotationRecord] = `{"kind":"tunnel","version":7,"session":{"id":"0a1b2c3d"}}`
	_, err := record.FromLease(l)
	if !errors.Is(err, record.ErrOtherKind) || problem.From(err).Code != problem.Unreadable {
		t.Errorf("a tunnel's: %v", err)
	}
}
