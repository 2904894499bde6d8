package carry

import (
	"bytes"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/frame"
)

func quiet(int64, int64) {}

func folder(path string) entry { return entry{Path: path, Mode: fs.ModeDir | 0o755, ModTime: noon} }
func file(path string, size int64) entry {
	return entry{Path: path, Mode: 0o644, Size: size, ModTime: noon}
}
func link(path, target string) entry { return entry{Path: path, Mode: fs.ModeSymlink, Link: target} }

// frames are what a far end says, whatever that is.
type frames struct{ bytes.Buffer }

func (f *frames) say(kind byte, data ...string) *frames {
	f.Buffer.Write(frame.Append(nil, kind, []byte(strings.Join(data, ""))))
	return f
}

// plan says a plan, whatever it has.
func (f *frames) plan(name string, entries ...entry) *frames {
	f.say(kindName, name)
	for _, e := range entries {
		f.say(kindEntry, string(e.append(nil)))
	}
	return f.say(kindGo)
}

// monologue is a stream of a far end that does not listen.
type monologue struct{ io.Reader }

func (monologue) Write(p []byte) (int, error) { return len(p), nil }

// Whatever a sender says, nothing is written but below the target, and never through a link.
func TestReceiveFromAHostileSender(t *testing.T) {
	t.Parallel()
	root := folder(".")
	say := func(name string, entries ...entry) *frames { return new(frames).plan(name, entries...) }
	protected := Terms{LeaveOut: func(path string) string {
		if path == ".git" || strings.HasPrefix(path, ".git/") {
			return "protected"
		}
		return ""
	}}
	for name, tt := range map[string]struct {
		says  *frames
		terms Terms
		want  map[string]string // in the target
		fails string
	}{
		"a path that goes up": {says: say(".", root, file("../x", 0)), fails: "outside of the target"},
		"an absolute path":    {says: say(".", root, file("/x", 0)), fails: "outside of the target"},
		"a path not as short as it": {says: say(".", root, folder("a"),
			file("a/../a/x", 0)), fails: "outside of the target"},
		"a link that goes up": {says: say(".", root, link("l", "../x")), fails: "outside of the target"},
		"an absolute link":    {says: say(".", root, link("l", "/etc")), fails: "outside of the target"},
		"a link out through a link": {says: say(".", root, folder("d"), link("d/s", ".."),
			link("d/l", "s/../../x")), fails: "outside of the target"},
		"the root as a link":  {says: say("x", link(".", "y")), fails: "outside of the target"},
		"a file below a link": {says: say(".", root, link("l", "."), file("l/x", 0)), fails: "without its folder"},
		"a link below a link": {says: say(".", root, folder("a"), folder("a/b"), link("a/b/s", "../.."),
			link("a/b/s/l", "../../.ssh")),
			fails: "without its folder"},
		"a file below a file":     {says: say(".", root, file("f", 0), file("f/x", 0)), fails: "without its folder"},
		"a file without a folder": {says: say(".", root, file("a/x", 0)), fails: "without its folder"},
		"a name twice":            {says: say(".", root, folder("a"), link("a", ".")), fails: "comes twice"},
		"a name with a slash":     {says: say("a/b", file(".", 0)), fails: "no name for a file"},
		"a name that goes up":     {says: say("..", file(".", 0)), fails: "no name for a file"},
		"another name": {says: say(".bashrc",
			file(".", 0)), terms: Terms{Name: "dump.sql"}, fails: `".bashrc" came instead of "dump.sql"`},
		"a device": {says: say(".", root,
			entry{Path: "d", Mode: fs.ModeDevice | 0o600}), fails: "an entry of 0 bytes"},
		"a negative size":         {says: say("x", file(".", -1)), fails: "an entry of -1 bytes"},
		"more than was announced": {says: say("x", file(".", 2)).say(kindData, "abc"), fails: "more than the 2 bytes"},
		"less than was announced": {says: say("x", file(".", 2)).say(kindData, "a").say(kindEnd),
			fails: "1 bytes are missing"},
		"a frame that is too long": {says: new(frames).say(kindName,
			strings.Repeat("x", maxFrame+1)), fails: "the limit is"},
		"a frame of no known kind": {says: new(frames).say(99), fails: "kind 99"},
		"what is protected": {says: say(".", root, folder(".git"), file(".git/config", 3), file("x", 0)).say(kindEnd),
			terms: protected,
			want:  map[string]string{"x": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			target := filepath.Join(outer, "target")
			plant(t, outer, map[string]string{"target/": ""})
			_, err := Receive(monologue{tt.says}, target, tt.terms, quiet)
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%v, want %q", err, tt.fails)
			}
			there := harvest(t, target)
			for name := range there {
				if strings.HasPrefix(filepath.Base(name), ".syncthing.") {
					delete(there, name) // a part
				}
			}
			if diff := cmp.Diff(tt.want, there); diff != "" && len(tt.want)+len(there) > 0 {
				t.Error(diff)
			}
			if others, err := os.ReadDir(outer); err != nil || len(others) != 1 {
				t.Errorf("next to the target: %v, %v", others, err)
			}
		})
	}
}

// A plan has a limit, however long the sender goes on.
func TestReceiveEndlessPlan(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]byte{"entries": kindEntry, "skipped": kindSkipped, "names": kindName} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := frame.Append(nil, kind, file(strings.Repeat("x", maxFrame/2), 0).append(nil))
			_, err := Receive(monologue{endless{one, new(int)}}, t.TempDir(), Terms{}, quiet)
			if err == nil || !strings.Contains(err.Error(), "copy a folder at a time") {
				t.Error(err)
			}
		})
	}
}

// endless repeats itself.
type endless struct {
	text []byte
	at   *int
}

func (e endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[*e.at:])
	*e.at = (*e.at + n) % len(e.text)
	return n, nil
}

// Whatever a receiver asks for, a sender sends what is there, or refuses.
func TestSendToAHostileReceiver(t *testing.T) {
	t.Parallel()
	const (
		none     = "\xff\xff\xff\xff\xff\xff\xff\xff"
		third    = "\x00\x00\x00\x00\x00\x00\x00\x03"
		minusTwo = "\xff\xff\xff\xff\xff\xff\xff\xfe"
	)
	for name, tt := range map[string]struct {
		says  *frames
		fails string
	}{
		"nothing is wanted": {new(frames).say(kindBegin, none).say(kindGo).say(kindDone, "{}"), ""},
		"too few entries":   {new(frames).say(kindGo), "0 entries are wanted of 1"},
		"too many entries":  {new(frames).say(kindBegin, none, none), "2 entries are wanted of 1"},
		"half of an entry":  {new(frames).say(kindBegin, none[:4]), "entries are wanted"},
		"behind the end":    {new(frames).say(kindBegin, third), "wanted from byte 3 on, of 2"},
		"before the begin":  {new(frames).say(kindBegin, minusTwo), "wanted from byte -2 on, of 2"},
		"a refusal":         {new(frames).say(kindRefuse, "no"), "no"},
		"an error in the end": {new(frames).say(kindBegin, none).say(kindGo).say(kindDone, `{"error":"disk full"}`),
			"disk full"},
		"no JSON in the end": {new(frames).say(kindBegin, none).say(kindGo).say(kindDone, "{"),
			"unexpected end of JSON"},
		"something in the end": {new(frames).say(kindBegin, none).say(kindGo).say(kindData, "{}"), "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			plant(t, dir, map[string]string{"f": "ab"})
			_, err := Send(monologue{tt.says}, filepath.Join(dir, "f"), quiet)
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%v, want %q", err, tt.fails)
			}
		})
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{"": ".", ".": ".", "a": "a", "a/": "a", "a/.": ".", "/": ".",
		"a/b": "b", "/a/b/": "b", "..": ".", "a/..": ".", "../a": "a"} {
		if got := Name(source); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// What a link to a folder is called is what the user called it, so that the receiver can tell.
func TestSendThroughALink(t *testing.T) {
	t.Parallel()
	here, there := t.TempDir(), t.TempDir()
	plant(t, here, map[string]string{"real/x": "1", "name": "->real"})
	a, b := net.Pipe()
	go func() { _, _ = Send(a, filepath.Join(here, "name"), quiet) }()
	if _, err := Receive(b, there, Terms{Name: "name"}, quiet); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"name/": "", "name/x": "1"}, harvest(t, there)); diff != "" {
		t.Error(diff)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(new(frames).plan("x", file(".", 3)).say(kindData, "abc").say(kindEnd).Bytes())
	f.Add(new(frames).plan(".", folder("."), folder("a"), link("a/l", "../b"), file("b", 1)).say(kindData,
		"b").say(kindEnd).Bytes())
	f.Add(new(frames).plan(".", folder("."), link("l", "../x"), file("l/x", 1)).say(kindData, "b").say(kindEnd,
		"gone").Bytes())
	f.Add(new(frames).say(kindRefuse, "no").Bytes())
	f.Fuzz(func(t *testing.T, says []byte) {
		outer := t.TempDir()
		plant(t, outer, map[string]string{"target/": ""})
		_, _ = Receive(monologue{bytes.NewReader(says)}, filepath.Join(outer, "target"), Terms{}, quiet)
		if others, err := os.ReadDir(outer); err != nil || len(others) != 1 {
			t.Fatalf("next to the target: %v, %v", others, err)
		}
	})
}

func FuzzSend(f *testing.F) {
	f.Add(new(frames).say(kindBegin, string(make([]byte, 16))).say(kindGo).say(kindDone, `{"files":1}`).Bytes())
	f.Add(new(frames).say(kindRefuse, "no").Bytes())
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("ab"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, says []byte) {
		_, _ = Send(monologue{bytes.NewReader(says)}, dir, quiet)
	})
}
