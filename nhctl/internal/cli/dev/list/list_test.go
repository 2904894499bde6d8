package list_test

import (
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/list"
	"github.com/nhctl/nhctl/nhctl/internal/cli/watch/watchtest"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

func TestMain(m *testing.M) { sessiontest.Main(m) }

// A watched list has a session from its start to its end, a line with the whole list at a time; so does another
// developer's, for whom it is not theirs.
func TestWatch(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	bob := sessiontest.NewComputer(t, "bob").Shell(cluster, "bob", "true")
	hers := watchtest.Run(t, ada.Caller, ui.JSON, list.New)
	his := watchtest.Run(t, bob.Caller, ui.JSON, list.New)
	none := func(all []rpc.Session) bool { return len(all) == 0 }
	active := func(mine bool) func([]rpc.Session) bool {
		return func(all []rpc.Session) bool {
			return len(all) == 1 && all[0].Phase == "active" && all[0].Mine == mine && all[0].Live == mine
		}
	}
	watchtest.Until(t, hers, none)
	watchtest.Until(t, his, none)
	ada.MustStart()
	watchtest.Until(t, hers, active(true))
	watchtest.Until(t, his, active(false))
	if _, err := ada.End(); err != nil {
		t.Fatal(err)
	}
	watchtest.Until(t, hers, none)
	watchtest.Until(t, his, none)
	for _, w := range []*watchtest.Watching{hers, his} {
		if err := w.Stop(); err != nil {
			t.Errorf("Ctrl-C: %v", err)
		}
	}
}

// As text, it is the table that the command prints without --watch, again and again.
func TestWatchAsText(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	session := ada.MustStart()
	for flag, want := range map[string]string{"": "SESSION", "--all-clusters": "CONTEXT"} {
		w := watchtest.Run(t, ada.Caller, ui.Text, list.New, strings.Fields(flag)...)
		head, err := w.Lines.ReadString('\n')
		row, rowErr := w.Lines.ReadString('\n')
		if err != nil || rowErr != nil || !strings.HasPrefix(head, want) || !strings.Contains(row, session.ID) {
			t.Errorf("%s: %q, %q, %v, %v", flag, head, row, err, rowErr)
		}
		if err := w.Stop(); err != nil {
			t.Errorf("Ctrl-C: %v", err)
		}
	}
	if _, err := ada.End(); err != nil {
		t.Error(err)
	}
}
